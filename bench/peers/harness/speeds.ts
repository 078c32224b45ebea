/**
 * Tables of how fast programs move bytes both ways, beside others, and of what that costs them.
 *
 * @module
 */

import type { Transfer } from "../agents/jobs.ts";
import type { CipherChoice } from "./ciphers.ts";
import { medianOf } from "./rounds.ts";
import { printTable, show, showCpu, showRatio } from "./table.ts";

/** What has been moved both ways. */
export interface BothWays {
  readonly down: Transfer;
  readonly up: Transfer;
}

/** What the programs are compared with: the name among the results, and what the column says. */
export interface Base {
  readonly name: string;
  readonly title: string;
}

/** A cost that is told as well: how long processors have worked for how many bytes. */
export interface Cost<T> {
  readonly title: string;
  readonly seconds: (result: T) => number;
  readonly bytes: number;
}

/** Prints the medians of what was measured with a cipher. */
export function printSpeeds<T extends BothWays>(
  what: string,
  { cipher, mac }: CipherChoice,
  results: ReadonlyMap<string, readonly T[]>,
  bases: readonly Base[],
  costs: readonly Cost<T>[],
): void {
  const ways = ["down", "up"] as const;
  const speed = (name: string, way: "down" | "up"): number | undefined =>
    medianOf(results.get(name), (result) => result[way].bytes / result[way].seconds / 1e6);
  const rows = [...results].map(([name, measured]) => [
    name,
    ...ways.map((way) => show(speed(name, way))),
    ...bases.flatMap((base) =>
      ways.map((way) => showRatio(speed(name, way), speed(base.name, way)))
    ),
    ...costs.map(({ seconds, bytes }) => showCpu(medianOf(measured, seconds), bytes)),
  ]);
  console.log(`${cipher}${mac === null ? "" : ` with ${mac}`}:\n`);
  printTable([
    what,
    "down MB/s",
    "up MB/s",
    ...bases.flatMap(({ title }) => ways.map((way) => `${way} / ${title}`)),
    ...costs.map(({ title }) => title),
  ], rows);
}
