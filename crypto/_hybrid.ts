/**
 * A key encapsulation together with X25519: the secret is the hash of both secrets, so that it
 * stays one as long as either of them does (draft-ietf-sshm-mlkem-hybrid-kex section 2.4).
 *
 * @module
 */

import { whenReady } from "./_maybe_promise.ts";
import { badShare, checkShareLength } from "./_share.ts";
import type { HashAlgorithm, KeyAgreement, RandomSource } from "./types.ts";
import { X25519_BYTES, x25519Agreement } from "./x25519.ts";

/** A key encapsulation mechanism, and the hash that joins its secret with X25519's. */
export interface HybridDescription {
  /** The name, for messages. */
  readonly name: string;
  /** Joins the two secrets. */
  readonly hash: HashAlgorithm;
  /** The public key's length in bytes. */
  readonly publicKeyBytes: number;
  /** The ciphertext's length in bytes. */
  readonly ciphertextBytes: number;
  /** A fresh key pair. */
  generate(
    random: RandomSource,
  ): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array };
  /**
   * A fresh secret, and what it is encapsulated in.
   *
   * @throws {Error} If the public key is not a valid one.
   */
  encapsulate(
    publicKey: Uint8Array,
    random: RandomSource,
  ): { readonly ciphertext: Uint8Array; readonly secret: Uint8Array };
  /** The secret; of a wrong ciphertext, another one. */
  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Uint8Array;
}

/** The key agreement by both. */
export function hybridAgreement(description: HybridDescription): KeyAgreement {
  const { name, publicKeyBytes, ciphertextBytes } = description;
  return {
    shareEncoding: "string",
    secretEncoding: "string",
    start(random) {
      const { publicKey, secretKey } = description.generate(random);
      return whenReady(x25519Agreement.start(random), (x25519) => ({
        share: concatenated(publicKey, x25519.share),
        finish(serverShare) {
          checkShareLength(name, serverShare, ciphertextBytes + X25519_BYTES);
          const secret = description.decapsulate(
            serverShare.subarray(0, ciphertextBytes),
            secretKey,
          );
          return whenReady(
            x25519.finish(serverShare.subarray(ciphertextBytes)),
            (x25519Secret) => joined(description, secret, x25519Secret),
          );
        },
      }));
    },
    respond(clientShare, random) {
      checkShareLength(name, clientShare, publicKeyBytes + X25519_BYTES);
      const { ciphertext, secret } = encapsulated(
        description,
        clientShare.subarray(0, publicKeyBytes),
        random,
      );
      return whenReady(
        x25519Agreement.respond(clientShare.subarray(publicKeyBytes), random),
        (x25519) => ({
          share: concatenated(ciphertext, x25519.share),
          secret: joined(description, secret, x25519.secret),
        }),
      );
    },
  };
}

function encapsulated(
  description: HybridDescription,
  publicKey: Uint8Array,
  random: RandomSource,
): ReturnType<HybridDescription["encapsulate"]> {
  try {
    return description.encapsulate(publicKey, random);
  } catch (cause) {
    throw badShare(description.name, "the peer's encapsulation key is not a valid one", cause);
  }
}

function joined({ hash }: HybridDescription, secret: Uint8Array, x25519Secret: Uint8Array) {
  return hash.digest(concatenated(secret, x25519Secret));
}

function concatenated(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
