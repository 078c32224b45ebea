/**
 * The exchange hash and the keys that come out of it (RFC 4253 sections 7.2 and 8).
 *
 * @module
 */

import type { HashAlgorithm } from "../../crypto/types.ts";
import { EMPTY } from "../../wire/empty.ts";
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
  const data = new Writer(scratch)
    .string(transcript.clientVersion).string(transcript.serverVersion)
    .string(transcript.clientKexInit).string(transcript.serverKexInit)
    .string(hostKey).raw(fields).raw(secret).finish();
  const digest = hash.digest(data);
  data.fill(0);
  return digest;
}

/**
 * Where an exchange is put together to be hashed: nothing is left in it. Any exchange fits whose
 * shares are not larger than those of ML-KEM; others get a buffer of their own.
 */
const scratch = /* @__PURE__ */ new Uint8Array(8192);

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
  if (length === 0) return EMPTY;
  const { hash, secret, exchangeHash, sessionId } = material;
  const key = new Uint8Array(length);
  // K || H, and behind them first the use and the session id, and then what there is of the key.
  const start = secret.length + exchangeHash.length;
  const seed = new Uint8Array(start + Math.max(1 + sessionId.length, length));
  seed.set(secret);
  seed.set(exchangeHash, secret.length);
  seed[start] = use;
  seed.set(sessionId, start + 1);
  let end = start + 1 + sessionId.length;
  for (let filled = 0; filled < length; filled += hash.digestBytes) {
    const block = hash.digest(seed.subarray(0, end)).subarray(0, length - filled);
    key.set(block, filled);
    seed.set(block, start + filled);
    end = start + filled + block.length;
  }
  seed.fill(0);
  return key;
}
