/**
 * Bytes in whatever form a runtime gives them.
 *
 * @module
 */

/**
 * A view of the same bytes, of the class `Uint8Array` itself: the methods of a subclass may do
 * other things, as `slice` of Node's `Buffer` does.
 *
 * @param value A buffer, or a view of one.
 * @returns The view; or `null` where the value is neither.
 */
export function asBytes(value: unknown): Uint8Array | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return null;
  if (value.constructor === Uint8Array) return value as Uint8Array;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
