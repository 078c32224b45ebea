/**
 * A key encapsulation together with X25519: the secret is the hash of both secrets, so that it
 * stays one as long as either of them does (draft-ietf-sshm-mlkem-hybrid-kex section 2.4).
 *
 * @module
 */

import { agreesWithItself, type Encapsulation, type PlatformKem } from "./_kem.ts";
import { whenReady } from "./maybe_promise.ts";
import { badShare, checkShareLength } from "./_share.ts";
import { platformRandom } from "./random.ts";
import type { HashAlgorithm, KeyAgreement, MaybePromise, RandomSource } from "./types.ts";
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
  encapsulate(publicKey: Uint8Array, random: RandomSource): Encapsulation;
  /** The secret; of a wrong ciphertext, another one. */
  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Uint8Array;
  /** The same as the platform may have it: used, if it works, where its randomness is to be. */
  platform?(): PlatformKem;
}

/** The key agreement by both. */
export function hybridAgreement(description: HybridDescription): KeyAgreement {
  const { name, publicKeyBytes, ciphertextBytes } = description;
  const kemFor = kemChooser(description);
  return {
    shareEncoding: "string",
    secretEncoding: "string",
    start: (random) =>
      whenReady(
        kemFor(random),
        (kem) =>
          whenReady(kem.generate(), ({ publicKey, decapsulate }) =>
            whenReady(x25519Agreement.start(random), (x25519) => ({
              share: concatenated(publicKey, x25519.share),
              finish(serverShare) {
                checkShareLength(name, serverShare, ciphertextBytes + X25519_BYTES);
                const theirs = serverShare.subarray(ciphertextBytes);
                return whenReady(
                  decapsulate(serverShare.subarray(0, ciphertextBytes)),
                  (secret) =>
                    whenReady(x25519.finish(theirs), (other) =>
                      joined(description, secret, other)),
                );
              },
            }))),
      ),
    respond(clientShare, random) {
      checkShareLength(name, clientShare, publicKeyBytes + X25519_BYTES);
      const theirs = clientShare.subarray(publicKeyBytes);
      return whenReady(kemFor(random), (kem) =>
        whenReady(
          encapsulated(name, kem, clientShare.subarray(0, publicKeyBytes)),
          ({ ciphertext, secret }) =>
            whenReady(x25519Agreement.respond(theirs, random), (x25519) => ({
              share: concatenated(ciphertext, x25519.share),
              secret: joined(description, secret, x25519.secret),
            })),
        ));
    },
  };
}

/** Says whose mechanism is to be used with a source of randomness. */
function kemChooser(
  description: HybridDescription,
): (random: RandomSource) => MaybePromise<PlatformKem> {
  let works: boolean | undefined;
  return (random) => {
    const platform = random === platformRandom ? description.platform?.() : undefined;
    if (platform === undefined || works === false) return kemHere(description, random);
    if (works === true) return platform;
    // The result is kept, not the promise: in a Workers isolate requests must not wait for others'.
    return agreesWithItself(platform).then((agrees) => {
      works = agrees;
      return agrees ? platform : kemHere(description, random);
    });
  };
}

function kemHere(description: HybridDescription, random: RandomSource): PlatformKem {
  return {
    generate() {
      const { publicKey, secretKey } = description.generate(random);
      return {
        publicKey,
        decapsulate: (ciphertext) => description.decapsulate(ciphertext, secretKey),
      };
    },
    encapsulate: (publicKey) => description.encapsulate(publicKey, random),
  };
}

function encapsulated(
  name: string,
  kem: PlatformKem,
  publicKey: Uint8Array,
): MaybePromise<Encapsulation> {
  function refuse(cause: unknown): never {
    throw badShare(name, "the peer's encapsulation key is not a valid one", cause);
  }
  try {
    const made = kem.encapsulate(publicKey);
    return made instanceof Promise ? made.catch(refuse) : made;
  } catch (cause) {
    return refuse(cause);
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
