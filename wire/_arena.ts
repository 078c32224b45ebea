/**
 * Room for many small arrays in few buffers.
 *
 * @module
 */

import { EMPTY } from "./empty.ts";

/** Room for some hundred messages. */
const BLOCK_BYTES = 16 * 1024;

/**
 * Gives arrays that share buffers: on runtimes that keep no array's bytes in the heap of objects, a
 * buffer costs as much as all else that a small message takes. Whoever has one of the arrays can
 * reach the others through its buffer, so they are for what never leaves the library.
 */
export class Arena {
  #block: Uint8Array<ArrayBuffer> = EMPTY;
  #used = 0;

  /** An array of zeros, or of whatever was given back. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#block.length - this.#used) {
      this.#block = new Uint8Array(Math.max(length, BLOCK_BYTES));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#block.subarray(start, this.#used);
  }

  /** Of the array that was taken last only the beginning is needed: the rest is given out again. */
  keep<T extends Uint8Array>(beginning: T): T {
    if (beginning.buffer === this.#block.buffer) {
      this.#used = beginning.byteOffset + beginning.length;
    }
    return beginning;
  }
}
