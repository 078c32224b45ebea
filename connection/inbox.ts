/**
 * Data that arrived on a channel and has not been taken, and the stream that gives it out.
 *
 * @module
 */

import { concatBytes } from "@noble/curves/utils.js";
import type { EngineChannel } from "../protocol/connection/channel.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";

const TAIL_BYTES = 16 * 1024;

/** One kind of a channel's incoming data: its output, or its standard error. */
export class Inbox {
  #channel: EngineChannel | null = null;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  /** What the last of the chunks is a view of, while more can be gathered there. */
  #tail: ArrayBuffer | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  /** Who wants all data in one piece. */
  #collector: Deferred<Uint8Array<ArrayBuffer>> | null = null;
  /** Whether a read waits for data. */
  #wanted = false;
  #cancelled = false;
  #end: { readonly error: unknown } | "done" | null = null;

  /** What is taken makes room in this channel's window from now on. */
  attach(channel: EngineChannel): void {
    this.#channel = channel;
  }

  /** Adds data. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#cancelled || this.#end !== null) {
      this.#channel?.take(chunk.length);
      return;
    }
    if (!this.#appendToTail(chunk)) this.#chunks.push(chunk);
    if (this.#collector !== null) this.#channel?.take(chunk.length);
    else if (this.#wanted) this.#give();
  }

  /** No more data will come. */
  end(): void {
    this.#finish("done");
  }

  /** No more data will come, because of an error: it is told after the data that waits. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** Drops what waits, and gives the reason in its place. */
  abort(reason: unknown): void {
    this.#drop();
    this.fail(reason);
  }

  /**
   * The data, as a stream. It holds nothing back and nothing ahead: a chunk counts as taken when
   * a reader has asked for it.
   */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream ??= new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
        if (this.#cancelled) this.#close("done");
        else if (this.#chunks.length === 0 && this.#end !== null) this.#close(this.#end);
      },
      pull: () => {
        this.#wanted = true;
        this.#give();
      },
      cancel: () => {
        this.#controller = null;
        this.cancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes all data, until no more will come. A stream costs much more; if there is one, it ends. */
  collect(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#collector !== null || this.#stream?.locked) {
      // What broke it off, if anything has, says more.
      const taken = new TypeError("Cannot collect the data: somebody else takes it");
      const end = this.#end;
      return Promise.reject(end === null || end === "done" ? taken : end.error);
    }
    this.#collector = deferred();
    const bytes = this.#waitingBytes;
    if (bytes > 0) this.#channel?.take(bytes);
    if (this.#end !== null || this.#cancelled) this.#settle(this.#end ?? "done");
    return this.#collector.promise;
  }

  /** Drops what waits, and all that will come: if there is a stream, it ends. */
  cancel(): void {
    this.#cancelled = true;
    this.#drop();
    this.#close("done");
  }

  /** Whether somebody has asked for the stream, or for all data. */
  get isUsed(): boolean {
    return this.#stream !== null || this.#collector !== null;
  }

  /** Gives out all that waits, for whoever counts it as taken. */
  takeAll(): Uint8Array<ArrayBuffer>[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#tail = null;
    return chunks;
  }

  /**
   * Small pieces that pile up are gathered: the window bounds the bytes that wait, and this the
   * number of buffers.
   */
  #appendToTail(chunk: Uint8Array<ArrayBuffer>): boolean {
    if (this.#chunks.length < 2 || chunk.length > TAIL_BYTES / 4) return false;
    const last = this.#chunks.length - 1;
    if (this.#tail === null || this.#tail !== this.#chunks[last]?.buffer) {
      this.#tail = new ArrayBuffer(TAIL_BYTES);
      this.#chunks.push(new Uint8Array(this.#tail, 0, chunk.length));
      new Uint8Array(this.#tail).set(chunk);
      return true;
    }
    const filled = this.#chunks[last]?.length ?? 0;
    if (filled + chunk.length > TAIL_BYTES) return false;
    new Uint8Array(this.#tail).set(chunk, filled);
    this.#chunks[last] = new Uint8Array(this.#tail, 0, filled + chunk.length);
    return true;
  }

  get #waitingBytes(): number {
    return this.#chunks.reduce((total, chunk) => total + chunk.length, 0);
  }

  #drop(): void {
    const bytes = this.#collector === null ? this.#waitingBytes : 0;
    this.#chunks = [];
    if (bytes > 0) this.#channel?.take(bytes);
  }

  #finish(end: { readonly error: unknown } | "done"): void {
    if (this.#end !== null) return;
    this.#end = end;
    if (this.#collector !== null) this.#settle(end);
    else if (this.#chunks.length === 0) this.#close(end);
  }

  #settle(end: { readonly error: unknown } | "done"): void {
    const chunks = this.takeAll();
    if (end === "done") this.#collector?.resolve(concatBytes(...chunks));
    else this.#collector?.reject(end.error);
    this.#close(end);
  }

  #give(): void {
    const controller = this.#controller;
    if (controller === null) return;
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      if (chunk.buffer === this.#tail) this.#tail = null;
      this.#wanted = false;
      controller.enqueue(chunk);
      this.#channel?.take(chunk.length);
    }
    if (this.#chunks.length === 0 && this.#end !== null) this.#close(this.#end);
  }

  #close(end: { readonly error: unknown } | "done"): void {
    const controller = this.#controller;
    if (controller === null) return;
    this.#controller = null;
    if (end === "done") controller.close();
    else controller.error(end.error);
  }
}
