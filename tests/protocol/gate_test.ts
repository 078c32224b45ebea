import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { judge } from "../../protocol/gate.ts";
import { messageName } from "../../wire/message_numbers.ts";
import { allStates, expectedVerdict } from "./_gate_expectation.ts";

const NUMBERS = Array.from({ length: 256 }, (_, number) => number);

describe("gate", () => {
  for (const state of allStates()) {
    const during = state.exchanging ? ", exchanging keys" : "";
    const strict = state.strictInitial ? ", strictly" : "";
    it(`judges each message that a ${state.role} is sent: ${state.phase}${during}${strict}`, () => {
      for (const number of NUMBERS) {
        assert.equal(judge(number, state), expectedVerdict(number, state), messageName(number));
      }
    });
  }

  it("lets nothing of the connection protocol through before the user is authenticated", () => {
    for (const state of allStates().filter(({ phase }) => phase !== "connected")) {
      for (const number of NUMBERS.filter((number) => number >= 80)) {
        const isPing = number === 192 || number === 193;
        if (isPing && state.phase !== "initial" && !state.exchanging) continue;
        assert.equal(judge(number, state), "refuse", `${messageName(number)} ${state.phase}`);
      }
    }
  });

  it("lets a server never be told that somebody is authenticated", () => {
    for (const state of allStates().filter(({ role }) => role === "server")) {
      for (const number of [51, 52, 53, 60]) assert.equal(judge(number, state), "refuse");
    }
  });
});
