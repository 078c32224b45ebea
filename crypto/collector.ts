/**
 * Memory that waits for the garbage collector.
 *
 * V8 counts buffers' bytes when it decides on a collection of the whole heap, and not when it decides
 * on one of what is young: for that the young objects themselves have to fill their space, and a
 * buffer's object is a hundred bytes, whatever the buffer holds. So a small program on Node that
 * moves much has its whole heap collected every 12 MB, for some ten milliseconds of both cores, where
 * a collection of the young would have given the same buffers back in half of one.
 *
 * @module
 */

/** Smaller buffers are outweighed by the objects around them, and not worth giving back. */
const WORTHWHILE_BYTES = 4096;
/** An element of an array, which has 8 bytes, stands for 16 of a buffer: half. */
const LOG2_BYTES_PER_ELEMENT = 4;

/** What was made last is kept: what nobody could look at need not be made. */
const made: { young: readonly unknown[] } = { young: [] };

/**
 * Has what is young collected sooner: to be called with the length of each buffer that was made and
 * is not given back. Where the young fill their space with half the bytes of their buffers,
 * these seldom come to a collection of the whole heap.
 */
export function weigh(bytes: number): void {
  if (bytes >= WORTHWHILE_BYTES) made.young = new Array(bytes >> LOG2_BYTES_PER_ELEMENT);
}

interface Transferable {
  /** Node 20 does not have it yet. */
  transfer?(length: number): ArrayBufferLike;
}

/**
 * Copies bytes to their place, and gives their memory back at once: what waits for the collector has
 * it run the more often, and memory that is used again soon is still in the processor's cache.
 *
 * @param bytes What nobody will look at again: it is empty from now on, unless it is small, or a
 *   part of a larger buffer.
 */
export function move(bytes: Uint8Array, target: Uint8Array, at = 0): void {
  target.set(bytes, at);
  const { buffer, length } = bytes;
  if (length < WORTHWHILE_BYTES || buffer.byteLength !== length) return;
  // What cannot be given back weighs.
  (buffer as Transferable).transfer?.(0) ?? weigh(length);
}
