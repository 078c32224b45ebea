/**
 * What a session's handler writes, on its way to the channel.
 *
 * @module
 */

import { type Deferred, deferred } from "../wire/deferred.ts";

/** Where the output goes. */
export interface OutputSink {
  /** Sends data; resolves when the peer's window has let it through. */
  sendOutput(data: Uint8Array, stderr: boolean): Promise<void>;
  /** The stream was closed, after all data. */
  handleOutputEnd(stderr: boolean): void;
  /** Whether LF is to be sent as CR LF now. */
  readonly isTerminal: boolean;
}

/** What the stream takes before its writers are to wait. */
const HIGH_WATER_BYTES = 64 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/** A stream that knows which of the writes made to it are still under way, awaited or not. */
export class SessionOutput {
  readonly #sink: OutputSink;
  readonly #stderr: boolean;
  #stream: WritableStream<Uint8Array> | null = null;
  #controller: WritableStreamDefaultController | null = null;
  #failure: (() => unknown) | null = null;
  #made = 0;
  #done = 0;
  #over = false;
  #lastByte = 0;
  #waiting: { readonly made: number; readonly flushed: Deferred<void> }[] = [];

  constructor(sink: OutputSink, stderr: boolean) {
    this.#sink = sink;
    this.#stderr = stderr;
  }

  /** The stream, made when it is first asked for: of most sessions nobody writes to stderr. */
  get stream(): WritableStream<Uint8Array> {
    return this.#stream ??= this.#makeStream();
  }

  /** Waits until all writes that have been made by now are done, or never will be. */
  flushed(): Promise<void> {
    if (this.#over || this.#done >= this.#made) return Promise.resolve();
    const flushed = deferred<void>();
    this.#waiting.push({ made: this.#made, flushed });
    return flushed.promise;
  }

  /**
   * Has the writers fail: nothing more can be sent.
   *
   * @param why Gives the reason, if there is anybody to be told.
   */
  fail(why: () => unknown): void {
    this.#finish();
    this.#failure ??= why;
    this.#controller?.error(why());
    this.#controller = null;
  }

  #makeStream(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      start: (controller) => {
        if (this.#failure !== null) controller.error(this.#failure());
        else this.#controller = controller;
      },
      write: (chunk) => this.#write(chunk),
      close: () => {
        this.#finish();
        this.#sink.handleOutputEnd(this.#stderr);
        this.#controller = null;
      },
      abort: () => this.#finish(),
    }, {
      highWaterMark: HIGH_WATER_BYTES,
      // Called when a write is made, so that none is overlooked that waits for its turn.
      size: (chunk) => {
        this.#made++;
        return chunk?.byteLength ?? 0;
      },
    });
  }

  async #write(chunk: Uint8Array): Promise<void> {
    try {
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError("Cannot write to the session: the chunk is no Uint8Array");
      }
      const data = this.#sink.isTerminal ? this.#withCarriageReturns(chunk) : chunk;
      await this.#sink.sendOutput(data, this.#stderr);
    } catch (error) {
      this.#finish();
      throw error;
    }
    this.#done++;
    while ((this.#waiting[0]?.made ?? Infinity) <= this.#done) {
      this.#waiting.shift()?.flushed.resolve();
    }
  }

  #withCarriageReturns(chunk: Uint8Array): Uint8Array {
    let previous = this.#lastByte;
    let missing = 0;
    for (const byte of chunk) {
      if (byte === LF && previous !== CR) missing++;
      previous = byte;
    }
    const first = this.#lastByte;
    this.#lastByte = previous;
    if (missing === 0) return chunk;
    const result = new Uint8Array(chunk.length + missing);
    let length = 0;
    previous = first;
    for (const byte of chunk) {
      if (byte === LF && previous !== CR) result[length++] = CR;
      result[length++] = byte;
      previous = byte;
    }
    return result;
  }

  #finish(): void {
    this.#over = true;
    for (const { flushed } of this.#waiting.splice(0)) flushed.resolve();
  }
}
