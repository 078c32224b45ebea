import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { platformRandom } from "../../crypto/random.ts";
import { toHex } from "../helpers/hex.ts";

describe("the platform's randomness", () => {
  it("comes as long as it is asked for", () => {
    for (const length of [0, 1, 16, 24, 25, 64, 1000, 65536, 200_000]) {
      assert.equal(platformRandom(length).length, length);
    }
  });

  it("has keys in buffers of their own", () => {
    for (const length of [32, 48, 64]) {
      assert.equal(platformRandom(length).buffer.byteLength, length);
    }
  });

  it("leaves each piece to whoever has it", () => {
    const pieces = Array.from({ length: 1000 }, () => platformRandom(16));
    const before = pieces.map(toHex);
    pieces[500]?.fill(0);
    const after = pieces.map(toHex);
    assert.deepEqual(after.toSpliced(500, 1), before.toSpliced(500, 1));
  });

  it("is given out once", () => {
    for (const length of [16, 23, 24, 25]) {
      const given = new Set(Array.from({ length: 2000 }, () => toHex(platformRandom(length))));
      assert.equal(given.size, 2000);
    }
  });

  it("has no gaps: all bits of small and large pieces are as often 1 as 0", () => {
    for (const length of [1, 7, 16, 24, 4096]) {
      const ones = new Array(8).fill(0);
      const rounds = Math.ceil(40_000 / length);
      for (let round = 0; round < rounds; round++) {
        for (const byte of platformRandom(length)) {
          for (let bit = 0; bit < 8; bit++) ones[bit] += byte >> bit & 1;
        }
      }
      // Eight standard deviations of as many tosses of a coin.
      const bytes = rounds * length;
      for (const count of ones) assert.ok(Math.abs(count - bytes / 2) < 4 * Math.sqrt(bytes));
    }
  });
});
