/**
 * What the protocol asks of keys.
 *
 * @module
 */

import type { MaybePromise } from "../crypto/types.ts";
import type { Reader } from "../wire/reader.ts";

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
  /**
   * Is told, before it signs to log in, of the session that the signature is for. Agents want to
   * know; whoever does not, has no such method.
   */
  bind?(session: SessionBinding): MaybePromise<void>;
}

/** A session, and who its server is: `session-bind@openssh.com` of OpenSSH's PROTOCOL.agent. */
export interface SessionBinding {
  /** The server's host key, in the encoding of RFC 4253 section 6.6. It may be a certificate. */
  readonly hostKey: Uint8Array;
  /** The first exchange hash. */
  readonly sessionId: Uint8Array;
  /** The host key's signature of the session id: what the first key exchange has proven. */
  readonly signature: Uint8Array;
  /** Whether an agent is being lent to the server, rather than used to log in there. */
  readonly forwarding: boolean;
}

/** A private key in memory: it signs, unless it is a security key's, and can be written to a file. */
export interface PrivateKey extends Signer {
  /** The comment that came with the key; empty if there was none. */
  readonly comment: string;
  /**
   * The secret itself. It is a method, so that a key that is logged or turned into JSON keeps it.
   */
  parts(): PrivateKeyParts;
}

/** The secret of a private key, by the kind of key. */
export type PrivateKeyParts = Ed25519Parts | EcdsaParts | RsaParts | SecurityKeyParts;

/** The secret of an Ed25519 key (RFC 8032 section 5.1.5). */
export interface Ed25519Parts {
  /** Tells the kinds apart. */
  readonly kind: "ed25519";
  /** The 32 bytes that RFC 8032 calls the private key. */
  readonly seed: Uint8Array;
}

/** A curve's name in RFC 5656 section 10.1. */
export type EcdsaCurveName = "nistp256" | "nistp384" | "nistp521";

/** The secret of an ECDSA key. */
export interface EcdsaParts {
  /** Tells the kinds apart. */
  readonly kind: "ecdsa";
  /** The curve that the key is on. */
  readonly curve: EcdsaCurveName;
  /** The private number, big-endian, as long as a coordinate of the curve: 32, 48 or 66 bytes. */
  readonly scalar: Uint8Array;
}

/** The numbers of an RSA key (RFC 8017 section 3.2), big-endian, without leading zeros. */
export interface RsaParts {
  /** Tells the kinds apart. */
  readonly kind: "rsa";
  /** n */
  readonly modulus: Uint8Array;
  /** e */
  readonly publicExponent: Uint8Array;
  /** d */
  readonly privateExponent: Uint8Array;
  /** p */
  readonly prime1: Uint8Array;
  /** q */
  readonly prime2: Uint8Array;
  /** d mod (p - 1) */
  readonly exponent1: Uint8Array;
  /** d mod (q - 1) */
  readonly exponent2: Uint8Array;
  /** 1/q mod p */
  readonly coefficient: Uint8Array;
}

/** What a file has of a security key's private key (OpenSSH's PROTOCOL.u2f): not the secret. */
export interface SecurityKeyParts {
  /** Tells the kinds apart. */
  readonly kind: "security-key";
  /** The public key in the encoding of PROTOCOL.u2f; what the key was made for is in it. */
  readonly publicKey: Uint8Array;
  /** What is asked of whoever signs: bits of `SecurityKeyFlags`. */
  readonly flags: number;
  /** What the device finds the key by. */
  readonly keyHandle: Uint8Array;
  /** What nobody uses yet. */
  readonly reserved: Uint8Array;
}

/** The numbers that make an RSA key: the last three follow from the others, and are checked. */
export type RsaNumbers =
  & Omit<RsaParts, "exponent1" | "exponent2" | "coefficient">
  & Partial<Pick<RsaParts, "exponent1" | "exponent2" | "coefficient">>;

/** What a private key is made from. */
export type PrivateKeySource = Ed25519Parts | EcdsaParts | RsaNumbers | SecurityKeyParts;

/** How public keys of one kind are read from their blobs. */
export interface KeyType {
  /** The types on the wire that are of this kind. */
  readonly names: readonly string[];
  /**
   * Reads what follows the type's name in a blob.
   *
   * @param name The type's name: one of {@linkcode names}.
   * @throws {KeyFormatError} If it is not a key of that type, or one that is too weak.
   */
  readPublic(name: string, reader: Reader, comment: string): PublicKey;
}
