/**
 * Streamlined NTRU Prime 761, a key encapsulation mechanism: NTRU Prime, round 3 of NIST's
 * competition, sections 3 and 4 of its specification.
 *
 * @module
 */

import { concatBytes } from "@noble/hashes/utils.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import {
  decodeRounded,
  decodeRq,
  decodeSmall,
  encodeRounded,
  encodeRq,
  encodeSmall,
  ROUNDED_BYTES,
  RQ_BYTES,
  SMALL_BYTES,
} from "./_sntrup761_encoding.ts";
import { multiplied, type Polynomial, Q, quotient, reduced } from "./_sntrup761_ring.ts";
import { randomShort, randomSmall, W } from "./_sntrup761_sampling.ts";
import { sha512 } from "./hashes.ts";
import type { RandomSource } from "./types.ts";

const HASH_BYTES = 32;

/** The length of a public key in bytes. */
export const SNTRUP761_PUBLIC_KEY_BYTES: number = RQ_BYTES;

/** The length of a ciphertext in bytes. */
export const SNTRUP761_CIPHERTEXT_BYTES: number = ROUNDED_BYTES + HASH_BYTES;

/** The length of a secret key in bytes. */
export const SNTRUP761_SECRET_KEY_BYTES: number = 3 * SMALL_BYTES + RQ_BYTES + HASH_BYTES;

/** A key pair. */
export interface Sntrup761KeyPair {
  /** {@linkcode SNTRUP761_PUBLIC_KEY_BYTES} bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** {@linkcode SNTRUP761_SECRET_KEY_BYTES} bytes, the public key among them. */
  readonly secretKey: Uint8Array<ArrayBuffer>;
}

/** A secret, and what it is encapsulated in. */
export interface Sntrup761Encapsulation {
  /** {@linkcode SNTRUP761_CIPHERTEXT_BYTES} bytes. */
  readonly ciphertext: Uint8Array<ArrayBuffer>;
  /** 32 bytes. */
  readonly secret: Uint8Array<ArrayBuffer>;
}

/**
 * Makes a key pair.
 *
 * @param random Where the randomness comes from.
 */
export function sntrup761Generate(random: RandomSource): Sntrup761KeyPair {
  let g: Polynomial;
  let gReciprocal: Polynomial | null;
  do {
    g = randomSmall(random);
    gReciprocal = quotient(1, g, 3);
  } while (gReciprocal === null);
  const f = randomShort(random);
  // -1530 is 1/3.
  const fReciprocal = quotient(-1530, f, Q);
  // Modulo 4591 the ring is a field.
  if (!fReciprocal) throw new Error("Cannot divide by zero");
  const publicKey = encodeRq(multiplied(fReciprocal, g, Q));
  const secretKey = concatBytes(
    encodeSmall(f),
    encodeSmall(gReciprocal),
    publicKey,
    random(SMALL_BYTES),
    prefixedHash(4, publicKey),
  );
  return { publicKey, secretKey };
}

/**
 * Encapsulates a fresh secret for the holder of a secret key.
 *
 * @param publicKey The public key; all bytes of the right length are one.
 * @param random Where the randomness comes from.
 * @throws {RangeError} If the public key has another length.
 */
export function sntrup761Encapsulate(
  publicKey: Uint8Array,
  random: RandomSource,
): Sntrup761Encapsulation {
  checkLength("public key", publicKey, SNTRUP761_PUBLIC_KEY_BYTES);
  const r = randomShort(random);
  const ciphertext = hidden(r, publicKey, prefixedHash(4, publicKey));
  return { ciphertext, secret: sessionKey(1, encodeSmall(r), ciphertext) };
}

/**
 * Opens what was encapsulated.
 *
 * @param ciphertext The ciphertext.
 * @param secretKey The secret key.
 * @returns The secret; of a ciphertext that was not made for this key, one that nobody else has.
 * @throws {RangeError} If one of them has another length than it has to have.
 */
export function sntrup761Decapsulate(
  ciphertext: Uint8Array,
  secretKey: Uint8Array,
): Uint8Array<ArrayBuffer> {
  checkLength("ciphertext", ciphertext, SNTRUP761_CIPHERTEXT_BYTES);
  checkLength("secret key", secretKey, SNTRUP761_SECRET_KEY_BYTES);
  let offset = 0;
  const [f, gReciprocal, publicKey, rho, publicKeyHash] = [
    SMALL_BYTES,
    SMALL_BYTES,
    RQ_BYTES,
    SMALL_BYTES,
    HASH_BYTES,
  ].map((length) => secretKey.subarray(offset, offset += length)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const r = decrypted(
    decodeRounded(ciphertext.subarray(0, ROUNDED_BYTES)),
    decodeSmall(f),
    decodeSmall(gReciprocal),
  );
  const right = Number(timingSafeEqual(hidden(r, publicKey, publicKeyHash), ciphertext));
  const rBytes = encodeSmall(r);
  const session = rBytes.map((byte, i) => right * byte + (1 - right) * (rho[i] as number));
  return sessionKey(right, session, ciphertext);
}

/** The core's encryption, and a hash that confirms what was encrypted. */
function hidden(
  r: Polynomial,
  publicKey: Uint8Array,
  publicKeyHash: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const product = multiplied(decodeRq(publicKey), r, Q);
  const rounded = product.map((value) => value - reduced(value, 3));
  const confirmation = prefixedHash(2, prefixedHash(3, encodeSmall(r)), publicKeyHash);
  return concatBytes(encodeRounded(rounded), confirmation);
}

/** The core's decryption; of what is no encryption, the polynomial that begins with W ones. */
function decrypted(c: Polynomial, f: Polynomial, gReciprocal: Polynomial): Polynomial {
  const product = multiplied(c, f, Q).map((value) => reduced(reduced(3 * value, Q), 3));
  const r = multiplied(product, gReciprocal, 3);
  const weight = r.reduce((sum, value) => sum + value * value, 0);
  // 1 if the weight is W.
  const right = 1 + (-((weight - W) ** 2) >> 31);
  return r.map((value, i) => right * value + (1 - right) * Number(i < W));
}

function sessionKey(
  prefix: number,
  r: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return prefixedHash(prefix, prefixedHash(3, r), ciphertext);
}

/** The first half of SHA-512 of a byte and what follows. */
function prefixedHash(prefix: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return sha512.digest(concatBytes(Uint8Array.of(prefix), ...parts)).slice(0, HASH_BYTES);
}

function checkLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new RangeError(
      `Cannot use a ${what} of sntrup761: it has ${bytes.length} bytes, and not ${length}`,
    );
  }
}
