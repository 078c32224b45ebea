/**
 * Copies of buffers that are lent, in memory that is used again.
 *
 * @module
 */

/** Copies shorter than this get a buffer of their own length. */
const LARGE_BYTES = 32_768;
/** What the length of a buffer for a large copy is a multiple of. */
const STEP_BYTES = 65_536;

/** Buffers that wait for the next large copy, whoever makes it. */
const spares: Uint8Array<ArrayBuffer>[] = [];
const MAX_SPARES = 8;
/** Those that may be filled again once their copy comes back: they hold nothing else. */
const used = new WeakSet<ArrayBufferLike>();

/** Copies bytes. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length < LARGE_BYTES) return new Uint8Array(bytes);
  const spare = spares.pop();
  const length = Math.ceil(bytes.length / STEP_BYTES) * STEP_BYTES;
  const buffer = spare !== undefined && spare.length >= length ? spare : new Uint8Array(length);
  const copy = buffer.subarray(0, bytes.length);
  copy.set(bytes);
  used.add(copy.buffer);
  return copy;
}

/** Takes a copy back, that nobody needs any more; other chunks are left alone. */
export function takeBack({ buffer }: Uint8Array): void {
  if (!used.delete(buffer) || spares.length === MAX_SPARES) return;
  spares.push(new Uint8Array(buffer as ArrayBuffer));
}
