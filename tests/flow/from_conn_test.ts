import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, flowPair, fromConn, fromStreams, type StreamPair } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll } from "./conformance.ts";
import { MemoryConn, transformStreams } from "./media.ts";

describeConformance("fromConn", {
  connect() {
    const [here, there] = flowPair({ capacity: 1000 });
    return Promise.resolve([fromConn(new MemoryConn(here, 700)), there]);
  },
  halfClose: true,
  tellsAbort: true,
  runs: 20,
});

describe("fromConn", () => {
  it("sets TCP_NODELAY", () => {
    const conn = new MemoryConn(flowPair()[0], 100);
    fromConn(conn);
    assert.equal(conn.noDelay, true);
  });

  it("closes the socket when both directions have ended, and not before", async () => {
    const [here, there] = flowPair();
    const conn = new MemoryConn(here, 100);
    const flow = fromConn(conn);
    await flow.closeWrite();
    assert.equal(await there.read(), Eof);
    assert.equal(conn.closed, false);
    await there.closeWrite();
    assert.equal(await flow.read(), Eof);
    assert.equal(conn.closed, true);
    await flow.close();
  });

  it("closes the socket when it is aborted, even if that is closed already", () => {
    const conn = new MemoryConn(flowPair()[0], 100);
    const flow = fromConn(conn);
    conn.close();
    flow.abort();
    assert.equal(conn.closed, true);
  });

  it("is what fromStreams takes for an object that has both", async () => {
    const [here, there] = flowPair();
    const conn = new MemoryConn(here, 100);
    const [streams] = transformStreams();
    const flow = fromStreams(Object.assign(conn, streams) as StreamPair);
    await flow.write(bytes(10));
    await flow.closeWrite();
    assert.deepEqual(await readAll(there), bytes(10));
  });
});
