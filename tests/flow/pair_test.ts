import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, type Flow, FlowClosedError, flowPair } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, staysPending } from "./conformance.ts";

for (const capacity of [0, 1, 1000, 65536]) {
  describeConformance(`flowPair with a capacity of ${capacity}`, {
    connect: () => Promise.resolve(flowPair({ capacity })),
    halfClose: true,
    tellsAbort: true,
    runs: 30,
  });
}

describe("flowPair", () => {
  it("hands over the buffer itself", async () => {
    const [here, there] = flowPair();
    const buffer = bytes(100);
    await here.write(buffer);
    assert.equal(await there.read(), buffer);
  });

  it("copies what is lent, into buffers that are given back, and into no others", async () => {
    const [here, there] = flowPair({ capacity: Infinity });
    const lent = bytes(100_000);
    const small = bytes(10);
    const send = async (): Promise<Uint8Array> => {
      await here.lend?.([lent, small]);
      const chunk = await there.read();
      assert.ok(chunk !== Eof);
      assert.deepEqual([chunk, await there.read()], [lent, small]);
      assert.notEqual(chunk.buffer, lent.buffer);
      return chunk;
    };
    const kept = await send();
    const before = kept.slice();
    lent.fill(1);
    const given = await send();
    assert.notEqual(given.buffer, kept.buffer);
    there.reuse?.(given);
    there.reuse?.(given);
    lent.fill(2);
    assert.equal((await send()).buffer, given.buffer);
    assert.notEqual((await send()).buffer, given.buffer);
    assert.deepEqual(kept, before);
  });

  it("does not use a buffer again that was written, and not lent", async () => {
    const [here, there] = flowPair({ capacity: Infinity });
    const whole = bytes(200_000);
    await here.write(whole.subarray(0, 100_000));
    const chunk = await there.read();
    assert.ok(chunk !== Eof);
    there.reuse?.(chunk);
    await here.lend?.([new Uint8Array(100_000)]);
    assert.deepEqual(whole, bytes(200_000));
  });

  it("hands over a buffer that is longer than its capacity", async () => {
    const [here, there] = flowPair({ capacity: 10 });
    const buffer = bytes(100);
    const writing = here.write(buffer);
    assert.equal(await there.read(), buffer);
    await writing;
  });

  it("accepts as many bytes as its capacity, and not one more", async () => {
    const [here, there] = flowPair({ capacity: 10 });
    await here.write(bytes(4));
    await here.write(bytes(6));
    const waiting = here.write(bytes(1));
    assert.ok(await staysPending(waiting));
    await there.read();
    await waiting;
  });

  it("with no capacity resolves a write when the reader has taken it", async () => {
    const [here, there] = flowPair({ capacity: 0 });
    const [first, second] = [here.write(bytes(1)), here.write(bytes(1))];
    const ending = here.closeWrite();
    assert.ok(await staysPending(first));
    await there.read();
    await first;
    assert.ok(await staysPending(second));
    assert.ok(await staysPending(ending));
    await there.read();
    await Promise.all([second, ending]);
    assert.equal(await there.read(), Eof);
  });

  it("never makes a writer wait when its capacity is without bound", async () => {
    const [here, there] = flowPair({ capacity: Infinity });
    for (let i = 0; i < 100; i++) await here.write(new Uint8Array(100_000));
    await here.closeWrite();
    assert.equal((await readAll(there)).length, 10_000_000);
  });

  it("takes 65536 bytes, unless told otherwise", async () => {
    const [here] = flowPair();
    await here.write(new Uint8Array(65536));
    assert.ok(await staysPending(here.write(bytes(1))));
  });

  it("tells the peer why it was aborted", async () => {
    const [here, there] = flowPair();
    const reason = new Error("why");
    await here.write(bytes(1));
    here.abort(reason);
    const told = (error: unknown) => error instanceof FlowClosedError && error.cause === reason;
    await assert.rejects(there.read(), told);
    await assert.rejects(there.write(bytes(1)), told);
  });

  it("lets a close pass over an error that another call has met", async () => {
    const read = (flow: Flow): Promise<unknown> => flow.read();
    const write = (flow: Flow): Promise<unknown> => flow.write(new Uint8Array(100_000));
    const closeWrite = (flow: Flow): Promise<unknown> => flow.closeWrite();
    for (const pending of [read, write]) {
      const [here, there] = flowPair();
      const calling = pending(here);
      there.abort();
      await assert.rejects(calling, FlowClosedError);
      await here.close();
    }
    for (const later of [read, write, closeWrite]) {
      const [here, there] = flowPair();
      there.abort();
      await assert.rejects(later(here), FlowClosedError);
      await here.close();
    }
  });

  it("has a close throw an error that nothing else has met", async () => {
    const [here, there] = flowPair();
    there.abort(new Error("why"));
    await assert.rejects(here.close(), FlowClosedError);
    await here.close();
  });

  it("refuses a capacity that is none", () => {
    for (const capacity of [-1, NaN]) assert.throws(() => flowPair({ capacity }), RangeError);
  });
});
