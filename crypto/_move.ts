/**
 * What a cipher has put into a buffer of its own, and belongs into one that is there.
 *
 * @module
 */

import { weigh } from "./collector.ts";

/** Smaller buffers are not worth giving back. */
const WORTHWHILE_BYTES = 4096;

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
