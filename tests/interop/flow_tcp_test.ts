import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import net from "node:net";
import { asFlow, Eof, type Flow, FlowClosedError, fromConn, fromStreams } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, readBytes } from "../flow/conformance.ts";

async function connectTcp(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  return await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
}

async function connectUnix(): Promise<[Deno.UnixConn, Deno.UnixConn]> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/socket`;
    using listener = Deno.listen({ transport: "unix", path });
    return await Promise.all([Deno.connect({ transport: "unix", path }), listener.accept()]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function asFlows<T extends Deno.Conn>(conns: Promise<[T, T]>): Promise<[Flow, Flow]> {
  const [here, there] = await conns;
  return [fromStreams(here), fromConn(there)];
}

describeConformance("Deno's TCP sockets", {
  connect: () => asFlows(connectTcp()),
  halfClose: true,
  tellsAbort: false,
  runs: 10,
});

describeConformance("Deno's UNIX sockets", {
  connect: () => asFlows(connectUnix()),
  halfClose: true,
  tellsAbort: false,
  runs: 10,
});

describe("a flow over Deno's TCP sockets", () => {
  it("delivers all that was accepted before it was closed", async () => {
    const [here, there] = await asFlows(connectTcp());
    const length = 20_000_000;
    const sending = (async () => {
      for (let sent = 0; sent < length; sent += 100_000) await here.write(new Uint8Array(100_000));
      await here.close();
    })();
    assert.equal((await readAll(there)).length, length);
    await Promise.all([there.close(), sending]);
  });

  it("frees the socket when both directions have ended", async () => {
    const [conn, peer] = await connectTcp();
    const flow = fromStreams(conn);
    await flow.closeWrite();
    await peer.closeWrite();
    assert.equal(await flow.read(), Eof);
    assert.throws(() => conn.close(), Deno.errors.BadResource);
    peer.close();
  });

  it("rejects writes when the peer has gone", async () => {
    const [conn, peer] = await connectTcp();
    const flow = fromStreams(conn);
    await peer.write(bytes(1));
    peer.close();
    await assert.rejects(async () => {
      for (;;) {
        await flow.write(bytes(1000));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }, FlowClosedError);
    flow.abort();
  });

  it("reads bulk data in large chunks", async () => {
    const [conn, peer] = await connectTcp();
    const [here, there] = [fromStreams(conn), fromStreams(peer)];
    const sending = here.write(new Uint8Array(8 << 20)).then(() => here.closeWrite());
    let largest = 0;
    for (let chunk = await there.read(); chunk !== Eof; chunk = await there.read()) {
      largest = Math.max(largest, chunk.length);
    }
    assert.ok(largest > 65536, `the largest of them has ${largest} bytes`);
    await there.close();
    await sending;
    await here.close();
  });

  it("talks to one over Node's sockets", async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const socket = net.connect({
      port: listener.addr.port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    const there = fromStreams(await listener.accept());
    const here = asFlow(socket);
    await here.write(bytes(100));
    await here.closeWrite();
    assert.deepEqual(await readBytes(there, 100), bytes(100));
    assert.equal(await there.read(), Eof);
    await there.write(bytes(50));
    await Promise.all([there.close(), readBytes(here, 50).then(() => here.close())]);
  });
});
