import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";

interface Benchmark {
  readonly name: string;
  readonly run: () => unknown;
}

/** The benchmarks that a module registers, without running them. */
async function benchmarksOf(load: () => Promise<unknown>): Promise<Benchmark[]> {
  const found: Benchmark[] = [];
  const { bench } = Deno;
  const register = (name: string, ...rest: unknown[]): void => {
    const run = rest.at(-1);
    if (typeof run !== "function") throw new TypeError(`${name} is not told what to run`);
    found.push({ name, run: () => run() });
  };
  Deno.bench = register as typeof Deno.bench;
  try {
    await load();
  } finally {
    Deno.bench = bench;
  }
  return found;
}

describe("every benchmark runs", () => {
  for (
    const [name, load] of [
      ["ciphers", () => import("../../bench/ciphers_bench.ts")],
      ["connections", () => import("../../bench/connections_bench.ts")],
      ["kex", () => import("../../bench/kex_bench.ts")],
      ["packets", () => import("../../bench/packets_bench.ts")],
    ] as const
  ) {
    it(`of ${name}`, async () => {
      const benchmarks = await benchmarksOf(load);
      assert.ok(benchmarks.length > 0);
      for (const { run } of benchmarks) await run();
      // Once more, when whatever is readied beforehand is ready.
      await new Promise((resolve) => setTimeout(resolve, 0));
      for (const { name, run } of benchmarks) {
        await assert.doesNotReject(async () => await run(), name);
      }
    });
  }
});
