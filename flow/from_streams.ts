/**
 * Flows over Web Streams.
 *
 * @module
 */

import { asBytes } from "./_bytes.ts";
import { type Endpoint, flowOver } from "./_endpoint.ts";
import { ReadBuffer } from "./_read_buffer.ts";
import { Eof, type Flow, type StreamPair } from "./flow.ts";
import { fromConn, isConn } from "./from_conn.ts";

/** What sockets have beside their streams. */
interface SocketExtras {
  close?: unknown;
  setNoDelay?: unknown;
}

/**
 * A flow over a pair of streams: a `Deno.Conn`, a Workers socket, a WebTransport stream, a
 * subprocess's output and input.
 *
 * A byte stream is read through a BYOB reader. An object that has the methods of a `Deno.Conn` is
 * taken as {@linkcode fromConn} takes it. Its `setNoDelay` is called where there is one; its
 * `close`, when both directions have ended or the flow is aborted.
 *
 * A stream can only keep what the socket behind it can: a Workers socket needs
 * `allowHalfOpen: true` for the input to go on after {@linkcode Flow.closeWrite}. Node's sockets
 * are better given to {@linkcode fromDuplex}: the streams that `Duplex.toWeb` makes of them end
 * their input only when their output has ended too.
 *
 * @param source The streams, which are the flow's from now on and stay locked.
 * @returns The flow.
 * @throws {TypeError} When one of the streams is missing or locked.
 *
 * @example
 * ```ts
 * import { Eof, fromStreams } from "@sshflow/ssh/flow";
 * import assert from "node:assert/strict";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
 * await using echo = fromStreams({ readable, writable });
 * await echo.write(new Uint8Array([1, 2]));
 * assert.deepEqual(await echo.read(), new Uint8Array([1, 2]));
 * ```
 */
export function fromStreams(source: StreamPair): Flow {
  if (!isObject(source) || !isObject(source.readable) || !isObject(source.writable)) {
    throw new TypeError("Cannot make a flow: there is no readable and writable");
  }
  if (source.readable.locked || source.writable.locked) {
    const which = source.readable.locked ? "readable" : "writable";
    throw new TypeError(`Cannot make a flow: the ${which} is locked`);
  }
  // A flow may have streams too, and then it is they that were meant.
  if (isConn(source) && !("writev" in source)) return fromConn(source);
  const extras: SocketExtras = source as SocketExtras;
  if (typeof extras.setNoDelay === "function") extras.setNoDelay(true);
  return flowOver(makeEndpoint(source));
}

function makeEndpoint(source: StreamPair): Endpoint {
  const input = openInput(source.readable);
  const writer = source.writable.getWriter();
  const close = () => {
    const { close } = source as SocketExtras;
    if (typeof close === "function") ignoreFailure(() => close.call(source));
  };
  return {
    pull: input.pull,
    async push(chunks) {
      for (const chunk of chunks) await writer.write(chunk);
    },
    end() {
      // Node's streams say that they have closed when the peer has closed its direction too.
      ignoreFailure(() => writer.close());
      return Promise.resolve();
    },
    closed: writer.closed,
    free: close,
    abort(reason) {
      ignoreFailure(() => input.cancel(reason));
      ignoreFailure(() => writer.abort(reason));
      close();
    },
  };
}

interface Input {
  pull(): Promise<Uint8Array | typeof Eof>;
  cancel(reason: unknown): Promise<void>;
}

function openInput(readable: ReadableStream<Uint8Array>): Input {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = readable.getReader({ mode: "byob" });
  } catch {
    return openDefaultInput(readable);
  }
  const buffer = new ReadBuffer();
  return {
    async pull() {
      const { done, value } = await reader.read(buffer.next());
      return done || !value ? Eof : buffer.filled(value);
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function openDefaultInput(readable: ReadableStream<Uint8Array>): Input {
  const reader = readable.getReader();
  return {
    async pull() {
      const { done, value } = await reader.read();
      if (done) return Eof;
      const bytes = asBytes(value);
      if (bytes) return bytes;
      throw new TypeError("Cannot read: the stream gave a chunk that is not bytes");
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Calls what is only a courtesy to something that may be broken. */
function ignoreFailure(action: () => unknown): void {
  try {
    Promise.resolve(action()).catch(() => {});
  } catch {
    // As above.
  }
}
