import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import { Eof, type Flow, fromStreams } from "../../flow/mod.ts";
import { bytes, describeConformance, readBytes } from "../flow/conformance.ts";

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

function asFlow(socket: net.Socket): Flow {
  return fromStreams(Duplex.toWeb(socket) as Parameters<typeof fromStreams>[0]);
}

describeConformance("Node's sockets, as Web Streams", {
  async connect() {
    const [here, there] = await connect();
    return [asFlow(here), asFlow(there)];
  },
  halfClose: true,
  tellsAbort: false,
  runs: 5,
});

describe("a flow over one of Node's sockets", () => {
  it("talks to one over Deno's", async () => {
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
