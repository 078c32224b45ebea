import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import {
  asFlow,
  Eof,
  type Flow,
  FlowClosedError,
  fromDuplex,
  fromStreams,
} from "../../flow/mod.ts";
import { bytes, describeConformance, readBytes } from "../flow/conformance.ts";
import { concat } from "../helpers/bytes.ts";

async function connect(): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [[socket]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
  server.close();
  return [client, socket as net.Socket];
}

function asStreams(socket: net.Socket): Flow {
  return fromStreams(Duplex.toWeb(socket) as Parameters<typeof fromStreams>[0]);
}

describe("a socket of Node's", () => {
  it("takes buffers that are lent to it, and used again at once", async () => {
    const [here, there] = await connect();
    const [near, far] = [fromDuplex(here), fromDuplex(there)];
    const count = 100;
    const reading = readBytes(far, count * 100_000);
    const buffer = new Uint8Array(100_000);
    for (let round = 0; round < count; round++) {
      buffer.fill(round);
      await (near.lend?.([buffer]) ?? assert.fail("it cannot be lent to"));
    }
    const received = await reading;
    assert.ok(received.every((byte, index) => byte === Math.floor(index / 100_000)));
    await Promise.all([near.close(), far.close()]);
  });
});

describe("many buffers that are written to a socket of Node's at once", () => {
  it("go out in order, with what is written before and behind them", async () => {
    const [here, there] = await connect();
    const [near, far] = [fromDuplex(here), fromDuplex(there)];
    assert.equal(near.gathers, true);
    const pieces = Array.from({ length: 3000 }, (_, index) => bytes(index % 50 === 0 ? 40_000 : 7));
    pieces.forEach((piece, index) => piece.fill(index));
    const expected = concat(pieces);
    const reading = readBytes(far, expected.length);
    const writing = [near.write(pieces[0] ?? assert.fail())];
    for (let start = 1; start < pieces.length; start += 500) {
      const some = pieces.slice(start, start + 500);
      writing.push(start % 1000 === 1 ? near.writev(some) : near.lend?.(some) ?? assert.fail());
    }
    assert.deepEqual(await reading, expected);
    await Promise.all(writing);
    await Promise.all([near.close(), far.close()]);
  });

  it("are rejected together when the socket breaks", async () => {
    const [here, there] = await connect();
    const near = fromDuplex(here);
    const pieces = Array.from({ length: 100 }, () => bytes(1_000_000));
    const writing = near.lend?.(pieces) ?? assert.fail();
    there.destroy();
    here.destroy(new Error("It is gone"));
    await assert.rejects(writing, FlowClosedError);
    await near.close().catch(() => {});
  });
});

describeConformance("Node's sockets, as Web Streams", {
  async connect() {
    const [here, there] = await connect();
    return [asStreams(here), asStreams(there)];
  },
  halfClose: true,
  tellsAbort: false,
  runs: 5,
});

describeConformance("Node's sockets", {
  async connect() {
    const [here, there] = await connect();
    return [fromDuplex(here), fromDuplex(there)];
  },
  halfClose: true,
  tellsAbort: false,
  runs: 10,
});

describe("a flow over one of Node's sockets", () => {
  it("waits for a socket that still connects", async () => {
    const server = net.createServer((socket) => socket.end("hello"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const flow = asFlow(net.connect({ port, host: "127.0.0.1" }));
    await flow.write(bytes(3));
    assert.deepEqual(await readBytes(flow, 5), new TextEncoder().encode("hello"));
    assert.equal(await flow.read(), Eof);
    await flow.close();
    server.close();
  });

  it("rejects when a socket cannot connect", async () => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, "close");
    const flow = asFlow(net.connect({ port, host: "127.0.0.1" }));
    await assert.rejects(flow.read(), /ECONNREFUSED/);
    await assert.rejects(flow.write(bytes(1)), FlowClosedError);
    await flow.close();
  });
});
