/**
 * The exchange hash and the keys that come out of it (RFC 4253 sections 7.2 and 8).
 *
 * @module
 */

import type { HashAlgorithm } from "../../crypto/types.ts";
import { Writer } from "../../wire/writer.ts";

/** What goes into the exchange hash, each as it was sent. */
export interface ExchangeTranscript {
  /** The client's identification, without CR LF. */
  readonly clientVersion: Uint8Array;
  /** The server's identification, without CR LF. */
  readonly serverVersion: Uint8Array;
  /** The payload of the client's KEXINIT. */
  readonly clientKexInit: Uint8Array;
  /** The payload of the server's KEXINIT. */
  readonly serverKexInit: Uint8Array;
}

/**
 * The exchange hash H.
 *
 * @param hostKey K_S, the server's public host key.
 * @param fields What the method has between K_S and K: the shares, already encoded.
 * @param secret K, already encoded.
 */
export function exchangeHash(
  hash: HashAlgorithm,
  transcript: ExchangeTranscript,
  hostKey: Uint8Array,
  fields: Uint8Array,
  secret: Uint8Array,
): Uint8Array {
  const { clientKexInit, serverKexInit } = transcript;
  const shares = hostKey.length + fields.length + secret.length;
  // The identifications have at most 255 bytes each.
  const capacity = clientKexInit.length + serverKexInit.length + shares + 1024;
  return hash.digest(
    new Writer(capacity).string(transcript.clientVersion).string(transcript.serverVersion)
      .string(transcript.clientKexInit).string(transcript.serverKexInit)
      .string(hostKey).raw(fields).raw(secret).finish(),
  );
}

/** What a derived key is for; the letters are those of RFC 4253 section 7.2. */
export const KeyUse = {
  IV_CLIENT_TO_SERVER: 0x41,
  IV_SERVER_TO_CLIENT: 0x42,
  CIPHER_CLIENT_TO_SERVER: 0x43,
  CIPHER_SERVER_TO_CLIENT: 0x44,
  MAC_CLIENT_TO_SERVER: 0x45,
  MAC_SERVER_TO_CLIENT: 0x46,
} as const;

/** What keys are derived from. */
export interface KeyMaterial {
  readonly hash: HashAlgorithm;
  /** K, already encoded. */
  readonly secret: Uint8Array;
  /** H. */
  readonly exchangeHash: Uint8Array;
  /** The first H of the connection. */
  readonly sessionId: Uint8Array;
}

/** Derives `length` bytes for one use (RFC 4253 section 7.2). */
export function deriveKey(
  material: KeyMaterial,
  use: (typeof KeyUse)[keyof typeof KeyUse],
  length: number,
): Uint8Array {
  const { hash, secret, sessionId } = material;
  const key = new Uint8Array(length);
  for (let filled = 0; filled < length; filled += hash.digestBytes) {
    const seed = new Writer(256).raw(secret).raw(material.exchangeHash);
    if (filled === 0) seed.uint8(use).raw(sessionId);
    else seed.raw(key.subarray(0, filled));
    key.set(hash.digest(seed.finish()).subarray(0, length - filled), filled);
  }
  return key;
}
