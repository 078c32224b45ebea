/**
 * Bytes in whatever form a runtime gives them.
 *
 * @module
 */

/**
 * The same bytes in the class `Uint8Array` itself: the methods of a subclass may do other things,
 * as `slice` of Node's `Buffer` does.
 *
 * @param value A buffer, or a view of one.
 * @returns A view; a copy of a part of a larger buffer, for Node's come from a pool that others
 * use; or `null` where the value is neither.
 */
export function asBytes(value: unknown): Uint8Array | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return null;
  if (value.constructor === Uint8Array) return value as Uint8Array;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}
