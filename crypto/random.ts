/**
 * The platform's own randomness.
 *
 * @module
 */

import type { RandomSource } from "./types.ts";

/** The most that one call of `getRandomValues` gives. */
const CHUNK_BYTES = 65536;

/**
 * The platform's cryptographically secure random bytes, any number of them.
 *
 * @param length How many bytes.
 * @returns Fresh random bytes.
 */
export const platformRandom: RandomSource = (length) => {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += CHUNK_BYTES) {
    crypto.getRandomValues(bytes.subarray(start, start + CHUNK_BYTES));
  }
  return bytes;
};
