/**
 * Diffie-Hellman on a curve as a {@linkcode KeyAgreement}: by `node:crypto` or WebCrypto where they
 * have the curve and their randomness is the one to be used, and in JavaScript elsewhere.
 *
 * @module
 */

import { whenReady } from "./maybe_promise.ts";
import { createNodeCurve, type NodeCurve, type NodeCurveName } from "./_node_ecdh.ts";
import { badShare } from "./_share.ts";
import { createWebCurve, type WebCurve, type WebCurveName } from "./_web_ecdh.ts";
import type { ProtocolError } from "../wire/errors.ts";
import { platformRandom } from "./random.ts";
import type { KeyAgreement, KeyAgreementStart, MaybePromise, RandomSource } from "./types.ts";

/** A curve, in JavaScript, and what others call it. */
export interface Curve {
  /** The name, for messages. */
  readonly name: string;
  /** What WebCrypto calls it. */
  readonly web: WebCurveName;
  /**
   * What `node:crypto` calls it, if it is to be asked first: it is the fastest, but computes while
   * all else waits, which is for curves that take it a small part of a millisecond.
   */
  readonly node?: NodeCurveName;
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
  const node = curve.node === undefined ? null : createNodeCurve(curve.node);
  function start(random: RandomSource): MaybePromise<KeyAgreementStart> {
    // Platforms take their own randomness; whoever passes another wants that one to be used.
    return random === platformRandom ? startAnywhere(curve, node, web) : startHere(curve, random);
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

function startAnywhere(
  curve: Curve,
  node: NodeCurve | null,
  web: WebCurve,
): MaybePromise<KeyAgreementStart> {
  const pair = node?.generate();
  return pair ? startWith(curve, pair.share, pair.agree) : startOnWeb(curve, web);
}

async function startOnWeb(curve: Curve, web: WebCurve): Promise<KeyAgreementStart> {
  const pair = await web.generate();
  if (!pair) return startHere(curve, platformRandom);
  return {
    share: pair.share,
    async finish(peerShare) {
      curve.checkShare(peerShare);
      try {
        return nonZero(await pair.agree(peerShare));
      } catch (cause) {
        throw notValid(curve, cause);
      }
    },
  };
}

function startHere(curve: Curve, random: RandomSource): KeyAgreementStart {
  const privateKey = curve.privateKey(random);
  return startWith(curve, curve.share(privateKey), (share) => curve.agree(privateKey, share));
}

function startWith(
  curve: Curve,
  share: Uint8Array,
  agree: (peerShare: Uint8Array) => Uint8Array,
): KeyAgreementStart {
  return {
    share,
    finish(peerShare) {
      curve.checkShare(peerShare);
      try {
        return nonZero(agree(peerShare));
      } catch (cause) {
        throw notValid(curve, cause);
      }
    },
  };
}

function notValid(curve: Curve, cause: unknown): ProtocolError {
  return badShare(curve.name, "the peer's share is not a valid one", cause);
}

/** RFC 8731 section 3: a share of low order gives zeros, and is not to be accepted. */
function nonZero(secret: Uint8Array): Uint8Array {
  let or = 0;
  for (const byte of secret) or |= byte;
  if (or === 0) throw new RangeError("The shared secret is zero");
  return secret;
}
