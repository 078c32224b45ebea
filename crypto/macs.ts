/**
 * The MAC algorithms: HMAC with SHA-2 (RFC 6668), over the ciphertext (`-etm`, OpenSSH's PROTOCOL
 * section 1.1) or over the plaintext (RFC 4253 section 6.4).
 *
 * @module
 */

import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { createHmac, type HmacHash } from "./_hmac.ts";
import type { MacAlgorithm, PacketMac } from "./types.ts";

/** `hmac-sha2-256-etm@openssh.com`, over the ciphertext. */
export const hmacSha256Etm: MacAlgorithm = /* @__PURE__ */ macAlgorithm({
  name: "hmac-sha2-256-etm@openssh.com",
  hash: "sha256",
  nobleHash: sha256,
  tagBytes: 32,
  encryptThenMac: true,
});

/** `hmac-sha2-512-etm@openssh.com`, over the ciphertext. */
export const hmacSha512Etm: MacAlgorithm = /* @__PURE__ */ macAlgorithm({
  name: "hmac-sha2-512-etm@openssh.com",
  hash: "sha512",
  nobleHash: sha512,
  tagBytes: 64,
  encryptThenMac: true,
});

/** `hmac-sha2-256` (RFC 6668), over the plaintext. */
export const hmacSha256: MacAlgorithm = /* @__PURE__ */ macAlgorithm({
  name: "hmac-sha2-256",
  hash: "sha256",
  nobleHash: sha256,
  tagBytes: 32,
  encryptThenMac: false,
});

/** `hmac-sha2-512` (RFC 6668), over the plaintext. */
export const hmacSha512: MacAlgorithm = /* @__PURE__ */ macAlgorithm({
  name: "hmac-sha2-512",
  hash: "sha512",
  nobleHash: sha512,
  tagBytes: 64,
  encryptThenMac: false,
});

/** What makes a MAC algorithm of a hash function. */
export interface HmacDescription extends HmacHash {
  /** The name on the wire. */
  readonly name: string;
  /** The tag's length in bytes, which is the digest's and the key's too. */
  readonly tagBytes: number;
  /** Whether the tag is over the ciphertext. */
  readonly encryptThenMac: boolean;
}

/** A MAC algorithm that is HMAC with the given hash function. */
export function macAlgorithm(description: HmacDescription): MacAlgorithm {
  const { name, tagBytes, encryptThenMac } = description;
  return {
    name,
    keyBytes: tagBytes,
    tagBytes,
    encryptThenMac,
    create: (key) => createPacketMac(description, key),
  };
}

function createPacketMac(description: HmacDescription, key: Uint8Array): PacketMac {
  const { name, tagBytes } = description;
  if (key.length !== tagBytes) {
    throw new RangeError(`Cannot key ${name}: ${key.length} bytes, but it takes ${tagBytes}`);
  }
  const hmac = createHmac(description, key);
  const head = new Uint8Array(4);
  const headView = new DataView(head.buffer);
  const expected = new Uint8Array(tagBytes);
  return {
    tagBytes,
    sign(sequence, data, tag) {
      headView.setUint32(0, sequence);
      hmac.sign(head, data, tag);
    },
    verify(sequence, data, tag) {
      headView.setUint32(0, sequence);
      hmac.sign(head, data, expected);
      return timingSafeEqual(expected, tag);
    },
  };
}
