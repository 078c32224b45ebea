import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { initialState } from "../../keys/_blowfish.ts";
import { bcryptPbkdf } from "../../keys/bcrypt_pbkdf.ts";
import { toHex } from "../helpers/hex.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("bcrypt_pbkdf", () => {
  // The vectors that OpenBSD's implementation and those after it are held to.
  const vectors: readonly (readonly [string, string, number, string])[] = [
    ["password", "salt", 4, "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9"],
    ["password", "\0", 4, "c12b566235eee04c212598970a579a67"],
    ["\0", "salt", 4, "6051be18c2f4f82cbf0efee5471b4bb9"],
    [
      "password\0",
      "salt\0",
      4,
      "7410e44cf4fa07bfaac8a928b1727fac001375e7bf7384370f48efd121743050",
    ],
    ["pass\0wor", "sa\0l", 4, "c2bffd9db38f6569efef4372f4de83c0"],
    [
      "password",
      "salt",
      8,
      "e1367ec5151a33faac4cc1c144cd23fa15d5548493ecc99b9b5d9c0d3b27bec7" +
      "6227ea66088b849b20ab7aa478010246e74bba51723fefa9f9474d6508845e8d",
    ],
  ];
  for (const [passphrase, salt, rounds, expected] of vectors) {
    it(`derives ${expected.slice(0, 16)}…`, async () => {
      const length = expected.length / 2;
      const key = await bcryptPbkdf(bytes(passphrase), bytes(salt), { rounds, length });
      assert.equal(toHex(key), expected);
    });
  }

  it("lets others run meanwhile", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await bcryptPbkdf(bytes("p"), bytes("s"), { rounds: 24, length: 32 });
    clearInterval(timer);
    assert.ok(ticks >= 3, `${ticks} ticks`);
  });

  it("stops when it is told to", async () => {
    const controller = new AbortController();
    const running = bcryptPbkdf(bytes("p"), bytes("s"), {
      rounds: 1000,
      length: 32,
      signal: controller.signal,
    });
    controller.abort(new Error("enough"));
    await assert.rejects(running, /enough/);
  });

  it("refuses what makes no sense", async () => {
    const good = { rounds: 1, length: 32 };
    await assert.rejects(bcryptPbkdf(bytes(""), bytes("s"), good), RangeError);
    await assert.rejects(bcryptPbkdf(bytes("p"), bytes(""), good), RangeError);
    for (const bad of [{ rounds: 0 }, { rounds: 1.5 }, { length: 0 }, { length: 1025 }]) {
      await assert.rejects(bcryptPbkdf(bytes("p"), bytes("s"), { ...good, ...bad }), RangeError);
    }
  });

  it("starts from the digits of π", () => {
    const state = initialState();
    const word = (i: number) => ((state[i] as number) >>> 0).toString(16);
    // The first subkey, the first word of the first box, and the last of the last.
    assert.deepEqual([word(0), word(18), word(1041)], ["243f6a88", "d1310ba6", "3ac372e6"]);
    state.fill(0);
    assert.equal(initialState()[0], 0x243f6a88);
  });
});
