/**
 * One direction of bytes in memory.
 *
 * @module
 */

import { concatBytes } from "@noble/hashes/utils.js";
import { FlowClosedError } from "../wire/errors.ts";
import type { Failure, Inlet, Outlet } from "./_direction.ts";
import { Queue } from "./_queue.ts";
import { Eof } from "./flow.ts";

interface WaitingReader {
  readonly joinBytes: number;
  readonly resolve: (result: Uint8Array | typeof Eof) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingWriter {
  /** The count of bytes written at which this writer's buffers end. */
  readonly end: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const accepted: Promise<void> = Promise.resolve();

/**
 * A queue of buffers with backpressure. Buffers are handed over as they are, also those that the
 * capacity has no room for: their writer waits until there is.
 */
export class Pipe implements Inlet, Outlet {
  readonly #capacityBytes: number;
  readonly #chunks = new Queue<Uint8Array>();
  readonly #readers = new Queue<WaitingReader>();
  readonly #writers = new Queue<WaitingWriter>();
  /** How many bytes have been written, and how many of them have left the queue. */
  #written = 0;
  #taken = 0;
  #ending: Promise<void> | null = null;
  #discarding: Promise<void> | null = null;
  #discarded: { resolve: () => void; reject: (error: unknown) => void } | null = null;
  #readFailure: Failure | null = null;
  #writeFailure: Failure | null = null;

  /**
   * @param capacityBytes How many bytes are accepted that nobody has read. With 0, a write waits
   * until its bytes have been taken.
   */
  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  /** How many bytes wait to be read. */
  get queuedBytes(): number {
    return this.#written - this.#taken;
  }

  get readFailure(): Failure | null {
    return this.#readFailure;
  }

  get writeFailure(): Failure | null {
    return this.#writeFailure;
  }

  /**
   * Waits for input.
   *
   * @param joinBytes Up to what length buffers that wait are copied into one: none, unless given.
   */
  read(joinBytes = 0): Promise<Uint8Array | typeof Eof> {
    if (this.#chunks.length > 0) {
      const chunk = this.#take(joinBytes);
      this.#admitWriters();
      return Promise.resolve(chunk);
    }
    if (this.#readFailure) {
      this.#readFailure.told = true;
      return Promise.reject(this.#readFailure.error);
    }
    if (this.#ending) return Promise.resolve(Eof);
    if (this.#discarding) return this.#discarding.then(() => Eof);
    return new Promise((resolve, reject) => this.#readers.push({ joinBytes, resolve, reject }));
  }

  /** Takes all that waits now. */
  takeAll(): Uint8Array[] {
    const chunks = this.#chunks.takeAll();
    this.#taken = this.#written;
    this.#admitWriters();
    return chunks;
  }

  write(buffers: readonly Uint8Array[]): Promise<void> {
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.length;
    if (bytes === 0) return accepted;
    if (this.#writeFailure) {
      this.#writeFailure.told = true;
      return Promise.reject(this.#writeFailure.error);
    }
    if (this.#ending) {
      return Promise.reject(new FlowClosedError("Cannot write: this direction has been closed"));
    }
    for (const buffer of buffers) {
      if (buffer.length > 0) this.#chunks.push(buffer);
    }
    this.#written += bytes;
    this.#serve();
    return this.#accepted();
  }

  end(): Promise<void> {
    if (this.#ending) return this.#ending;
    if (this.#writeFailure) return Promise.reject(this.#writeFailure.error);
    this.#ending = this.#accepted();
    // No reader waits while there are chunks.
    for (let reader = this.#readers.shift(); reader; reader = this.#readers.shift()) {
      reader.resolve(Eof);
    }
    this.#discarded?.resolve();
    return this.#ending;
  }

  finish(): Promise<void> {
    return this.end();
  }

  discard(): Promise<void> {
    if (this.#discarding) return this.#discarding;
    if (this.#readFailure) this.#discarding = Promise.reject(this.#readFailure.error);
    else if (this.#ending) this.#discarding = accepted;
    else {
      this.#discarding = new Promise((resolve, reject) => {
        this.#discarded = { resolve, reject };
      });
    }
    this.#discarding.catch(() => {});
    this.#serve();
    return this.#discarding;
  }

  failReads(failure: Failure): void {
    if (this.#readFailure || this.#ending && this.#chunks.length === 0) return;
    this.#readFailure = failure;
    this.#chunks.clear();
    this.#taken = this.#written;
    for (let reader = this.#readers.shift(); reader; reader = this.#readers.shift()) {
      failure.told = true;
      reader.reject(failure.error);
    }
    this.#discarded?.reject(failure.error);
  }

  failWrites(failure: Failure): void {
    if (this.#writeFailure) return;
    this.#writeFailure = failure;
    for (let writer = this.#writers.shift(); writer; writer = this.#writers.shift()) {
      failure.told = true;
      writer.reject(failure.error);
    }
  }

  #serve(): void {
    while (this.#chunks.length > 0 && this.#readers.length > 0) {
      const reader = this.#readers.shift();
      reader?.resolve(this.#take(reader.joinBytes));
    }
    if ((this.#discarding || this.#readFailure) && this.#chunks.length > 0) {
      this.#chunks.clear();
      this.#taken = this.#written;
    }
    this.#admitWriters();
  }

  /** Takes the first chunk, which has to be there, and those after it that can be joined to it. */
  #take(joinBytes: number): Uint8Array {
    const first = this.#chunks.shift() as Uint8Array;
    this.#taken += first.length;
    let next = this.#chunks.first;
    if (!next || first.length + next.length > joinBytes) return first;
    const parts = [first];
    let bytes = first.length;
    for (; next && bytes + next.length <= joinBytes; next = this.#chunks.first) {
      parts.push(next);
      bytes += next.length;
      this.#chunks.shift();
    }
    this.#taken += bytes - first.length;
    return concatBytes(...parts);
  }

  /** Resolves when all that has been written by now is within the capacity. */
  #accepted(): Promise<void> {
    const end = this.#written;
    if (end - this.#taken <= this.#capacityBytes) return accepted;
    return new Promise((resolve, reject) => this.#writers.push({ end, resolve, reject }));
  }

  #admitWriters(): void {
    for (let writer = this.#writers.first; writer; writer = this.#writers.first) {
      if (writer.end - this.#taken > this.#capacityBytes) return;
      this.#writers.shift();
      writer.resolve();
    }
  }
}
