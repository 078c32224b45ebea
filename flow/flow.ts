/**
 * What SSH runs over, and what it gives back: bytes in order, both ways.
 *
 * @module
 */

/**
 * The end of a flow's input. It is the same symbol in every copy of this module, so that flows
 * can be passed between bundles.
 */
export const Eof: unique symbol = Symbol.for("@sshflow/ssh Eof");

/**
 * A duplex of bytes: a socket, a channel, one end of a pair in memory.
 *
 * Calls may overlap: reads are answered in the order in which they were made, and the bytes of
 * writes go out in the order in which they were made.
 *
 * @example
 * ```ts
 * import { Eof, flowPair } from "@sshflow/ssh/flow";
 * import assert from "node:assert/strict";
 *
 * const [here, there] = flowPair();
 * await here.write(new Uint8Array([1, 2, 3]));
 * await here.closeWrite();
 * assert.deepEqual(await there.read(), new Uint8Array([1, 2, 3]));
 * assert.equal(await there.read(), Eof);
 * ```
 */
export interface Flow {
  /**
   * Waits for input.
   *
   * @returns A chunk of at least one byte, which is the caller's to keep; or {@linkcode Eof}, once
   * the peer has closed its direction and all that was in flight has been read, and then always.
   * @throws The error that broke the flow, at every read after it.
   */
  read(): Promise<Uint8Array | typeof Eof>;
  /**
   * Takes a chunk back that {@linkcode Flow.read} has given: its buffer may be filled again by a
   * later read. Only flows have it that fill buffers of their own.
   *
   * @param chunk A chunk that nobody needs any more, nor any view of its buffer.
   */
  readonly reuse?: ((chunk: Uint8Array) => void) | undefined;
  /**
   * Writes bytes, and waits until the flow has accepted them: this is where the backpressure
   * shows.
   *
   * @param data What to write; the buffer is the flow's from now on. An empty one does nothing.
   * @throws {FlowClosedError} Once either end has closed the direction.
   */
  write(data: Uint8Array): Promise<void>;
  /**
   * Writes several buffers as {@linkcode Flow.write} does, with nothing of another writer between
   * them.
   *
   * @param data What to write, in order.
   * @throws {FlowClosedError} Once either end has closed the direction.
   */
  writev(data: readonly Uint8Array[]): Promise<void>;
  /**
   * Writes several buffers as {@linkcode Flow.writev} does, but they stay the caller's, who may use
   * them again once the promise has resolved. Only flows have it that copy bytes, as the system does
   * behind a socket: there it saves the memory that a stream of output would need.
   *
   * @param data What to write, in order; not to be changed before the promise resolves.
   * @throws {FlowClosedError} Once either end has closed the direction.
   */
  readonly lend?: ((data: readonly Uint8Array[]) => Promise<void>) | undefined;
  /**
   * Whether all buffers of one {@linkcode Flow.writev} or {@linkcode Flow.lend} go out by one call of
   * the system, as with Node's sockets: a writer who has many small ones need not join them.
   */
  readonly gathers?: boolean | undefined;
  /**
   * Waits until what was written has been accepted, and tells the peer that no more will come.
   * Reading goes on.
   *
   * @throws {FlowClosedError} When what was written could not be delivered.
   */
  closeWrite(): Promise<void>;
  /**
   * Closes this direction, waits until the peer has closed the other one, and lets go of all
   * resources. What arrives meanwhile is discarded, but for reads that wait already. A second call
   * waits for the first; after {@linkcode Flow.abort} there is nothing left to wait for.
   *
   * @param options `signal` ends the wait: the flow is aborted then, with the signal's reason.
   * @throws The error that broke the flow, unless another call has thrown it before.
   */
  close(options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * Drops everything now. Calls that are pending, and later ones, reject with the reason. The peer
   * finds the flow broken, not ended, where the medium can tell the difference.
   *
   * @param reason Why: a {@linkcode FlowClosedError}, unless given.
   */
  abort(reason?: unknown): void;
  /** Calls {@linkcode Flow.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Two Web Streams of bytes that make up a duplex. */
export interface StreamPair {
  /** What the peer sends. */
  readable: ReadableStream<Uint8Array>;
  /** What goes to the peer. */
  writable: WritableStream<Uint8Array>;
}

/** What of Node's `stream.Duplex` is used, and of its `net.Socket`. */
export interface DuplexLike {
  /** Whether the duplex goes on when its input has ended: it is set to true. */
  allowHalfOpen: boolean;
  /** Whether the input has ended, and all of it has been read. */
  readonly readableEnded: boolean;
  /** What waits to be read, or `null`. */
  read(): unknown;
  /** Writes bytes, and calls back when it has. */
  write(data: Uint8Array, callback: (error?: Error | null) => void): boolean;
  /** Ends the output. */
  end(): unknown;
  /** Holds writes back, so that they go out together. */
  cork?(): unknown;
  /** Writes what was held back. */
  uncork?(): unknown;
  /** Drops everything. */
  destroy(error?: Error): unknown;
  /** Listens to `readable`, `end`, `finish`, `error` and `close`. */
  on(event: string, listener: (error?: Error) => void): unknown;
  /** Sends small writes without delay, where it can. */
  setNoDelay?(noDelay?: boolean): unknown;
}

/**
 * Whatever takes a flow takes a pair of streams too, such as a `Deno.Conn` or a Workers socket, and
 * a duplex of Node's, such as a `net.Socket`.
 */
export type FlowLike = Flow | StreamPair | DuplexLike;
