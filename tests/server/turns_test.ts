import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Turns } from "../../server/_turns.ts";
import { TimerWatch } from "../helpers/timers.ts";

describe("the next turn", () => {
  it("comes behind all that is ready", async () => {
    const turns = new Turns();
    const order: string[] = [];
    turns.runNext(() => order.push("next turn"));
    let steps = Promise.resolve();
    for (let step = 0; step < 100; step++) steps = steps.then(() => {});
    steps.then(() => order.push("ready"));
    await turns.next();
    assert.deepEqual(order, ["ready", "next turn"]);
  });

  it("does not run what was taken back, also when it has begun", async () => {
    const turns = new Turns();
    const ran: string[] = [];
    turns.runNext(() => ran.push("kept"));
    turns.runNext(() => ran.push("taken back"))();
    const late: { takeBack?: () => void } = {};
    turns.runNext(() => late.takeBack?.());
    late.takeBack = turns.runNext(() => ran.push("taken back late"));
    await turns.next();
    assert.deepEqual(ran, ["kept"]);
  });

  it("costs one timer, and none when all is taken back", () => {
    using timers = new TimerWatch();
    const turns = new Turns();
    const takers = Array.from({ length: 10 }, () => turns.runNext(() => {}));
    assert.deepEqual([timers.set.length, timers.cleared.length], [1, 0]);
    for (const takeBack of takers) takeBack();
    assert.deepEqual(timers.cleared, timers.set);
  });

  it("is left alone by what has run, and is taken back then", async () => {
    const turns = new Turns();
    const takeBack = turns.runNext(() => {});
    await turns.next();
    const ran: string[] = [];
    turns.runNext(() => ran.push("another"));
    takeBack();
    await turns.next();
    assert.deepEqual(ran, ["another"]);
  });

  it("runs the others, too, when something throws", async () => {
    const turns = new Turns();
    const errors: string[] = [];
    const onError = (event: ErrorEvent): void => {
      event.preventDefault();
      errors.push(event.error.message);
    };
    addEventListener("error", onError);
    try {
      const ran: string[] = [];
      turns.runNext(() => {
        throw new Error("broken");
      });
      turns.runNext(() => ran.push("another"));
      await turns.next();
      assert.deepEqual({ ran, errors }, { ran: ["another"], errors: ["broken"] });
    } finally {
      removeEventListener("error", onError);
    }
  });
});
