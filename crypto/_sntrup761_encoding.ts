/**
 * How Streamlined NTRU Prime 761 writes polynomials: NTRU Prime, round 3, section 3.2 and 3.3.
 *
 * @module
 */

import { P, type Polynomial, Q } from "./_sntrup761_ring.ts";

/** The bytes of a polynomial whose coefficients are -1, 0 or 1. */
export const SMALL_BYTES = 191;

/** The bytes of a polynomial with coefficients modulo 4591. */
export const RQ_BYTES = 1158;

/** The bytes of a polynomial whose coefficients are multiples of three. */
export const ROUNDED_BYTES = 1007;

/** What has to be added to a coefficient so that it is not negative. */
const OFFSET = (Q - 1) / 2;

/** How many multiples of three there are. */
const ROUNDED_VALUES = (Q + 2) / 3;

/** A radix stays below this from one layer to the next. */
const RADIX_LIMIT = 16384;

/** Writes four coefficients of -1, 0 or 1 to each byte. */
export function encodeSmall(small: Polynomial): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SMALL_BYTES);
  small.forEach((value, i) => {
    bytes[i >> 2] = (bytes[i >> 2] as number) | (value + 1) << (2 * (i & 3));
  });
  return bytes;
}

/** Reads what {@linkcode encodeSmall} wrote. */
export function decodeSmall(bytes: Uint8Array): Polynomial {
  return new Float64Array(P).map((_, i) => (((bytes[i >> 2] as number) >> (2 * (i & 3))) & 3) - 1);
}

/** Writes a polynomial with coefficients modulo 4591. */
export function encodeRq(a: Polynomial): Uint8Array<ArrayBuffer> {
  return encode(Array.from(a, (value) => value + OFFSET), new Array(P).fill(Q), RQ_BYTES);
}

/** Reads what {@linkcode encodeRq} wrote. Any bytes are some polynomial. */
export function decodeRq(bytes: Uint8Array): Polynomial {
  return Float64Array.from(decode(bytes, new Array(P).fill(Q)), (value) => value - OFFSET);
}

/** Writes a polynomial whose coefficients are multiples of three. */
export function encodeRounded(a: Polynomial): Uint8Array<ArrayBuffer> {
  const values = Array.from(a, (value) => (value + OFFSET) / 3);
  return encode(values, new Array(P).fill(ROUNDED_VALUES), ROUNDED_BYTES);
}

/** Reads what {@linkcode encodeRounded} wrote. Any bytes are some polynomial. */
export function decodeRounded(bytes: Uint8Array): Polynomial {
  const values = decode(bytes, new Array(P).fill(ROUNDED_VALUES));
  return Float64Array.from(values, (value) => value * 3 - OFFSET);
}

/**
 * Writes digits of a mixed radix: neighbours become one digit of the product of their radices, of
 * which the lower bytes are written as long as what is left stays large; and so on with those.
 */
function encode(
  digits: readonly number[],
  radices: readonly number[],
  byteLength: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength);
  let offset = 0;
  while (digits.length > 1) {
    const nextDigits: number[] = [];
    const nextRadices: number[] = [];
    for (let i = 0; i + 1 < digits.length; i += 2) {
      const lowRadix = radices[i] as number;
      let radix = lowRadix * (radices[i + 1] as number);
      let digit = (digits[i] as number) + lowRadix * (digits[i + 1] as number);
      for (; radix >= RADIX_LIMIT; radix = (radix + 255) >>> 8, digit >>>= 8) {
        bytes[offset++] = digit;
      }
      nextDigits.push(digit);
      nextRadices.push(radix);
    }
    keepOdd(digits, nextDigits);
    keepOdd(radices, nextRadices);
    digits = nextDigits;
    radices = nextRadices;
  }
  let digit = digits[0] as number;
  for (let radix = radices[0] as number; radix > 1; radix = (radix + 255) >>> 8, digit >>>= 8) {
    bytes[offset++] = digit;
  }
  return bytes;
}

/** Reads as many digits as there are radices. */
function decode(bytes: Uint8Array, radices: readonly number[]): number[] {
  return decodeFrom(bytes, 0, radices);
}

function decodeFrom(bytes: Uint8Array, start: number, radices: readonly number[]): number[] {
  const firstRadix = radices[0] as number;
  if (radices.length === 1) {
    let digit = 0;
    let weight = 1;
    for (let offset = start; offset < bytes.length; offset++, weight *= 256) {
      digit += weight * (bytes[offset] as number);
    }
    return [digit % firstRadix];
  }
  let offset = start;
  const bottoms: number[] = [];
  const weights: number[] = [];
  const nextRadices: number[] = [];
  for (let i = 0; i + 1 < radices.length; i += 2) {
    let radix = (radices[i] as number) * (radices[i + 1] as number);
    let bottom = 0;
    let weight = 1;
    for (; radix >= RADIX_LIMIT; radix = (radix + 255) >>> 8, weight *= 256) {
      bottom += weight * (bytes[offset++] as number);
    }
    bottoms.push(bottom);
    weights.push(weight);
    nextRadices.push(radix);
  }
  keepOdd(radices, nextRadices);
  const nextDigits = decodeFrom(bytes, offset, nextRadices);
  const digits: number[] = [];
  for (let i = 0; i < bottoms.length; i++) {
    const digit = (bottoms[i] as number) + (weights[i] as number) * (nextDigits[i] as number);
    const lowRadix = radices[2 * i] as number;
    digits.push(digit % lowRadix);
    digits.push(Math.floor(digit / lowRadix) % (radices[2 * i + 1] as number));
  }
  if (radices.length % 2 === 1) digits.push(nextDigits.at(-1) as number);
  return digits;
}

/** The last of an odd number of values has no neighbour. */
function keepOdd(values: readonly number[], next: number[]): void {
  if (values.length % 2 === 1) next.push(values.at(-1) as number);
}
