/**
 * The platform's own randomness.
 *
 * @module
 */

import { EMPTY } from "../wire/empty.ts";
import type { RandomSource } from "./types.ts";

/** The most that one call of `getRandomValues` gives. */
const CHUNK_BYTES = 65536;
/**
 * As few, or fewer, come from a pool: asking for a few at a time is slow. No key is as short: those
 * come straight from the platform.
 */
const SMALL_BYTES = 24;
const POOL_BYTES = 4096;

/** What is before `poolUsed` has been given out. */
let pool: Uint8Array<ArrayBuffer> = EMPTY;
let poolUsed = 0;

/**
 * The platform's cryptographically secure random bytes, any number of them.
 *
 * @param length How many bytes.
 * @returns Fresh random bytes. Those of few bytes are views of a buffer that others have views of.
 */
export const platformRandom: RandomSource = (length) => {
  if (length <= SMALL_BYTES) return fromPool(length);
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += CHUNK_BYTES) {
    crypto.getRandomValues(bytes.subarray(start, start + CHUNK_BYTES));
  }
  return bytes;
};

function fromPool(length: number): Uint8Array<ArrayBuffer> {
  if (poolUsed + length > pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
    poolUsed = 0;
  }
  return pool.subarray(poolUsed, poolUsed += length);
}
