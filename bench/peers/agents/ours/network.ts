/**
 * TCP, as the runtime has it.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import type { FlowLike } from "../../../../mod.ts";

const HOST = "127.0.0.1";
const isDeno = "Deno" in globalThis;

/** Something that listens. */
export interface Listener {
  readonly port: number;
  close(): void;
}

/** Listens on a free port of 127.0.0.1. */
export async function listenTcp(onConnection: (flow: FlowLike) => void): Promise<Listener> {
  if (isDeno) {
    const listener = Deno.listen({ hostname: HOST, port: 0 });
    acceptAll(listener, onConnection);
    return { port: listener.addr.port, close: () => listener.close() };
  }
  const server = createServer(onConnection).listen(0, HOST);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** Connects to a port of 127.0.0.1. */
export async function connectTcp(port: number): Promise<FlowLike> {
  if (isDeno) return await Deno.connect({ hostname: HOST, port });
  const socket = createConnection({ host: HOST, port });
  await once(socket, "connect");
  return socket;
}

async function acceptAll(
  listener: Deno.Listener,
  onConnection: (flow: FlowLike) => void,
): Promise<void> {
  for await (const conn of listener) onConnection(conn);
}
