/**
 * Bytes that have arrived and wait to be parsed.
 *
 * @module
 */

import { EMPTY } from "./empty.ts";

/** Chunks below this are gathered, so that input byte by byte costs linear time and few buffers. */
const SMALL_BYTES = 1024;
const MIN_TAIL_BYTES = 4096;
const MAX_TAIL_BYTES = 64 * 1024;

/**
 * A queue that takes chunks of any size at its end and gives views of its front. Large chunks are
 * not copied; only what has to be contiguous, and is not, is put together.
 */
export class ByteQueue {
  /** What waits, in order; of the first chunk, what is behind `#start`. */
  readonly #chunks: Uint8Array[] = [];
  #start = 0;
  #length = 0;
  /** The buffer that the last chunk is a view of, while small ones can be gathered behind it. */
  #tail: Uint8Array | null = null;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds a chunk, which belongs to the queue from now on. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    if (chunk.length >= SMALL_BYTES || this.#chunks.length === 0) {
      this.#chunks.push(chunk);
      this.#tail = null;
    } else if (!this.#appendToTail(chunk)) {
      const size = Math.min(Math.max(this.#length * 2, MIN_TAIL_BYTES), MAX_TAIL_BYTES);
      this.#tail = new Uint8Array(size);
      this.#tail.set(chunk);
      this.#chunks.push(this.#tail.subarray(0, chunk.length));
    }
  }

  /**
   * The first `length` bytes, which stay in the queue; there have to be as many. What is changed
   * in the view is changed in the queue.
   */
  peek(length: number): Uint8Array {
    if (length > this.#length) throw new RangeError("More bytes than the queue holds");
    const first = this.#chunks[0];
    if (first === undefined) return EMPTY;
    const end = this.#start + length;
    return end <= first.length ? first.subarray(this.#start, end) : this.#gather(length);
  }

  /**
   * Takes the first `length` bytes off; there have to be as many.
   *
   * @returns A view of them that is valid until any queue is taken from: where they are in several
   *   chunks, they are put together in a place that is used again.
   */
  take(length: number): Uint8Array {
    const first = this.#chunks[0];
    const end = this.#start + length;
    if (first === undefined || end <= first.length || length > this.#length) {
      const view = this.peek(length);
      this.skip(length);
      return view;
    }
    if (scratch.length < length) scratch = new Uint8Array(2 ** Math.ceil(Math.log2(length)));
    const taken = scratch.subarray(0, length);
    let filled = 0;
    for (const chunk of this.#chunks) {
      const start = filled === 0 ? this.#start : 0;
      const part = chunk.subarray(start, start + length - filled);
      taken.set(part, filled);
      filled += part.length;
      if (filled === length) break;
    }
    this.skip(length);
    return taken;
  }

  /** Drops the first `length` bytes. Views of them stay as they are. */
  skip(length: number): void {
    if (length > this.#length) throw new RangeError("More bytes than the queue holds");
    this.#length -= length;
    this.#start += length;
    for (let first = this.#chunks[0]; first !== undefined; first = this.#chunks[0]) {
      if (this.#start < first.length) return;
      this.#start -= first.length;
      this.#chunks.shift();
    }
    // An idle connection holds no buffer.
    this.#tail = null;
  }

  /**
   * Lets go of the buffer of the chunk that was added last: what waits of it is copied, unless that
   * is much.
   *
   * @returns Whether the buffer is no longer needed.
   */
  letGo({ buffer }: Uint8Array): boolean {
    const index = this.#chunks.length - 1;
    const last = this.#chunks[index];
    if (last === undefined || last.buffer !== buffer) return true;
    const rest = index === 0 ? last.subarray(this.#start) : last;
    if (rest.length > MAX_TAIL_BYTES) return false;
    if (index === 0) this.#start = 0;
    this.#chunks[index] = rest.slice();
    this.#tail = null;
    return true;
  }

  /** Drops everything. */
  clear(): void {
    this.#chunks.length = 0;
    this.#start = this.#length = 0;
    this.#tail = null;
  }

  #appendToTail(chunk: Uint8Array): boolean {
    const tail = this.#tail;
    const last = this.#chunks.at(-1);
    if (tail === null || last === undefined) return false;
    const start = last.byteOffset - tail.byteOffset;
    const end = start + last.length;
    if (end + chunk.length > tail.length) return false;
    tail.set(chunk, end);
    this.#chunks[this.#chunks.length - 1] = tail.subarray(start, end + chunk.length);
    return true;
  }

  /** Puts the first `length` bytes together, where they are in several chunks. */
  #gather(length: number): Uint8Array {
    const isAll = length === this.#length;
    // What is looked at whole, again and again, grows: it gets room for that.
    const buffer = new Uint8Array(isAll ? length * 2 : length);
    let filled = 0;
    while (filled < length) {
      const first = this.#chunks.shift() ?? EMPTY;
      const part = first.subarray(this.#start, this.#start + length - filled);
      buffer.set(part, filled);
      filled += part.length;
      const rest = first.subarray(this.#start + part.length);
      this.#start = 0;
      if (rest.length > 0) this.#chunks.unshift(rest);
    }
    const gathered = buffer.subarray(0, length);
    this.#chunks.unshift(gathered);
    if (isAll) this.#tail = buffer;
    return gathered;
  }
}

/** Where bytes of several chunks are put together to be looked at once. */
let scratch: Uint8Array = EMPTY;
