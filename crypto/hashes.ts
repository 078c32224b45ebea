/**
 * The hash functions of key exchange, key derivation and signatures, synchronous on every runtime:
 * those of `node:crypto` where there is one, and in JavaScript elsewhere.
 *
 * @module
 */

import {
  sha256 as nobleSha256,
  sha384 as nobleSha384,
  sha512 as nobleSha512,
} from "@noble/hashes/sha2.js";
import { nodeCrypto } from "./_node_crypto.ts";
import type { HashAlgorithm } from "./types.ts";

/** SHA-256 (FIPS 180-4): 32 bytes. */
export const sha256: HashAlgorithm = /* @__PURE__ */ hashOf("SHA-256", 32, nobleSha256);

/** SHA-384 (FIPS 180-4): 48 bytes. */
export const sha384: HashAlgorithm = /* @__PURE__ */ hashOf("SHA-384", 48, nobleSha384);

/** SHA-512 (FIPS 180-4): 64 bytes. */
export const sha512: HashAlgorithm = /* @__PURE__ */ hashOf("SHA-512", 64, nobleSha512);

function hashOf(
  name: string,
  digestBytes: number,
  noble: (data: Uint8Array) => Uint8Array<ArrayBuffer>,
): HashAlgorithm {
  const nodeName = name.replace("-", "").toLowerCase();
  return {
    name,
    digestBytes,
    digest(data) {
      const node = nodeCrypto();
      if (!node) return noble(data);
      const { buffer, byteOffset } = node.createHash(nodeName).update(data).digest();
      // It is a Buffer, whose methods are not those of its parent.
      return new Uint8Array(buffer, byteOffset, digestBytes);
    },
  };
}
