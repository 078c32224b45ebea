/**
 * X25519 (RFC 7748), as `curve25519-sha256` uses it (RFC 8731).
 *
 * @module
 */

import { x25519 } from "@noble/curves/ed25519.js";
import { ecdhAgreement } from "./_ecdh.ts";
import { checkShareLength } from "./_share.ts";
import type { KeyAgreement } from "./types.ts";

/** The length of a share, of a private key and of the secret, in bytes. */
export const X25519_BYTES = 32;

/**
 * X25519. Shares are 32 bytes; a share of low order, which gives a secret of zeros, is refused.
 */
export const x25519Agreement: KeyAgreement = /* @__PURE__ */ ecdhAgreement({
  name: "X25519",
  web: "X25519",
  node: "X25519",
  secretBytes: X25519_BYTES,
  checkShare: (share) => checkShareLength("X25519", share, X25519_BYTES),
  privateKey: (random) => random(X25519_BYTES),
  share: (privateKey) => x25519.getPublicKey(privateKey),
  agree: (privateKey, share) => x25519.getSharedSecret(privateKey, share),
});
