/**
 * Diffie-Hellman on the curves of NIST, as `ecdh-sha2-nistp256` and its like use it (RFC 5656
 * section 4).
 *
 * @module
 */

import type { ECDSA } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { ecdhAgreement } from "./_ecdh.ts";
import { badShare, checkShareLength } from "./_share.ts";
import type { KeyAgreement } from "./types.ts";

/** On P-256. Shares are uncompressed points of 65 bytes; the secret is an x coordinate of 32. */
export const ecdhP256: KeyAgreement = /* @__PURE__ */ ecdhNist("P-256", 32, () => p256);

/** On P-384. Shares are uncompressed points of 97 bytes; the secret is an x coordinate of 48. */
export const ecdhP384: KeyAgreement = /* @__PURE__ */ ecdhNist("P-384", 48, () => p384);

/** On P-521. Shares are uncompressed points of 133 bytes; the secret is an x coordinate of 66. */
export const ecdhP521: KeyAgreement = /* @__PURE__ */ ecdhNist("P-521", 66, () => p521);

/** SEC 1 section 2.3.3: what an uncompressed point begins with. */
const UNCOMPRESSED = 4;

function ecdhNist(
  name: "P-256" | "P-384" | "P-521",
  coordinateBytes: number,
  curve: () => ECDSA,
): KeyAgreement {
  return ecdhAgreement({
    name,
    web: name,
    ...(name === "P-256" && { node: name }),
    secretBytes: coordinateBytes,
    checkShare(share) {
      checkShareLength(name, share, 1 + 2 * coordinateBytes);
      if (share[0] !== UNCOMPRESSED) {
        throw badShare(name, "the peer's share is not an uncompressed point");
      }
      try {
        // The curve has no points of small order: to be on it is enough.
        curve().Point.fromBytes(share).assertValidity();
      } catch (cause) {
        throw badShare(name, "the peer's share is not a point of the curve", cause);
      }
    },
    // Half as many bytes again as the order has, so that reducing them leaves no bias.
    privateKey: (random) => curve().utils.randomSecretKey(random(coordinateBytes * 1.5)),
    share: (privateKey) => curve().getPublicKey(privateKey, false),
    // What comes back is compressed: a byte for the sign of y, and x.
    agree: (privateKey, share) => curve().getSharedSecret(privateKey, share).subarray(1),
  });
}
