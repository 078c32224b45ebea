import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, type Flow, FlowClosedError, fromWebSocket } from "../../flow/mod.ts";
import { bytes, describeConformance, readAll, readBytes } from "../flow/conformance.ts";

/** A WebSocket of a client, and the one that the server got for it. */
async function connect(): Promise<[WebSocket, WebSocket]> {
  const { promise: upgraded, resolve } = Promise.withResolvers<WebSocket>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    resolve(socket);
    return response;
  });
  const client = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
  const socket = await upgraded;
  socket.addEventListener("close", () => server.shutdown());
  return [client, socket];
}

async function connectFlows(): Promise<[Flow, Flow]> {
  const [client, server] = await connect();
  return [fromWebSocket(client), fromWebSocket(server)];
}

describeConformance("Deno's WebSockets, from the client", {
  connect: connectFlows,
  halfClose: false,
  backpressure: false,
  tellsAbort: true,
  runs: 10,
});

describeConformance("Deno's WebSockets, from the server", {
  async connect() {
    const [here, there] = await connectFlows();
    return [there, here];
  },
  halfClose: false,
  backpressure: false,
  tellsAbort: true,
  runs: 10,
});

describe("a flow over Deno's WebSockets", () => {
  for (const side of ["client", "server"] as const) {
    const connectFrom = async () => {
      const [client, server] = await connectFlows();
      return side === "client" ? [client, server] as const : [server, client] as const;
    };

    it(`delivers all that was accepted before the ${side} closed it`, async () => {
      const [here, there] = await connectFrom();
      const length = 20_000_000;
      const sending = (async () => {
        for (let sent = 0; sent < length; sent += 100_000) {
          await here.write(new Uint8Array(100_000));
        }
        await here.close();
      })();
      assert.equal((await readAll(there)).length, length);
      await Promise.all([there.close(), sending]);
    });

    it(`gives the ${side} what had arrived when it closed its direction`, async () => {
      const sockets = await connect();
      if (side === "server") sockets.reverse();
      const [here, there] = [fromWebSocket(sockets[0]), fromWebSocket(sockets[1])];
      const arrived = new Promise((resolve) => sockets[0].addEventListener("message", resolve));
      await there.write(bytes(50));
      await arrived;
      await here.closeWrite();
      assert.deepEqual(await readAll(here), bytes(50));
      assert.equal(await there.read(), Eof);
      await assert.rejects(there.write(bytes(1)), FlowClosedError);
      await Promise.all([here.close(), there.close()]);
    });

    it(`lets the ${side} close while the other end still writes`, async () => {
      const [here, there] = await connectFrom();
      const writing = (async () => {
        for (;;) await there.write(new Uint8Array(10_000));
      })();
      await readBytes(here, 10_000);
      await here.close();
      await assert.rejects(writing, FlowClosedError);
      there.abort();
    });

    it(`breaks when the ${side} is aborted`, async () => {
      const [here, there] = await connectFrom();
      await there.write(bytes(1));
      await readBytes(here, 1);
      here.abort(new Error("enough"));
      await assert.rejects(there.read(), /code 4000: aborted/);
    });
  }

  it("breaks at text from a client", async () => {
    const [client, server] = await connect();
    const flow = fromWebSocket(server);
    const closed = new Promise<CloseEvent>((resolve) => client.onclose = resolve);
    client.onopen = () => client.send("SSH-2.0-text");
    await assert.rejects(flow.read(), /text frame/);
    assert.equal((await closed).code, 4000);
  });

  it("breaks when there is no server", async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const flow = fromWebSocket(new WebSocket(`ws://127.0.0.1:${port}`));
    await assert.rejects(flow.read(), FlowClosedError);
    await assert.rejects(flow.write(bytes(1)), FlowClosedError);
  });
});
