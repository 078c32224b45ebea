/**
 * Blowfish with the two ways of keying it that bcrypt needs.
 *
 * The cipher starts from the first digits of π behind the point. They are computed when they are
 * first needed, in some milliseconds, so that nobody has to trust or ship 4 KiB of constants.
 *
 * @module
 */

const boxesStart = 18;
const stateWords = boxesStart + 4 * 256;

/** 18 subkeys, then four boxes of 256 words. */
export type BlowfishState = Int32Array;

/** A state that no key has touched. */
export function initialState(): BlowfishState {
  digitsOfPi ??= computeDigitsOfPi();
  return digitsOfPi.slice();
}

/**
 * Mixes a key into a state, and a salt if there is one.
 *
 * @param key 16 words.
 * @param salt 16 words.
 */
export function expand(state: BlowfishState, key: Int32Array, salt?: Int32Array): void {
  for (let i = 0; i < boxesStart; i++) state[i] = at(state, i) ^ at(key, i % 16);
  const block = new Int32Array(2);
  for (let i = 0; i < stateWords; i += 2) {
    if (salt) {
      block[0] = at(block, 0) ^ at(salt, i % 16);
      block[1] = at(block, 1) ^ at(salt, (i + 1) % 16);
    }
    encrypt(state, block, 0);
    state[i] = at(block, 0);
    state[i + 1] = at(block, 1);
  }
}

/** Encrypts the two words that begin at `offset`, in place. */
export function encrypt(state: BlowfishState, words: Int32Array, offset: number): void {
  let left = at(words, offset) ^ at(state, 0);
  let right = at(words, offset + 1);
  for (let round = 1; round <= 16; round += 2) {
    right ^= mix(state, left) ^ at(state, round);
    left ^= mix(state, right) ^ at(state, round + 1);
  }
  words[offset] = right ^ at(state, 17);
  words[offset + 1] = left;
}

function mix(state: BlowfishState, word: number): number {
  const a = at(state, boxesStart + (word >>> 24));
  const b = at(state, boxesStart + 256 + (word >>> 16 & 255));
  const c = at(state, boxesStart + 512 + (word >>> 8 & 255));
  const d = at(state, boxesStart + 768 + (word & 255));
  return ((a + b ^ c) + d) | 0;
}

/** All indices here are within bounds by construction. */
function at(words: Int32Array, index: number): number {
  return words[index] as number;
}

let digitsOfPi: Int32Array | undefined;

function computeDigitsOfPi(): Int32Array {
  // Machin's formula, with 64 bits to spare for what the divisions round off.
  const bits = BigInt(stateWords * 32);
  const one = 1n << (bits + 64n);
  const pi = 16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one);
  const hex = (pi >> 64n).toString(16).slice(1); // without the 3 before the point
  const words = new Int32Array(stateWords);
  for (let i = 0; i < stateWords; i++) {
    words[i] = Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16);
  }
  return words;
}

function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let n = 3n; power !== 0n; n += 2n) {
    power /= -x * x;
    sum += power / n;
  }
  return sum;
}
