import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  Eof,
  FlowClosedError,
  flowPair,
  fromConn,
  fromStreams,
  type StreamPair,
} from "../../flow/mod.ts";
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

  it("lends its buffers until the socket has taken them", async () => {
    const [here, there] = flowPair();
    const conn = new MemoryConn(here, 100);
    const write = conn.write.bind(conn);
    let letWrite = (): void => {};
    conn.write = async (data) => {
      await new Promise<void>((resolve) => letWrite = resolve);
      return await write(data);
    };
    const flow = fromConn(conn);
    const buffer = bytes(150);
    let returned = false;
    const lending = flow.lend?.([buffer]).then(() => returned = true);
    for (let part = 0; part < 2; part++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.equal(returned, false, "the socket has not written all of it");
      letWrite();
    }
    assert.equal(await lending, true);
    buffer.fill(0);
    // What was written since is another writer's.
    const later = flow.write(bytes(3));
    await new Promise((resolve) => setTimeout(resolve, 0));
    letWrite();
    await later;
    await flow.closeWrite();
    const expected = new Uint8Array(153);
    expected.set(bytes(150));
    expected.set(bytes(3), 150);
    assert.deepEqual(await readAll(there), expected);
  });

  it("gives the reason to whoever lends to a socket that breaks", async () => {
    const conn = new MemoryConn(flowPair()[0], 100);
    const error = new Error("reset");
    let breakIt = (): void => {};
    conn.write = () => new Promise((_, reject) => breakIt = () => reject(error));
    const flow = fromConn(conn);
    const lending = flow.lend?.([bytes(10)]) ?? assert.fail();
    await new Promise((resolve) => setTimeout(resolve, 0));
    breakIt();
    const isTold = (found: unknown) => found instanceof FlowClosedError && found.cause === error;
    await assert.rejects(lending, isTold);
    await assert.rejects(flow.lend?.([bytes(10)]) ?? assert.fail(), isTold);
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
