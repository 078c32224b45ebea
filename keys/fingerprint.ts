/**
 * Fingerprints: what people compare keys by.
 *
 * @module
 */

import { bytesToHex } from "@noble/curves/utils.js";
import { md5 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { toBase64 } from "../crypto/base64.ts";
import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { bitLength } from "./_integers.ts";
import { plainKey } from "./certificate.ts";
import type { PublicKey } from "./types.ts";

/** The hashes of fingerprints, as `ssh-keygen -E` names them. */
export type FingerprintHash = "sha256" | "md5";

/**
 * A key's fingerprint, as `ssh-keygen -l` prints it. That of a certificate is its key's.
 *
 * @param hash `sha256` gives `SHA256:` and base64 without padding; `md5`, for comparing with old
 * records only, `MD5:` and hexadecimal with colons.
 *
 * @example
 * ```ts
 * import { fingerprint, parsePublicKeyLine } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = parsePublicKeyLine(
 *   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7MZ+H4c+hmIlbjbidTG8qnOf9uhvvi4FsSeUsDtq18",
 * );
 * assert.equal(fingerprint(key), "SHA256:qROtOE23cYkmBk83mz2nh3bASGLG8yYrLVkRfHoMgKI");
 * ```
 */
export function fingerprint(key: PublicKey, hash: FingerprintHash = "sha256"): string {
  const digest = fingerprintDigest(key, hash);
  if (hash === "sha256") return `SHA256:${toBase64(digest).replaceAll("=", "")}`;
  return `MD5:${(bytesToHex(digest).match(/../g) ?? []).join(":")}`;
}

/**
 * The bytes of a key's fingerprint: 32 of `sha256`, 16 of `md5`.
 *
 * @throws {RangeError} If `hash` is another one.
 */
export function fingerprintDigest(key: PublicKey, hash: FingerprintHash): Uint8Array {
  const { blob } = plainKey(key);
  switch (hash) {
    case "sha256":
      return sha256(blob);
    case "md5":
      return md5(blob);
    default:
      throw new RangeError(`Cannot compute fingerprint: ${hash} is not one of sha256, md5`);
  }
}

/** A key's kind and size, as `ssh-keygen -l` prints them: `ED25519` and 256. */
export function describeKey(key: PublicKey): { kind: string; bits: number } {
  const plain = plainKey(key);
  const { kind, bits } = describePlainKey(plain);
  return plain === key ? { kind, bits } : { kind: `${kind}-CERT`, bits };
}

function describePlainKey({ type, blob }: PublicKey): { kind: string; bits: number } {
  if (type === "ssh-rsa") {
    const reader = new Reader(blob, "public key", KeyFormatError);
    reader.string("type");
    reader.mpint("exponent e");
    return { kind: "RSA", bits: bitLength(reader.mpint("modulus n")) };
  }
  const [, sk, name, bits = "256"] = /^(sk-)?(?:ssh-)?(\w+)(?:-sha2-nistp(\d+))?/.exec(type) ?? [];
  const kind = (name ?? type).toUpperCase();
  return { kind: sk === undefined ? kind : `${kind}-SK`, bits: Number(bits) };
}
