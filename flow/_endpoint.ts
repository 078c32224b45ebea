/**
 * A flow over something outside: what every adapter would otherwise have to do by itself.
 *
 * @module
 */

import { FlowClosedError } from "../wire/errors.ts";
import type { Failure, Inlet, Outlet } from "./_direction.ts";
import { Duplex } from "./_duplex.ts";
import { Pipe } from "./_pipe.ts";
import { Queue } from "./_queue.ts";
import { Eof, type Flow } from "./flow.ts";

/** Where bytes go. Its calls never overlap. */
export interface Sink {
  /**
   * Hands over chunks, of which there is one unless the sink gathers; resolves when there is room for
   * more.
   */
  push(chunks: readonly Uint8Array[]): Promise<void>;
  /** Whether several chunks are written by one call of the system. */
  readonly gathers?: boolean;
  /** Tells the peer that no more will come. */
  end(): Promise<void>;
  /**
   * Resolves when the sink has closed, after `end`: at once, unless given. Rejects when it breaks,
   * also while nothing is written.
   */
  readonly closed?: Promise<unknown>;
}

/** A duplex that is read when input is wanted. */
export interface Endpoint extends Sink {
  /** The next chunk. Its calls never overlap, and stop at the first end or error. */
  pull(): Promise<Uint8Array | typeof Eof>;
  /** Lets go of what is left, when both directions have ended. */
  free(): void;
  /** Drops everything; a pending `pull` or `push` settles. */
  abort(reason: unknown): void;
  /** Whether the buffer of a chunk can be used again when `push` has resolved. */
  readonly returnsBuffers?: boolean;
  /** Takes a chunk back that `pull` has given, to fill its buffer again. */
  readonly reuse?: (chunk: Uint8Array) => void;
}

/** A writer that waits until its buffers are its own again. */
interface Lender {
  /** The count of bytes written at which they end. */
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How many bytes wait for a sink that is busy, before writers have to. */
const OUTPUT_CAPACITY_BYTES = 65536;
/** Up to what length small buffers that wait are joined: it saves system calls. */
const JOINED_BYTES = 16384;

/** A flow over an endpoint. */
export function flowOver(endpoint: Endpoint): Flow {
  let openDirections = 2;
  const onEnd = () => {
    if (--openDirections === 0) endpoint.free();
  };
  const incoming = new PulledInlet(() => endpoint.pull(), onEnd);
  const outgoing = new PumpedOutlet(endpoint);
  outgoing.finished.then(onEnd, () => {});
  return new Duplex(incoming, outgoing, (reason) => endpoint.abort(reason), {
    lend: endpoint.returnsBuffers === true ? (data) => outgoing.lend(data) : undefined,
    reuse: endpoint.reuse,
    gathers: endpoint.gathers,
  });
}

const idle: Promise<void> = Promise.resolve();

/** Input that is asked for when it is read. */
class PulledInlet implements Inlet {
  readonly #pull: () => Promise<Uint8Array | typeof Eof>;
  readonly #onEnd: () => void;
  #pending = 0;
  #last: Promise<unknown> = idle;
  #ended = false;
  #discarding: Promise<void> | null = null;
  #failure: Failure | null = null;

  constructor(pull: () => Promise<Uint8Array | typeof Eof>, onEnd: () => void) {
    this.#pull = pull;
    this.#onEnd = onEnd;
  }

  get readFailure(): Failure | null {
    return this.#failure;
  }

  read(): Promise<Uint8Array | typeof Eof> {
    return this.#discarding ? this.#discarding.then(() => Eof) : this.#inTurn(true);
  }

  discard(): Promise<void> {
    if (!this.#discarding) {
      this.#discarding = this.#discard();
      this.#discarding.catch(() => {});
    }
    return this.#discarding;
  }

  failReads(failure: Failure): void {
    this.#failure ??= failure;
  }

  async #discard(): Promise<void> {
    while (await this.#inTurn(false) !== Eof);
  }

  #inTurn(forCaller: boolean): Promise<Uint8Array | typeof Eof> {
    const next = () => this.#next(forCaller);
    const result = this.#pending++ === 0 ? next() : this.#last.then(next, next);
    if (this.#pending > 0) this.#last = result;
    return result;
  }

  async #next(forCaller: boolean): Promise<Uint8Array | typeof Eof> {
    try {
      while (!this.#ended) {
        this.#throwIfFailed();
        const chunk = await this.#pull();
        // An abort may look like an end to the endpoint.
        this.#throwIfFailed();
        if (chunk === Eof) {
          this.#ended = true;
          this.#onEnd();
        } else if (chunk.length > 0) return chunk;
      }
      return Eof;
    } catch (error) {
      this.#failure ??= { error, told: false };
      if (forCaller) this.#failure.told = true;
      throw this.#failure.error;
    } finally {
      // What has been read is not to be held here.
      if (--this.#pending === 0) this.#last = idle;
    }
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

/** Output that goes to a sink, one write at a time. */
export class PumpedOutlet implements Outlet {
  readonly #pipe = new Pipe(OUTPUT_CAPACITY_BYTES);
  readonly #lenders = new Queue<Lender>();
  /** How many bytes have been written, and how many of them the sink has taken. */
  #written = 0;
  #pushed = 0;
  readonly #ended: Promise<void>;
  /** Resolves when the sink has closed, rejects when the direction breaks. */
  readonly finished: Promise<void>;
  #break: (error: unknown) => void = () => {};

  constructor(sink: Sink) {
    const broken = new Promise<never>((_, reject) => this.#break = reject);
    const unlessBroken = (step: Promise<unknown>) =>
      new Promise<void>((resolve, reject) => {
        step.then(() => resolve(), (cause) => this.failWrites(closedBy(cause)));
        broken.catch(reject);
      });
    const ended = this.#pump(sink);
    this.#ended = unlessBroken(ended);
    this.finished = unlessBroken(ended.then(() => sink.closed));
    this.#ended.catch(() => {});
    this.finished.catch(() => {});
    sink.closed?.catch((cause) => this.failWrites(closedBy(cause)));
  }

  get writeFailure(): Failure | null {
    return this.#pipe.writeFailure;
  }

  write(buffers: readonly Uint8Array[]): Promise<void> {
    for (const buffer of buffers) this.#written += buffer.length;
    return this.#pipe.write(buffers);
  }

  /** Writes, and waits until the sink has taken it. */
  async lend(buffers: readonly Uint8Array[]): Promise<void> {
    const accepted = this.write(buffers);
    const end = this.#written;
    await accepted;
    if (this.#pushed >= end) return;
    if (this.writeFailure) throw this.writeFailure.error;
    await new Promise<void>((resolve, reject) => this.#lenders.push({ end, resolve, reject }));
  }

  async end(): Promise<void> {
    await this.#pipe.end();
    await this.#ended;
  }

  async finish(): Promise<void> {
    await this.#pipe.end();
    await this.finished;
  }

  failWrites(failure: Failure): void {
    this.#pipe.failWrites(failure);
    // The pump is told, and not the application.
    this.#pipe.failReads({ ...failure });
    this.#break(failure.error);
    for (let lender = this.#lenders.shift(); lender; lender = this.#lenders.shift()) {
      failure.told = true;
      lender.reject(failure.error);
    }
  }

  async #pump(sink: Sink): Promise<void> {
    for (;;) {
      const chunk = await this.#pipe.read(JOINED_BYTES);
      if (chunk === Eof) return await sink.end();
      const chunks = sink.gathers ? [chunk, ...this.#pipe.takeAll()] : [chunk];
      await sink.push(chunks);
      for (const { length } of chunks) this.#pushed += length;
      while ((this.#lenders.first?.end ?? Infinity) <= this.#pushed) {
        this.#lenders.shift()?.resolve();
      }
    }
  }
}

/** What writers are told when a sink takes no more. */
function closedBy(cause: unknown): Failure {
  const error = new FlowClosedError("Cannot write: the other end takes no more", { cause });
  return { error, told: false };
}
