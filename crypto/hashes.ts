/**
 * The hash functions of key exchange, key derivation and signatures, synchronous on every runtime.
 *
 * @module
 */

import {
  sha256 as nobleSha256,
  sha384 as nobleSha384,
  sha512 as nobleSha512,
} from "@noble/hashes/sha2.js";
import type { HashAlgorithm } from "./types.ts";

/** SHA-256 (FIPS 180-4): 32 bytes. */
export const sha256: HashAlgorithm = {
  name: "SHA-256",
  digestBytes: 32,
  digest: (data) => nobleSha256(data),
};

/** SHA-384 (FIPS 180-4): 48 bytes. */
export const sha384: HashAlgorithm = {
  name: "SHA-384",
  digestBytes: 48,
  digest: (data) => nobleSha384(data),
};

/** SHA-512 (FIPS 180-4): 64 bytes. */
export const sha512: HashAlgorithm = {
  name: "SHA-512",
  digestBytes: 64,
  digest: (data) => nobleSha512(data),
};
