import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { dice } from "../helpers/dice.ts";
import { mutate, targets } from "./_targets.ts";
import { runMany, runOne } from "./run.ts";

const SEED = 20_240_229;

describe("fuzzing", () => {
  for (const target of targets) {
    it(`${target.name}: nothing but errors of the family comes of it`, async () => {
      assert.ok(target.corpus.length > 0);
      await runMany(target, SEED, (runs) => runs < target.runs);
    });
  }

  it("notices what must not be, and says how it can be had again", async () => {
    const [target] = targets;
    assert.ok(target);
    const broken = {
      ...target,
      fuzz: (data: Uint8Array) => {
        if (data.length % 7 === 3) throw new TypeError("oops");
      },
    };
    await assert.rejects(
      runMany(broken, SEED, (runs) => runs < 1000),
      /cannot take [0-9a-f]+: Type/,
    );
    await assert.rejects(runOne(broken, Uint8Array.of(1, 2, 3)), /cannot take 010203: TypeError/);
  });

  it("makes the same of the same seed", () => {
    for (const target of targets) {
      const [a, b] = [dice(SEED), dice(SEED)];
      for (let i = 0; i < 20; i++) assert.deepEqual(mutate(target, a), mutate(target, b));
    }
  });
});
