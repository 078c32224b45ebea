/**
 * The buffer that a socket is read into.
 *
 * @module
 */

const SMALLEST_BYTES = 4096;
const LARGEST_BYTES = 262144;

/**
 * Gives the buffer for the next read. Its length follows what the reads find: large for bulk data,
 * for each read costs the same, and small for a connection that is idle, for it holds the buffer.
 */
export class ReadBuffer {
  #lengthBytes = SMALLEST_BYTES;
  #spare: Uint8Array<ArrayBuffer> | null = null;

  /** The buffer to read into; {@linkcode ReadBuffer.filled} has to follow. */
  next(): Uint8Array<ArrayBuffer> {
    const buffer = this.#spare ?? new Uint8Array(this.#lengthBytes);
    this.#spare = null;
    return buffer;
  }

  /**
   * Makes a chunk of what was read.
   *
   * @param part The first bytes of the buffer that {@linkcode ReadBuffer.next} gave, or of the one
   * that the stream put in its place.
   * @returns The bytes, which are never written to again: a view of the buffer, or a copy where
   * they would keep a much larger one alive.
   */
  filled(part: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { buffer } = part;
    const capacity = buffer.byteLength;
    if (part.length === capacity) this.#lengthBytes = Math.min(capacity * 4, LARGEST_BYTES);
    else if (part.length * 16 <= capacity) this.#lengthBytes = SMALLEST_BYTES;
    if (part.length * 2 > capacity) return part;
    if (this.#lengthBytes === capacity) this.#spare = new Uint8Array(buffer);
    return part.slice();
  }

  /** Takes a chunk back, whose buffer is filled again if it has the right length. */
  reuse({ buffer }: Uint8Array): void {
    if (buffer.byteLength !== this.#lengthBytes || !(buffer instanceof ArrayBuffer)) return;
    this.#spare ??= new Uint8Array(buffer);
  }
}
