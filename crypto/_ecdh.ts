/**
 * Diffie-Hellman on a curve as a {@linkcode KeyAgreement}: by WebCrypto where it has the curve and
 * its randomness is the one to be used, and in JavaScript elsewhere.
 *
 * @module
 */

import { whenReady } from "./_maybe_promise.ts";
import { badShare } from "./_share.ts";
import { createWebCurve, type WebCurve, type WebCurveName } from "./_web_ecdh.ts";
import { platformRandom } from "./random.ts";
import type { KeyAgreement, KeyAgreementStart, MaybePromise, RandomSource } from "./types.ts";

/** A curve, in JavaScript, and what WebCrypto calls it. */
export interface Curve {
  /** The name, for messages. */
  readonly name: string;
  /** What WebCrypto calls it. */
  readonly web: WebCurveName;
  /** The shared secret's length in bytes. */
  readonly secretBytes: number;
  /**
   * Checks a peer's share.
   *
   * @throws {ProtocolError} If it has not the right form, or is no point of the curve.
   */
  checkShare(share: Uint8Array): void;
  /** A fresh private key. */
  privateKey(random: RandomSource): Uint8Array;
  /** The share that belongs to a private key. */
  share(privateKey: Uint8Array): Uint8Array;
  /**
   * The shared secret.
   *
   * @throws {Error} If the share is not a valid one.
   */
  agree(privateKey: Uint8Array, share: Uint8Array): Uint8Array;
}

/** Diffie-Hellman on the curve. */
export function ecdhAgreement(curve: Curve): KeyAgreement {
  const web = createWebCurve(curve.web, curve.secretBytes);
  function start(random: RandomSource): MaybePromise<KeyAgreementStart> {
    // WebCrypto takes its own randomness; whoever passes another wants that one to be used.
    return random === platformRandom ? startAnywhere(curve, web) : startHere(curve, random);
  }
  return {
    shareEncoding: "string",
    secretEncoding: "mpint",
    start,
    respond(clientShare, random) {
      curve.checkShare(clientShare);
      return whenReady(
        start(random),
        ({ share, finish }) => whenReady(finish(clientShare), (secret) => ({ share, secret })),
      );
    },
  };
}

async function startAnywhere(curve: Curve, web: WebCurve): Promise<KeyAgreementStart> {
  const pair = await web.generate();
  if (!pair) return startHere(curve, platformRandom);
  return {
    share: pair.share,
    async finish(peerShare) {
      curve.checkShare(peerShare);
      try {
        return nonZero(await pair.agree(peerShare));
      } catch (cause) {
        throw badShare(curve.name, "the peer's share is not a valid one", cause);
      }
    },
  };
}

function startHere(curve: Curve, random: RandomSource): KeyAgreementStart {
  const privateKey = curve.privateKey(random);
  return {
    share: curve.share(privateKey),
    finish(peerShare) {
      curve.checkShare(peerShare);
      try {
        return nonZero(curve.agree(privateKey, peerShare));
      } catch (cause) {
        throw badShare(curve.name, "the peer's share is not a valid one", cause);
      }
    },
  };
}

/** RFC 8731 section 3: a share of low order gives zeros, and is not to be accepted. */
function nonZero(secret: Uint8Array): Uint8Array {
  let or = 0;
  for (const byte of secret) or |= byte;
  if (or === 0) throw new RangeError("The shared secret is zero");
  return secret;
}
