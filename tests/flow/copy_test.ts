import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { asFlow, copy, Eof, FlowClosedError, flowPair, isFlow } from "../../flow/mod.ts";
import { bytes, readBytes } from "./conformance.ts";
import { transformStreams } from "./media.ts";

describe("copy", () => {
  it("copies until the end, and leaves both flows as they are", async () => {
    const [input, source] = flowPair();
    const [sink, output] = flowPair();
    await input.write(bytes(10));
    await input.write(bytes(20, 10));
    await input.closeWrite();
    const { bytes: length, reads, writes, durationMs } = await copy(source, sink);
    assert.deepEqual([length, reads, writes], [30, 2, 2]);
    assert.ok(durationMs >= 0);
    await sink.write(bytes(1, 30));
    assert.deepEqual(await readBytes(output, 31), bytes(31));
    await source.write(bytes(1));
    assert.deepEqual(await input.read(), bytes(1));
  });

  it("copies a flow to itself", async () => {
    const [here, there] = flowPair();
    const echoing = copy(there, there).then(() => there.close());
    await here.write(bytes(10));
    assert.deepEqual(await here.read(), bytes(10));
    await here.close();
    await echoing;
  });

  it("takes pairs of streams, also the same one twice", async () => {
    const [one, other] = transformStreams();
    const here = asFlow(one);
    const echoing = copy(other, other);
    await here.write(bytes(10));
    assert.deepEqual(await here.read(), bytes(10));
    await here.closeWrite();
    assert.equal((await echoing).bytes, 10);
    here.abort();
  });

  it("waits for a sink that is slow", async () => {
    const [input, source] = flowPair({ capacity: 10 });
    const [sink, output] = flowPair({ capacity: 10 });
    const copying = copy(source, sink);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 20; i++, written++) await input.write(bytes(10));
      await input.closeWrite();
    })();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(written < 5, `${written} writes`);
    await readBytes(output, 200);
    await Promise.all([writing, copying]);
  });

  it("measures the time that it takes", async () => {
    const [input, source] = flowPair();
    const copying = copy(source, flowPair()[0]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await input.closeWrite();
    assert.ok((await copying).durationMs >= 10);
  });

  it("rejects with the error of either flow", async () => {
    const [input, source] = flowPair();
    input.abort(new Error("gone"));
    await assert.rejects(copy(source, flowPair()[0]), FlowClosedError);
    const [other, another] = flowPair();
    const [sink] = flowPair();
    await sink.closeWrite();
    await other.write(bytes(1));
    await assert.rejects(copy(another, sink), FlowClosedError);
  });

  it("ends with a signal, and aborts both flows", async () => {
    const [input, source] = flowPair();
    const [sink, output] = flowPair();
    const controller = new AbortController();
    const copying = copy(source, sink, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(copying, reason);
    await assert.rejects(input.write(bytes(1)), FlowClosedError);
    await assert.rejects(output.read(), FlowClosedError);
  });

  it("does not begin when the signal has fired", async () => {
    const [input, source] = flowPair();
    const reason = new Error("never");
    const signal = AbortSignal.abort(reason);
    await assert.rejects(copy(source, flowPair()[0], { signal }), reason);
    await assert.rejects(input.write(bytes(1)), FlowClosedError);
  });

  it("leaves flows alone when the signal fires after its end", async () => {
    const [input, source] = flowPair();
    const [sink, output] = flowPair();
    await input.closeWrite();
    const controller = new AbortController();
    await copy(source, sink, { signal: controller.signal });
    controller.abort();
    await sink.write(bytes(1));
    assert.deepEqual(await output.read(), bytes(1));
  });
});

describe("asFlow", () => {
  it("gives a flow as it is, and makes one of streams", async () => {
    const [flow] = flowPair();
    assert.equal(asFlow(flow), flow);
    const [one, other] = transformStreams();
    const made = asFlow(one);
    assert.ok(isFlow(made));
    const ending = made.closeWrite();
    assert.equal(await asFlow(other).read(), Eof);
    await ending;
  });

  it("refuses what is neither", () => {
    assert.throws(() => asFlow({} as never), TypeError);
    assert.throws(() => asFlow(null as never), TypeError);
    assert.equal(isFlow(null), false);
    assert.equal(isFlow({ read() {}, write() {}, close() {}, closeWrite() {} }), false);
  });
});

describe("Eof", () => {
  it("is the same in every copy of the module", () => {
    assert.equal(Eof, Symbol.for("@sshflow/ssh Eof"));
  });
});
