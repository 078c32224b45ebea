/**
 * The random polynomials of Streamlined NTRU Prime 761: NTRU Prime, round 3, section 3.1.
 *
 * @module
 */

import { P, type Polynomial } from "./_sntrup761_ring.ts";
import type { RandomSource } from "./types.ts";

/** How many coefficients of a short polynomial are not zero. */
export const W = 286;

/** A polynomial whose coefficients are -1, 0 or 1, each as likely. */
export function randomSmall(random: RandomSource): Polynomial {
  // Three times a number of 30 bits has its highest two bits nearly uniform in 0..2.
  return Float64Array.from(
    randomWords(random),
    (word) => ((word & 0x3fffffff) * 3 / 2 ** 30 | 0) - 1,
  );
}

/** A polynomial with {@linkcode W} coefficients of -1 or 1 at random places, and zeros elsewhere. */
export function randomShort(random: RandomSource): Polynomial {
  const words = randomWords(random).map((word, i) => i < W ? word & ~1 : (word & ~2) | 1);
  sort(words);
  return Float64Array.from(words, (word) => (word & 3) - 1);
}

/** As many numbers of 32 bits as a polynomial has coefficients. */
function randomWords(random: RandomSource): Uint32Array<ArrayBuffer> {
  const bytes = random(4 * P);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Uint32Array(P).map((_, i) => view.getUint32(4 * i, true));
}

/**
 * Sorts numbers by comparisons that are the same for all: merge exchange, Knuth, "The Art of
 * Computer Programming", section 5.2.2, algorithm M.
 */
export function sort(words: Uint32Array): void {
  const top = 2 ** Math.ceil(Math.log2(words.length) - 1);
  for (let p = top; p >= 1; p /= 2) {
    let r = 0;
    let distance = p;
    for (let q = top; q >= p; q /= 2) {
      for (let i = 0; i < words.length - distance; i++) {
        if ((i & p) === r) order(words, i, i + distance);
      }
      distance = q - p;
      r = p;
    }
  }
}

/** Exchanges two words if they are out of order, without a branch that depends on them. */
function order(words: Uint32Array, i: number, j: number): void {
  const low = words[i] as number;
  const high = words[j] as number;
  // The difference is negative if they are out of order: its sign is brought down from bit 32.
  const exchange = -(Math.floor((high - low) / 2 ** 32));
  const change = exchange * (high - low);
  words[i] = low + change;
  words[j] = high - change;
}
