/**
 * Big-endian integers of any size, as bytes.
 *
 * @module
 */

/** The number of bits of a magnitude that has no leading zeros. */
export function bitLength(magnitude: Uint8Array): number {
  const first = magnitude[0];
  return first === undefined ? 0 : magnitude.length * 8 - Math.clz32(first) + 24;
}

/** An integer without its leading zero bytes. */
export function trimZeros(integer: Uint8Array): Uint8Array {
  let start = 0;
  while (integer[start] === 0) start++;
  return integer.subarray(start);
}

/** An integer with zeros before it, so that it is `length` bytes; `null` if it is longer. */
export function leftPad(integer: Uint8Array, length: number): Uint8Array<ArrayBuffer> | null {
  if (integer.length > length) return null;
  const bytes = new Uint8Array(length);
  bytes.set(integer, length - integer.length);
  return bytes;
}
