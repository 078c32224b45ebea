/**
 * Bytes that have arrived and wait to be parsed, always contiguous.
 *
 * @module
 */

const EMPTY = new Uint8Array(0);

/** A queue that takes chunks of any size at its end and gives views of its front. */
export class ByteQueue {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** Whether `#bytes` was made here with room to spare, and is not a chunk that was pushed. */
  #owned = false;

  /** How many bytes wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Adds a chunk, which belongs to the queue from now on. A chunk that finds the queue empty is
   * not copied.
   */
  push(chunk: Uint8Array): void {
    const waiting = this.length;
    if (waiting === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    const total = waiting + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) {
      // Twice what is needed, so that input byte by byte costs linear time.
      const reusable = this.#owned && total * 2 <= this.#bytes.length;
      const bytes = reusable ? this.#bytes : new Uint8Array(total * 2);
      if (reusable) bytes.copyWithin(0, this.#start, this.#end);
      else bytes.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = bytes;
      this.#start = 0;
      this.#end = waiting;
      this.#owned = true;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The first `length` bytes, which stay in the queue; there have to be as many. */
  peek(length: number): Uint8Array {
    if (length > this.length) throw new RangeError("More bytes than the queue holds");
    return this.#bytes.subarray(this.#start, this.#start + length);
  }

  /** Drops the first `length` bytes. Views of them stay valid until the next push. */
  skip(length: number): void {
    if (length > this.length) throw new RangeError("More bytes than the queue holds");
    this.#start += length;
    // An idle connection holds no buffer; views of what was in it keep it for as long as they live.
    if (this.#start === this.#end) this.clear();
  }

  /** Drops everything. */
  clear(): void {
    this.#bytes = EMPTY;
    this.#start = this.#end = 0;
    this.#owned = false;
  }
}
