import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, FlowClosedError, flowPair, fromStreams, toStreams } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, readBytes, staysPending } from "./conformance.ts";
import { byteStream, transformStreams } from "./media.ts";

describeConformance("fromStreams", {
  connect() {
    const [one, other] = transformStreams();
    return Promise.resolve([fromStreams(one), fromStreams(other)]);
  },
  halfClose: true,
  tellsAbort: true,
  runs: 20,
});

describeConformance("fromStreams of a byte stream", {
  connect() {
    const [here, there] = flowPair({ capacity: 1000 });
    const { writable } = toStreams(here);
    return Promise.resolve([fromStreams({ readable: byteStream(here), writable }), there]);
  },
  halfClose: true,
  tellsAbort: true,
  runs: 20,
});

describe("fromStreams", () => {
  const unused = () => new WritableStream<Uint8Array>();

  it("skips chunks that are empty", async () => {
    const readable = ReadableStream.from([bytes(0), bytes(2), bytes(0), bytes(0), bytes(1)]);
    const flow = fromStreams({ readable, writable: unused() });
    assert.deepEqual(await flow.read(), bytes(2));
    assert.deepEqual(await flow.read(), bytes(1));
    assert.equal(await flow.read(), Eof);
  });

  it("rejects every read with the error of the stream", async () => {
    const error = new Error("reset");
    const readable = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(error),
    });
    const flow = fromStreams({ readable, writable: unused() });
    const reads = [flow.read(), flow.read()];
    for (const read of reads) await assert.rejects(read, error);
    await assert.rejects(flow.read(), error);
  });

  it("closes without an error that a read has met", async () => {
    const readable = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new Error("reset")),
    });
    const flow = fromStreams({ readable, writable: unused() });
    await assert.rejects(flow.read(), /reset/);
    await flow.close();
  });

  it("has a close throw an error that nothing else has met", async () => {
    const readable = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new Error("reset")),
    });
    const flow = fromStreams({ readable, writable: unused() });
    await assert.rejects(flow.close(), /reset/);
    await flow.close();
  });

  it("rejects writes when the stream takes no more, with its error as the cause", async () => {
    const error = new Error("broken pipe");
    const writable = new WritableStream<Uint8Array>({ write: () => Promise.reject(error) });
    const flow = fromStreams({ readable: new ReadableStream(), writable });
    await flow.write(bytes(1));
    await new Promise((resolve) => setTimeout(resolve));
    const told = (found: unknown) => found instanceof FlowClosedError && found.cause === error;
    await assert.rejects(flow.write(bytes(1)), told);
    await assert.rejects(flow.closeWrite(), told);
    flow.abort();
  });

  it("knows of a stream that breaks while nothing is written", async () => {
    const [one, other] = transformStreams();
    const flow = fromStreams(one);
    await other.readable.cancel(new Error("gone"));
    await new Promise((resolve) => setTimeout(resolve));
    await assert.rejects(flow.write(bytes(1)), FlowClosedError);
    flow.abort();
  });

  it("tells with a close that what was written did not arrive", async () => {
    const writable = new WritableStream<Uint8Array>({
      write: () => Promise.reject(new Error("broken pipe")),
    });
    const flow = fromStreams({ readable: ReadableStream.from<Uint8Array>([]), writable });
    await flow.write(bytes(1));
    await assert.rejects(flow.close(), FlowClosedError);
  });

  it("joins small buffers that wait, and writes large ones as they are", async () => {
    const written: Uint8Array[] = [];
    let go: () => void = () => {};
    const writable = new WritableStream<Uint8Array>({
      write(chunk) {
        written.push(chunk);
        return new Promise((resolve) => go = resolve);
      },
    });
    const flow = fromStreams({ readable: new ReadableStream(), writable });
    const large = new Uint8Array(100_000);
    await flow.writev([bytes(3), bytes(3, 3)]);
    for (let i = 0; i < 4; i++) await flow.write(bytes(1, i));
    const waiting = flow.write(large);
    while (written.length < 3) {
      go();
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert.deepEqual(written.slice(0, 2), [bytes(6), bytes(4)]);
    assert.equal(written[2], large);
    await waiting;
    flow.abort();
  });

  it("reads small input into small buffers, and keeps none that is large for it", async () => {
    const [here, there] = flowPair({ capacity: 1 << 20 });
    const flow = fromStreams({ readable: byteStream(here), writable: unused() });
    await there.write(new Uint8Array(600_000));
    await readBytes(flow, 600_000);
    for (let i = 0; i < 3; i++) {
      await there.write(bytes(10));
      const chunk = await flow.read();
      assert.ok(chunk !== Eof && chunk.buffer.byteLength <= 4096);
    }
    flow.abort();
  });

  it("reads much input in large chunks", async () => {
    const [here, there] = flowPair({ capacity: 4 << 20 });
    const flow = fromStreams({ readable: byteStream(here), writable: unused() });
    await there.write(new Uint8Array(4 << 20));
    await there.closeWrite();
    let largest = 0;
    for (let chunk = await flow.read(); chunk !== Eof; chunk = await flow.read()) {
      largest = Math.max(largest, chunk.length);
    }
    assert.equal(largest, 262144);
    flow.abort();
  });

  it("gives plain arrays, whatever class the stream's chunks are of", async () => {
    class OtherBytes extends Uint8Array {}
    const chunk = new OtherBytes([1, 2, 3]);
    const flow = fromStreams({ readable: ReadableStream.from([chunk]), writable: unused() });
    const got = await flow.read();
    assert.ok(got !== Eof);
    assert.equal(got.constructor, Uint8Array);
    assert.equal(got.buffer, chunk.buffer);
  });

  it("rejects a read when the stream gives something else than bytes", async () => {
    const readable = ReadableStream.from(["text"]) as unknown as ReadableStream<Uint8Array>;
    const flow = fromStreams({ readable, writable: unused() });
    await assert.rejects(flow.read(), TypeError);
  });

  it("cancels and aborts the streams when it is aborted", async () => {
    const seen: unknown[] = [];
    const flow = fromStreams({
      readable: new ReadableStream({ cancel: (reason) => void seen.push(reason) }),
      writable: new WritableStream({ abort: (reason) => void seen.push(reason) }),
    });
    const reason = new Error("enough");
    const reading = flow.read();
    flow.abort(reason);
    await assert.rejects(reading, reason);
    assert.deepEqual(seen, [reason, reason]);
  });

  it("sets TCP_NODELAY where there is such a thing, and closes a socket of streams", async () => {
    const [one, other] = transformStreams();
    const calls: unknown[] = [];
    const socket = {
      ...one,
      setNoDelay: (noDelay: boolean) => calls.push(noDelay),
      close: () => {
        calls.push("close");
        return Promise.reject(new Error("closed already"));
      },
    };
    const here = fromStreams(socket);
    const there = fromStreams(other);
    assert.deepEqual(calls, [true]);
    const closing = here.close();
    assert.ok(await staysPending(closing));
    assert.deepEqual(calls, [true]);
    await Promise.all([there.close(), closing]);
    assert.deepEqual(calls, [true, "close"]);
  });

  it("has told the peer of the end although the stream has more to do", async () => {
    let finish: () => void = () => {};
    let told = false;
    const writable = new WritableStream<Uint8Array>({
      close() {
        told = true;
        return new Promise((resolve) => finish = resolve);
      },
    });
    const flow = fromStreams({ readable: ReadableStream.from<Uint8Array>([]), writable });
    await flow.write(bytes(1));
    await flow.closeWrite();
    assert.ok(told);
    const closing = flow.close();
    assert.ok(await staysPending(closing));
    finish();
    await closing;
  });

  it("tells with a close that the stream broke while nothing was written", async () => {
    const [one, other] = transformStreams();
    const flow = fromStreams(one);
    await other.readable.cancel(new Error("gone"));
    await new Promise((resolve) => setTimeout(resolve));
    await assert.rejects(flow.close(), FlowClosedError);
  });

  it("closes without an error that closeWrite has met", async () => {
    const writable = new WritableStream<Uint8Array>({
      write: () => Promise.reject(new Error("gone")),
    });
    const flow = fromStreams({ readable: new ReadableStream(), writable });
    await flow.write(bytes(1));
    await assert.rejects(flow.closeWrite(), FlowClosedError);
    await flow.close();
  });

  it("uses the streams of a flow that has some", async () => {
    const [one, other] = transformStreams();
    const [flow] = flowPair();
    const here = fromStreams(Object.assign(flow, one));
    const there = fromStreams(other);
    await here.write(bytes(3));
    assert.deepEqual(await there.read(), bytes(3));
    here.abort();
  });

  it("tells with a close that the end was not delivered", async () => {
    const error = new Error("reset");
    const writable = new WritableStream<Uint8Array>({ close: () => Promise.reject(error) });
    const flow = fromStreams({ readable: ReadableStream.from<Uint8Array>([]), writable });
    await flow.closeWrite();
    const told = (found: unknown) => found instanceof FlowClosedError && found.cause === error;
    await assert.rejects(flow.close(), told);
  });

  it("closes a socket of streams when both directions have ended by themselves", async () => {
    const [one, other] = transformStreams();
    let closed = 0;
    const here = fromStreams({ ...one, close: () => closed++ } as typeof one);
    const there = fromStreams(other);
    await Promise.all([here.closeWrite(), there.closeWrite()]);
    assert.equal(closed, 0);
    await readAll(here);
    assert.equal(closed, 1);
    await here.close();
    assert.equal(closed, 1);
  });

  it("refuses streams that are locked or not there", () => {
    const locked = new TransformStream<Uint8Array, Uint8Array>();
    locked.readable.getReader();
    assert.throws(() => fromStreams(locked), /the readable is locked/);
    const writing = new TransformStream<Uint8Array, Uint8Array>();
    writing.writable.getWriter();
    assert.throws(() => fromStreams(writing), /the writable is locked/);
    assert.throws(() => fromStreams({} as typeof locked), TypeError);
  });
});
