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
 * @param warmUp What is run before and not counted: code that is compiled as it runs is not to be
 *   measured before that is done.
 * @param renew Has each round, with its warm-up, measure new processes: those of the same program
 *   differ by a tenth, and a median of rounds of one of them would say nothing of that.
 * @returns What each variant gave, in the order of the rounds.
 */
export async function measureByTurns<T>(
  variants: Variants<T>,
  rounds: number,
  warmUp: Variants<unknown> = new Map(),
  renew?: () => Promise<void>,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>([...variants.keys()].map((name) => [name, []]));
  const attempt = async <R>(name: string, action: () => Promise<R>): Promise<R | undefined> => {
    if (!results.has(name)) return undefined;
    try {
      return await action();
    } catch (error) {
      results.delete(name);
      const [message] = `${error instanceof Error ? error.message : error}`.split("\n");
      console.log(`${name} is left out: ${message}\n`);
    }
  };
  for (let round = 0; round < rounds; round++) {
    if (round === 0 || renew !== undefined) {
      await renew?.();
      for (const [name, action] of warmUp) await attempt(name, action);
    }
    for (const [name, measure] of variants) {
      const result = await attempt(name, measure);
      if (result !== undefined) results.get(name)?.push(result);
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
