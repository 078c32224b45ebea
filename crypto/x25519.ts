/**
 * X25519 (RFC 7748), as `curve25519-sha256` uses it (RFC 8731).
 *
 * @module
 */

import { pow } from "@noble/curves/abstract/modular.js";
import { montgomery } from "@noble/curves/abstract/montgomery.js";
import { ecdhAgreement } from "./_ecdh.ts";
import { checkShareLength } from "./_share.ts";
import type { KeyAgreement } from "./types.ts";

/** The length of a share, of a private key and of the secret, in bytes. */
export const X25519_BYTES = 32;

/** RFC 7748 section 4.1 */
const P = 2n ** 255n - 19n;

/**
 * The curve in JavaScript, for where there is no other. That of `@noble/curves/ed25519.js` makes
 * shares three times as fast, but takes all of the Edwards curve along.
 */
const x25519 = /* @__PURE__ */ montgomery({
  P,
  type: "x25519",
  powPminus2: (x) => pow(x, P - 2n, P),
  adjustScalarBytes(scalar: Uint8Array) {
    // RFC 7748 section 5
    scalar[0] = (scalar[0] ?? 0) & 0xf8;
    scalar[31] = (scalar[31] ?? 0) & 0x7f | 0x40;
    return scalar;
  },
});

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
