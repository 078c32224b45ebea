/**
 * Pairs of sockets, over which as much goes as at a login, and as often to and fro.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

const HOST = "127.0.0.1";
/** How many bytes go each time, in turn from the client and from the server. */
const WRITES: readonly number[] = [1500, 1500, 60, 600, 200, 100];
const bytes: Uint8Array = new Uint8Array(Math.max(...WRITES));

/** Somewhere to log in. */
export interface Sockets {
  /** Connects, writes to and fro, and closes. */
  readonly logIn: () => Promise<void>;
  /** Waits for the servers' ends, and listens no more. */
  readonly close: () => Promise<void>;
}

/** A socket's end. */
interface End {
  write(length: number): unknown;
  /** Waits until so much has come. */
  read(length: number): Promise<void>;
}

/** By Deno's sockets. */
export function createSocketsOnDeno(): Promise<Sockets> {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const accepted = acceptAll(listener);
  return Promise.resolve({
    async logIn() {
      const conn = await Deno.connect({ hostname: HOST, port: listener.addr.port });
      await converse(denoEnd(conn), true);
      conn.close();
    },
    async close() {
      listener.close();
      await accepted;
    },
  });
}

async function acceptAll(listener: Deno.TcpListener): Promise<void> {
  const served: Promise<void>[] = [];
  for await (const conn of listener) served.push(serveOnDeno(conn));
  await Promise.all(served);
}

async function serveOnDeno(conn: Deno.TcpConn): Promise<void> {
  await converse(denoEnd(conn), false);
  while (await conn.read(new Uint8Array(1)) !== null);
  conn.close();
}

function denoEnd(conn: Deno.TcpConn): End {
  const buffer = new Uint8Array(bytes.length);
  conn.setNoDelay(true);
  return {
    write: (length) => conn.write(bytes.subarray(0, length)),
    async read(length) {
      for (let left = length; left > 0;) {
        const read = await conn.read(buffer);
        if (read === null) throw new Error("The other end has closed too early");
        left -= read;
      }
    },
  };
}

/** By Node's sockets. */
export async function createSocketsOnNode(): Promise<Sockets> {
  const served: Promise<void>[] = [];
  const server = createServer({ noDelay: true }, (socket) => served.push(serveOnNode(socket)));
  await once(server.listen(0, HOST), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    async logIn() {
      const socket = createConnection({ host: HOST, port, noDelay: true });
      const end = nodeEnd(socket);
      await once(socket, "connect");
      await converse(end, true);
      const closed = once(socket, "close");
      socket.end();
      await closed;
    },
    async close() {
      server.close();
      await Promise.all(served);
    },
  };
}

async function serveOnNode(socket: Socket): Promise<void> {
  const closed = once(socket, "close");
  await converse(nodeEnd(socket), false);
  await closed;
}

function nodeEnd(socket: Socket): End {
  let arrived = 0;
  let wake = (): void => {};
  socket.on("data", (chunk: Uint8Array) => {
    arrived += chunk.length;
    wake();
  });
  return {
    write: (length) => socket.write(bytes.subarray(0, length)),
    async read(length) {
      while (arrived < length) await new Promise<void>((resolve) => wake = resolve);
      arrived -= length;
    },
  };
}

/** Writes when it is its turn, and else waits for what the other end writes. */
async function converse(end: End, isClient: boolean): Promise<void> {
  for (const [turn, length] of WRITES.entries()) {
    if (turn % 2 === 0 === isClient) await end.write(length);
    else await end.read(length);
  }
}
