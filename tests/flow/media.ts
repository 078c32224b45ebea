/**
 * Media in memory that behave as those of the runtimes do.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { type ConnLike, Eof, type Flow, type StreamPair } from "../../flow/mod.ts";

/** Counts the calls of one of a flow's methods. */
export function countCalls(flow: Flow, method: "abort" | "close"): () => number {
  const original = flow[method].bind(flow) as () => never;
  let calls = 0;
  flow[method] = (...args: []) => {
    calls++;
    return original(...args);
  };
  return () => calls;
}

/** Two pairs of plain streams, each the other's peer. */
export function transformStreams(): [StreamPair, StreamPair] {
  const one = new TransformStream<Uint8Array, Uint8Array>();
  const other = new TransformStream<Uint8Array, Uint8Array>();
  return [
    { readable: one.readable, writable: other.writable },
    { readable: other.readable, writable: one.writable },
  ];
}

/** A byte stream of what a flow gives, which fills the buffer that a reader brings. */
export function byteStream(flow: Flow): ReadableStream<Uint8Array<ArrayBuffer>> {
  let rest: Uint8Array = new Uint8Array();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      if (rest.length === 0) {
        const chunk = await flow.read();
        if (chunk === Eof) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        rest = chunk;
      }
      const view = controller.byobRequest?.view as Uint8Array | undefined;
      if (!view) {
        controller.enqueue(rest as Uint8Array<ArrayBuffer>);
        rest = new Uint8Array();
        return;
      }
      const length = Math.min(view.length, rest.length);
      view.set(rest.subarray(0, length));
      rest = rest.subarray(length);
      controller.byobRequest?.respond(length);
    },
    cancel: (reason) => flow.abort(reason),
  });
}

/** A socket as Deno's are, that writes at most `maxWrite` bytes at once. */
export class MemoryConn implements ConnLike {
  readonly #flow: Flow;
  readonly #maxWrite: number;
  #rest: Uint8Array = new Uint8Array();
  #closed = false;
  /** Which of its settings were made. */
  noDelay = false;

  constructor(flow: Flow, maxWrite: number) {
    this.#flow = flow;
    this.#maxWrite = maxWrite;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const chunk = await this.#flow.read();
      if (chunk === Eof) return null;
      this.#rest = chunk;
    }
    const length = Math.min(buffer.length, this.#rest.length);
    buffer.set(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    return length;
  }

  async write(data: Uint8Array): Promise<number> {
    const length = Math.min(data.length, this.#maxWrite);
    await this.#flow.write(data.slice(0, length));
    return length;
  }

  closeWrite(): Promise<void> {
    return this.#flow.closeWrite();
  }

  close(): void {
    if (this.#closed) throw new Error("Bad resource ID");
    this.#closed = true;
    this.#flow.abort(new Error("Interrupted"));
  }

  setNoDelay(noDelay = true): void {
    this.noDelay = noDelay;
  }
}

/** A duplex as Node's are. */
export class MemoryDuplex extends Duplex {
  readonly #flow: Flow;
  /** Which of its settings were made. */
  noDelay = false;

  constructor(flow: Flow) {
    super({ allowHalfOpen: false, autoDestroy: false });
    this.#flow = flow;
  }

  override async _read(): Promise<void> {
    try {
      const chunk = await this.#flow.read();
      this.push(chunk === Eof ? null : chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _write(
    chunk: Uint8Array,
    _encoding: unknown,
    callback: (error?: Error | null) => void,
  ): void {
    this.#flow.write(new Uint8Array(chunk)).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#flow.closeWrite().then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#flow.abort(error ?? new Error("destroyed"));
    callback(error);
  }

  setNoDelay(noDelay = true): void {
    this.noDelay = noDelay;
  }
}
