/**
 * Flows over duplexes that emit events, as Node's are.
 *
 * @module
 */

import { FlowClosedError } from "../wire/errors.ts";
import { asBytes } from "./_bytes.ts";
import { type Endpoint, flowOver } from "./_endpoint.ts";
import { type DuplexLike, Eof, type Flow } from "./flow.ts";

/**
 * A flow over one of Node's duplexes: a `net.Socket`, connected or still connecting, a
 * `tls.TLSSocket`. One direction goes on when the other has ended, also where the duplex was made
 * without `allowHalfOpen`. TCP_NODELAY is set where there is such a thing.
 *
 * @param duplex The duplex, which is the flow's from now on. Nobody else is to listen to its data.
 * @returns The flow.
 *
 * @example
 * ```ts ignore
 * import net from "node:net";
 * import { fromDuplex } from "@sshflow/ssh/flow";
 *
 * const flow = fromDuplex(net.connect({ host: "example.org", port: 22 }));
 * ```
 */
export function fromDuplex(duplex: DuplexLike): Flow {
  duplex.allowHalfOpen = true;
  duplex.setNoDelay?.(true);
  let failure: Error | null = null;
  let [isFinished, isClosed] = [false, false];
  let wake: () => void = () => {};
  const closed = new Promise<void>((resolve, reject) => {
    duplex.on("error", (error) => {
      reject(failure ??= error ?? closedError());
      wake();
    });
    duplex.on("close", () => {
      isClosed = true;
      // Every socket closes some time, and an error is dear.
      if (!isFinished) reject(failure ??= closedError());
      wake();
    });
    duplex.on("finish", () => {
      isFinished = true;
      resolve();
    });
  });
  duplex.on("readable", () => wake());
  duplex.on("end", () => wake());

  const isNetSocket = isSocket(duplex);
  const endpoint: Endpoint = {
    async pull() {
      for (;;) {
        const chunk = duplex.read();
        if (chunk !== null) {
          const bytes = asBytes(chunk);
          if (bytes) return bytes;
          throw new TypeError("Cannot read: the duplex gave a chunk that is not bytes");
        }
        if (duplex.readableEnded) return Eof;
        if (failure || isClosed) throw failure ??= closedError();
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    push: (chunks) =>
      new Promise((resolve, reject) => {
        let left = chunks.length;
        duplex.cork?.();
        for (const chunk of chunks) {
          duplex.write(chunk, (error) => error ? reject(error) : --left === 0 && resolve());
        }
        duplex.uncork?.();
      }),
    gathers: isNetSocket,
    end() {
      duplex.end();
      return closed;
    },
    closed,
    free: () => void duplex.destroy(),
    abort: () => void duplex.destroy(),
    returnsBuffers: isNetSocket,
  };
  return flowOver(endpoint);
}

/** Whether a value has the methods of one of Node's duplexes. */
export function isDuplex(value: unknown): value is DuplexLike {
  if (typeof value !== "object" || value === null) return false;
  const methods = value as Partial<Record<keyof DuplexLike, unknown>>;
  return typeof methods.on === "function" && typeof methods.read === "function" &&
    typeof methods.end === "function" && typeof methods.destroy === "function";
}

/** Whether it is a `net.Socket`, which hands what it writes to the system. */
function isSocket(duplex: DuplexLike): boolean {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): { Socket?: new () => unknown } | undefined };
  };
  const Socket = process?.getBuiltinModule?.("node:net")?.Socket;
  return typeof Socket === "function" && duplex instanceof Socket;
}

function closedError(): FlowClosedError {
  return new FlowClosedError("Cannot go on: the socket was closed");
}
