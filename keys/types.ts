/**
 * What the protocol asks of keys.
 *
 * @module
 */

import type { MaybePromise } from "../crypto/types.ts";

/** A public key in any of the types that SSH knows. */
export interface PublicKey {
  /** The key's type on the wire, such as `ssh-ed25519` or `ssh-rsa`. */
  readonly type: string;
  /** The key in the encoding of RFC 4253 section 6.6: it begins with the type. */
  readonly blob: Uint8Array;
  /** The comment that came with the key; empty if there was none. */
  readonly comment: string;
  /**
   * The signature algorithms that this key can verify, in order of preference: its type, or for
   * RSA `rsa-sha2-512` and `rsa-sha2-256`.
   */
  readonly algorithms: readonly string[];
  /**
   * Whether a signature over `data` is this key's.
   *
   * @param algorithm The algorithm that was agreed on; a signature of any other is not valid.
   * @param signature In the encoding of RFC 4253 section 6.6: it begins with the algorithm.
   * @returns False for whatever is wrong with the signature, its encoding included.
   */
  verify(algorithm: string, data: Uint8Array, signature: Uint8Array): MaybePromise<boolean>;
}

/** Whatever can sign with a key: the key in memory, an agent, a hardware service. */
export interface Signer {
  /** The public half. */
  readonly publicKey: PublicKey;
  /**
   * Signs `data`.
   *
   * @param algorithm One of the public key's {@linkcode PublicKey.algorithms}.
   * @returns The signature in the encoding of RFC 4253 section 6.6.
   */
  sign(algorithm: string, data: Uint8Array): MaybePromise<Uint8Array>;
}
