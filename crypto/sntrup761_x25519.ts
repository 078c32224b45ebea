/**
 * Streamlined NTRU Prime 761 together with X25519, as `sntrup761x25519-sha512` uses them
 * (draft-ietf-sshm-ntruprime-ssh).
 *
 * @module
 */

import { hybridAgreement } from "./_hybrid.ts";
import { sha512 } from "./hashes.ts";
import {
  SNTRUP761_CIPHERTEXT_BYTES,
  SNTRUP761_PUBLIC_KEY_BYTES,
  sntrup761Decapsulate,
  sntrup761Encapsulate,
  sntrup761Generate,
} from "./sntrup761.ts";
import type { KeyAgreement } from "./types.ts";

/**
 * Streamlined NTRU Prime 761 with X25519. The client's share is a public key of 1158 bytes and an
 * X25519 share of 32; the server's is a ciphertext of 1039 bytes and an X25519 share. The secret
 * is the SHA-512 of both secrets, a string of 64 bytes.
 */
export const sntrup761X25519: KeyAgreement = /* @__PURE__ */ hybridAgreement({
  name: "sntrup761 with X25519",
  hash: sha512,
  publicKeyBytes: SNTRUP761_PUBLIC_KEY_BYTES,
  ciphertextBytes: SNTRUP761_CIPHERTEXT_BYTES,
  generate: sntrup761Generate,
  encapsulate: sntrup761Encapsulate,
  decapsulate: sntrup761Decapsulate,
});
