/**
 * Fuzzes for as long as one likes: `deno run tests/fuzz/run.ts [target] [seconds] [seed]`. Without
 * a target all are run, one after the other.
 *
 * @module
 */

import { dice } from "../helpers/dice.ts";
import { toHex } from "../helpers/hex.ts";
import { type FuzzTarget, mutate, targets } from "./_targets.ts";

/** Runs a target on a datum, and says which it was if it went wrong. */
export async function runOne(target: FuzzTarget, data: Uint8Array): Promise<void> {
  try {
    await target.fuzz(data.slice());
  } catch (cause) {
    throw new Error(`${target.name} cannot take ${toHex(data)}: ${cause}`, { cause });
  }
}

/** Runs a target as often as `more` says, from a seed. */
export async function runMany(
  target: FuzzTarget,
  seed: number,
  more: (runs: number) => boolean,
): Promise<number> {
  for (const data of target.corpus) await runOne(target, data);
  const random = dice(seed);
  let runs = 0;
  while (more(runs)) {
    await runOne(target, mutate(target, random));
    runs++;
  }
  return runs;
}

if (import.meta.main) {
  const [name, seconds = "60", seed = String(Date.now() % 2 ** 32)] = Deno.args;
  const chosen = targets.filter((target) => name === undefined || target.name === name);
  if (chosen.length === 0) {
    console.error(`There is no target ${name}: ${targets.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  }
  for (const target of chosen) {
    const end = performance.now() + Number(seconds) * 1000;
    const runs = await runMany(target, Number(seed), () => performance.now() < end);
    console.log(`${target.name}: ${runs} runs, with the seed ${seed}`);
  }
}
