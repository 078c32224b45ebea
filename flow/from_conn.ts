/**
 * Flows over sockets that are read into a buffer, as Deno's are.
 *
 * @module
 */

import { type Endpoint, flowOver } from "./_endpoint.ts";
import { ReadBuffer } from "./_read_buffer.ts";
import { Eof, type Flow } from "./flow.ts";

/** A socket with the methods of a `Deno.Conn`. */
export interface ConnLike {
  /** Reads into a buffer: how many bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of a buffer, which it does not keep: how many bytes. */
  write(data: Uint8Array): Promise<number>;
  /** Ends this direction. */
  closeWrite(): Promise<void>;
  /** Closes the socket at once. */
  close(): void;
  /** Sends small writes without delay, where the socket can. */
  setNoDelay?(noDelay?: boolean): void;
}

/**
 * A flow over a socket with the methods of a `Deno.Conn`. It uses them and not the streams, which
 * close the whole socket as soon as one direction ends. TCP_NODELAY is set where there is such a
 * thing: SSH sends small packets that wait for answers.
 *
 * @param conn The socket, which is the flow's from now on.
 * @returns The flow.
 *
 * @example
 * ```ts ignore
 * import { fromConn } from "@sshflow/ssh/flow";
 *
 * const flow = fromConn(await Deno.connect({ hostname: "example.org", port: 22 }));
 * ```
 */
export function fromConn(conn: ConnLike): Flow {
  conn.setNoDelay?.(true);
  const buffer = new ReadBuffer();
  const close = () => {
    try {
      conn.close();
    } catch {
      // Whatever closed it before has done what is wanted here.
    }
  };
  const endpoint: Endpoint = {
    async pull() {
      const into = buffer.next();
      const length = await conn.read(into);
      return length === null ? Eof : buffer.filled(into.subarray(0, length));
    },
    async push(chunks) {
      for (const chunk of chunks) {
        let written = await conn.write(chunk);
        while (written < chunk.length) written += await conn.write(chunk.subarray(written));
      }
    },
    end: () => conn.closeWrite(),
    free: close,
    abort: close,
    returnsBuffers: true,
    reuse: (chunk) => buffer.reuse(chunk),
  };
  return flowOver(endpoint);
}

/** Whether a value has the methods of a `Deno.Conn`. */
export function isConn(value: object): value is ConnLike {
  const methods = value as Partial<Record<keyof ConnLike, unknown>>;
  return typeof methods.read === "function" && typeof methods.write === "function" &&
    typeof methods.closeWrite === "function" && typeof methods.close === "function";
}
