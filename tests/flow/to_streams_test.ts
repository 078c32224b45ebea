import { toText } from "@std/streams/to-text";
import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, FlowClosedError, flowPair, fromStreams, toStreams } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, staysPending } from "./conformance.ts";
import { countCalls, transformStreams } from "./media.ts";

describeConformance("fromStreams of toStreams", {
  connect() {
    const [here, there] = flowPair({ capacity: 1000 });
    return Promise.resolve([fromStreams(toStreams(here)), there]);
  },
  halfClose: true,
  tellsAbort: true,
  abortsHalfClosed: false,
  runs: 20,
});

describe("toStreams", () => {
  it("carries text from one flow's writable to the other's readable", async () => {
    const [here, there] = flowPair({ capacity: 2 });
    const sending = ReadableStream.from(["one ", "two ", "three"])
      .pipeThrough(new TextEncoderStream())
      .pipeTo(toStreams(here).writable);
    assert.equal(await toText(toStreams(there).readable), "one two three");
    await sending;
  });

  it("reads nothing ahead", async () => {
    const [here, there] = flowPair({ capacity: 0 });
    toStreams(there);
    assert.ok(await staysPending(here.write(bytes(1))));
  });

  it("closes the flow when both streams have ended", async () => {
    const [here, there] = flowPair();
    const closes = countCalls(here, "close");
    const { readable, writable } = toStreams(here);
    await writable.close();
    const closing = there.close();
    assert.equal(closes(), 0);
    assert.deepEqual(await Array.fromAsync(readable), []);
    assert.equal(closes(), 1);
    await closing;
    await assert.rejects(here.write(bytes(1)), FlowClosedError);
  });

  it("discards what still comes when the readable is cancelled, and goes on writing", async () => {
    const [here, there] = flowPair({ capacity: 10 });
    const closes = countCalls(here, "close");
    const { readable, writable } = toStreams(here);
    await readable.cancel();
    assert.equal(closes(), 0);
    for (let i = 0; i < 5; i++) await there.write(bytes(10));
    const writer = writable.getWriter();
    await writer.write(bytes(3));
    assert.deepEqual(await there.read(), bytes(3));
    await writer.close();
    assert.equal(closes(), 1);
    assert.equal(await there.read(), Eof);
    await there.write(bytes(100));
    await there.close();
    await here.close();
  });

  it("aborts the flow when the writable is aborted", async () => {
    const [here, there] = flowPair();
    const reason = new Error("enough");
    await toStreams(here).writable.abort(reason);
    await assert.rejects(here.read(), reason);
    await assert.rejects(there.read(), FlowClosedError);
  });

  it("breaks the readable with the flow's error, and lets go of the flow", async () => {
    const [here, there] = flowPair();
    const aborts = countCalls(here, "abort");
    const { readable, writable } = toStreams(here);
    there.abort(new Error("enough"));
    await assert.rejects(Array.fromAsync(readable), FlowClosedError);
    assert.equal(aborts(), 1);
    await assert.rejects(writable.getWriter().write(bytes(1)), FlowClosedError);
    await here.close();
  });

  it("lets go of the flow when the writable breaks and the readable has ended", async () => {
    const [one, other] = transformStreams();
    let closed = false;
    const flow = fromStreams({ ...one, close: () => closed = true } as typeof one);
    const { readable, writable } = toStreams(flow);
    await other.readable.cancel(new Error("gone"));
    await new Promise((resolve) => setTimeout(resolve));
    await assert.rejects(writable.getWriter().write(bytes(1)), FlowClosedError);
    await other.writable.close();
    assert.deepEqual(await Array.fromAsync(readable), []);
    await new Promise((resolve) => setTimeout(resolve));
    assert.ok(closed);
  });

  it("has the peer wait while nobody reads", async () => {
    const [here, there] = flowPair({ capacity: 4 });
    const { readable } = toStreams(there);
    await here.write(bytes(4));
    const waiting = here.write(bytes(4));
    assert.ok(await staysPending(waiting));
    const ending = here.closeWrite();
    assert.equal((await Array.fromAsync(readable)).length, 2);
    await Promise.all([waiting, ending]);
  });

  it("gives what fromStreams takes", async () => {
    const [here, there] = flowPair();
    await using wrapped = fromStreams(toStreams(here));
    await wrapped.write(bytes(2));
    await wrapped.closeWrite();
    assert.deepEqual(await readAll(there), bytes(2));
    await there.closeWrite();
  });
});
