/**
 * Key encapsulation as a platform may have it.
 *
 * @module
 */

import type { MaybePromise } from "./types.ts";

/** A secret, and what it is encapsulated in. */
export interface Encapsulation {
  readonly ciphertext: Uint8Array;
  readonly secret: Uint8Array;
}

/** A key pair, wherever its private key is. */
export interface KemKeyPair {
  readonly publicKey: Uint8Array;
  /** The secret; of a wrong ciphertext, another one. */
  decapsulate(ciphertext: Uint8Array): MaybePromise<Uint8Array>;
}

/** A mechanism with its randomness, which is the platform's unless it is told otherwise. */
export interface PlatformKem {
  /** A fresh key pair. */
  generate(): MaybePromise<KemKeyPair>;
  /**
   * A fresh secret.
   *
   * @throws {Error} If the public key is not a valid one.
   */
  encapsulate(publicKey: Uint8Array): MaybePromise<Encapsulation>;
}

/**
 * Tries a mechanism out: what it has encapsulated it opens, and it refuses a key whose coefficients
 * are out of range, as FIPS 203 section 7.2 wants it.
 */
export async function agreesWithItself(kem: PlatformKem): Promise<boolean> {
  try {
    const key = await kem.generate();
    const { ciphertext, secret } = await kem.encapsulate(key.publicKey);
    const opened = await key.decapsulate(ciphertext);
    if (secret.length !== 32 || opened.join() !== secret.join()) return false;
    return await refuses(kem, new Uint8Array(key.publicKey.length).fill(0xff));
  } catch {
    return false;
  }
}

async function refuses(kem: PlatformKem, wrongKey: Uint8Array): Promise<boolean> {
  try {
    await kem.encapsulate(wrongKey);
    return false;
  } catch {
    return true;
  }
}
