/**
 * Choices that a seed determines.
 *
 * @module
 */

/** A source of choices. */
export interface Dice {
  /** A whole number from 0 up to, and not including, `count`. */
  below(count: number): number;
  /** Whether something happens that does so `percent` times in a hundred. */
  chance(percent: number): boolean;
  /** One of these. */
  pick<T>(choices: readonly T[]): T;
}

/** Choices from a seed, an unsigned integer of 32 bits (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    chance: (percent) => next() * 100 < percent,
    pick(choices) {
      if (choices.length === 0) throw new RangeError("Nothing to choose from");
      return choices[below(choices.length)] as (typeof choices)[number];
    },
  };
}
