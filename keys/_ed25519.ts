/**
 * Ed25519 (RFC 8032) by whatever the runtime has: `node:crypto`, WebCrypto, or JavaScript.
 *
 * @module
 */

import { getPublicKey, hashes, sign, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { nodeEd25519 } from "../crypto/node_ed25519.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { source, webCryptoWith, type WebSignatureAlgorithm } from "./_web_crypto.ts";

hashes.sha512 = sha512;

const algorithm: WebSignatureAlgorithm = { name: "Ed25519" };

/** Says whether 64 bytes are a signature over the data. It may throw if the key is no point. */
export type Ed25519Verifier = (data: Uint8Array, signature: Uint8Array) => MaybePromise<boolean>;

/** Gives the 64 bytes of a signature over the data. */
export type Ed25519Signer = (data: Uint8Array) => MaybePromise<Uint8Array>;

/** One of those that can do it. Whoever signs or verifies with a key readies it once. */
export interface Ed25519 {
  /** Readies a public key of 32 bytes; it may throw if that is no point. */
  verifier(publicKey: Uint8Array): MaybePromise<Ed25519Verifier>;
  /** Readies a private key: the seed and the public key, of 32 bytes each. */
  signer(seed: Uint8Array, publicKey: Uint8Array): MaybePromise<Ed25519Signer>;
}

/** The best that the runtime has now. */
export function findEd25519(): MaybePromise<Ed25519> {
  return nodeEd25519() ?? findWebEd25519().then((web) => web ?? nobleEd25519);
}

/** The public key of a seed. */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return getPublicKey(seed);
}

/** Ed25519 of WebCrypto, or null. */
export async function findWebEd25519(): Promise<Ed25519 | null> {
  const subtle = await webCryptoWith(algorithm);
  return subtle === undefined ? null : webEd25519(subtle);
}

/** Ed25519 in JavaScript. */
export const nobleEd25519: Ed25519 = {
  verifier: (publicKey) => (data, signature) =>
    verify(signature, data, publicKey, { zip215: false }),
  signer: (seed) => (data) => sign(data, seed),
};

function webEd25519(subtle: SubtleCrypto): Ed25519 {
  return {
    async verifier(publicKey) {
      const key = await subtle.importKey("raw", source(publicKey), algorithm, false, ["verify"]);
      return (data, signature) => subtle.verify(algorithm, key, source(signature), source(data));
    },
    async signer(seed) {
      const key = await subtle.importKey("pkcs8", pkcs8(seed), algorithm, false, ["sign"]);
      return async (data) => new Uint8Array(await subtle.sign(algorithm, key, source(data)));
    },
  };
}

/** RFC 8410 section 7: the one form of a private Ed25519 key that every WebCrypto takes. */
function pkcs8(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = [0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4, 32];
  return new Uint8Array([...head, ...seed]);
}
