/**
 * What nobody should choose, for peers that have nothing better: on by no default, and not
 * re-exported beside the others.
 *
 * @module
 */

import { sha1 as nobleSha1 } from "@noble/hashes/legacy.js";
import { macAlgorithm } from "./macs.ts";
import type { HashAlgorithm, MacAlgorithm } from "./types.ts";

/** SHA-1 (FIPS 180-4): 20 bytes. Collisions are found in practice. */
export const sha1: HashAlgorithm = {
  name: "SHA-1",
  digestBytes: 20,
  digest: (data) => nobleSha1(data),
};

/** `hmac-sha1-etm@openssh.com`, over the ciphertext. */
export const hmacSha1Etm: MacAlgorithm = /* @__PURE__ */ macAlgorithm({
  name: "hmac-sha1-etm@openssh.com",
  hash: "sha1",
  nobleHash: nobleSha1,
  tagBytes: 20,
  encryptThenMac: true,
});

/** `hmac-sha1` (RFC 4253 section 6.4), over the plaintext. */
export const hmacSha1: MacAlgorithm = /* @__PURE__ */ macAlgorithm({
  name: "hmac-sha1",
  hash: "sha1",
  nobleHash: nobleSha1,
  tagBytes: 20,
  encryptThenMac: false,
});
