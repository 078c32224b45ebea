import { describe, it } from "@std/testing/bdd";
import { FakeTime, TimeError } from "@std/testing/time";
import assert from "node:assert/strict";

describe("time: FakeTime", () => {
  it("stands still until it is moved", () => {
    using time = new FakeTime(9001);
    assert.equal(Date.now(), 9001);
    assert.equal(new Date().valueOf(), 9001);
    time.tick(1523);
    assert.equal(Date.now(), 10524);
    assert.equal(time.now, 10524);
    assert.equal(time.start, 9001);
  });

  it("starts at a date, given in any form", () => {
    const starts = [new Date(5), "1970-01-01T00:00:00.005Z", 5];
    for (const start of starts) {
      using time = new FakeTime(start);
      assert.equal(time.now, 5);
    }
    assert.throws(() => new FakeTime("no date"), TypeError);
  });

  it("leaves other uses of Date as they are", () => {
    using _ = new FakeTime(0);
    assert.equal(new Date(7).valueOf(), 7);
    assert.equal(Date.UTC(1970, 0, 1, 0, 0, 1), 1000);
    assert.ok(new Date() instanceof Date);
  });

  it("gives everything back", () => {
    const before = [
      Date,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      AbortSignal.timeout,
    ];
    const time = new FakeTime();
    assert.notEqual(Date, before[0]);
    time.restore();
    const after = [Date, setTimeout, clearTimeout, setInterval, clearInterval, AbortSignal.timeout];
    assert.deepEqual(after, before);
    assert.throws(() => time.restore(), TimeError);
  });

  it("cannot be there twice", () => {
    using _ = new FakeTime();
    assert.throws(() => new FakeTime(), TimeError);
  });

  it("runs timeouts in the order in which they are due", () => {
    using time = new FakeTime(0);
    const calls: string[] = [];
    setTimeout((name: string) => calls.push(`${name} ${Date.now()}`), 20, "b");
    setTimeout((name: string) => calls.push(`${name} ${Date.now()}`), 10, "a");
    const cleared = setTimeout(() => calls.push("cleared"), 15);
    clearTimeout(cleared);
    time.tick(9);
    assert.deepEqual(calls, []);
    time.tick(11);
    assert.deepEqual(calls, ["a 10", "b 20"]);
  });

  it("runs what a timer sets, where that is due too", () => {
    using time = new FakeTime(0);
    const calls: number[] = [];
    setTimeout(() => setTimeout(() => calls.push(Date.now()), 5), 5);
    time.tick(20);
    assert.deepEqual(calls, [10]);
    assert.equal(time.now, 20);
  });

  it("runs an interval until it is cleared", () => {
    using time = new FakeTime(0);
    const calls: number[] = [];
    const id = setInterval(() => {
      if (calls.push(Date.now()) === 3) clearInterval(id);
    }, 10);
    time.tick(100);
    assert.deepEqual(calls, [10, 20, 30]);
  });

  it("goes from timer to timer", () => {
    using time = new FakeTime(0);
    setTimeout(() => {}, 1000);
    assert.equal(time.next(), true);
    assert.equal(time.now, 1000);
    assert.equal(time.next(), false);
    setTimeout(() => setTimeout(() => {}, 10), 10);
    time.runAll();
    assert.equal(time.now, 1020);
  });

  it("runs microtasks first where it is asked to", async () => {
    using time = new FakeTime(0);
    const order: string[] = [];
    setTimeout(() => order.push("timer"), 10);
    queueMicrotask(() => order.push("microtask"));
    await time.tickAsync(10);
    assert.deepEqual(order, ["microtask", "timer"]);
    Promise.resolve().then(() => setTimeout(() => order.push("next"), 1));
    assert.equal(await time.nextAsync(), true);
    assert.equal(order.at(-1), "next");
    Promise.resolve().then(() => setTimeout(() => order.push("last"), 1));
    await time.runAllAsync();
    assert.equal(order.at(-1), "last");
  });

  it("cannot go back", () => {
    using time = new FakeTime(10);
    assert.throws(() => time.now = 9, RangeError);
    assert.throws(() => time.start = 9, Error);
  });

  it("fires AbortSignal.timeout", () => {
    using time = new FakeTime();
    const signal = AbortSignal.timeout(50);
    time.tick(49);
    assert.equal(signal.aborted, false);
    time.tick(1);
    assert.equal(signal.aborted, true);
    assert.equal(signal.reason.name, "TimeoutError");
  });

  it("gives real time to a callback", async () => {
    using _ = new FakeTime(0);
    assert.ok(await FakeTime.restoreFor(() => Date.now()) > 0);
    assert.equal(Date.now(), 0);
    const later = FakeTime.restoreFor(async () => {
      await Promise.resolve();
      return Date.now();
    });
    assert.ok(await later > 0);
    assert.equal(Date.now(), 0);
    await assert.rejects(FakeTime.restoreFor(() => Promise.reject(new Error("mine"))), /mine/);
    assert.equal(Date.now(), 0);
  });

  it("has no real time to give when none is faked", async () => {
    await assert.rejects(FakeTime.restoreFor(() => {}), TimeError);
    assert.throws(() => FakeTime.restore(), TimeError);
  });

  it("delays in real time, until aborted", async () => {
    using time = new FakeTime(0);
    await time.delay(1);
    assert.equal(Date.now(), 0);
    const controller = new AbortController();
    const delay = time.delay(100_000, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(delay, /enough/);
  });

  it("moves by itself where it is asked to", async () => {
    using time = new FakeTime(0, { advanceRate: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    assert.ok(time.now >= 10_000);
  });
});
