/**
 * Measuring by turns: on a machine that is busy with other things too, what is to be compared has
 * to be measured at the same time.
 *
 * @module
 */

import { median } from "./statistics.ts";

/** What is measured, by name. */
export type Variants<T> = ReadonlyMap<string, () => Promise<T>>;

/**
 * Measures each variant in each round. One that fails is told, and left out from then on.
 *
 * @returns What each variant gave, in the order of the rounds.
 */
export async function measureByTurns<T>(
  variants: Variants<T>,
  rounds: number,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>([...variants.keys()].map((name) => [name, []]));
  const failed = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of variants) {
      if (failed.has(name)) continue;
      try {
        results.get(name)?.push(await measure());
      } catch (error) {
        failed.add(name);
        results.delete(name);
        console.log(`${name} is left out: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  return results;
}

/** The median of one figure over all rounds; undefined where there are none. */
export function medianOf<T>(
  results: readonly T[] | undefined,
  figure: (result: T) => number,
): number | undefined {
  if (results === undefined || results.length === 0) return undefined;
  return median(results.map(figure));
}
