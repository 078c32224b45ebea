import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { asFlow, Eof, FlowClosedError, flowPair, fromDuplex } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll } from "./conformance.ts";
import { MemoryDuplex } from "./media.ts";

describeConformance("fromDuplex", {
  connect() {
    const [here, there] = flowPair({ capacity: 1000 });
    return Promise.resolve([fromDuplex(new MemoryDuplex(here)), there]);
  },
  halfClose: true,
  tellsAbort: true,
  runs: 20,
});

describe("fromDuplex", () => {
  it("sets TCP_NODELAY, and keeps a half-closed duplex open", () => {
    const duplex = new MemoryDuplex(flowPair()[0]);
    assert.equal(duplex.allowHalfOpen, false);
    fromDuplex(duplex);
    assert.equal(duplex.noDelay, true);
    assert.equal(duplex.allowHalfOpen, true);
  });

  it("gives plain arrays", async () => {
    const duplex = new Duplex({ read() {}, write() {} });
    const flow = fromDuplex(duplex);
    duplex.push(Buffer.from("abc"));
    const chunk = await flow.read();
    assert.ok(chunk !== Eof);
    assert.equal(chunk.constructor, Uint8Array);
    assert.deepEqual(chunk, new TextEncoder().encode("abc"));
    assert.equal(chunk.buffer.byteLength, 3, "no part of the pool that Buffer has");
    flow.abort();
  });

  it("does not lend to a duplex that may keep what it is given", () => {
    const duplex = new Duplex({ read() {}, write() {} });
    assert.equal(fromDuplex(duplex).lend, undefined);
    assert.ok(!fromDuplex(new Duplex({ read() {}, write() {} })).gathers);
  });

  it("rejects reads and writes with the error of the duplex", async () => {
    const duplex = new Duplex({ read() {}, write() {} });
    const flow = fromDuplex(duplex);
    const error = new Error("reset");
    const reading = flow.read();
    duplex.destroy(error);
    await assert.rejects(reading, error);
    await assert.rejects(flow.read(), error);
    const told = (found: unknown) => found instanceof FlowClosedError && found.cause === error;
    await assert.rejects(flow.write(bytes(1)), told);
    await flow.close();
  });

  it("does not take a duplex that was destroyed for one that has ended", async () => {
    const duplex = new Duplex({ read() {}, write() {} });
    const flow = fromDuplex(duplex);
    const reading = flow.read();
    duplex.destroy();
    await assert.rejects(reading, FlowClosedError);
  });

  it("rejects a read when the duplex gives something else than bytes", async () => {
    const duplex = new Duplex({ read() {}, write() {}, readableObjectMode: true });
    const flow = fromDuplex(duplex);
    duplex.push({});
    await assert.rejects(flow.read(), TypeError);
    flow.abort();
  });

  it("destroys the duplex when both directions have ended, and not before", async () => {
    const [here, there] = flowPair();
    const duplex = new MemoryDuplex(here);
    const flow = fromDuplex(duplex);
    await flow.write(bytes(3));
    await flow.closeWrite();
    assert.deepEqual(await readAll(there), bytes(3));
    assert.equal(duplex.destroyed, false);
    await there.closeWrite();
    assert.equal(await flow.read(), Eof);
    assert.equal(duplex.destroyed, true);
  });

  it("is what asFlow makes of a duplex", async () => {
    const [here, there] = flowPair();
    const flow = asFlow(new MemoryDuplex(here));
    await flow.write(bytes(2));
    assert.deepEqual(await there.read(), bytes(2));
    flow.abort();
  });
});
