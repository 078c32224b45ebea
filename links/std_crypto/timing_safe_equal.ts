/** Stands in for `jsr:@std/crypto/timing-safe-equal`. @module */

/**
 * Whether two buffers hold the same bytes, found in a time that depends on their length alone.
 *
 * @param a One buffer, or a view of one.
 * @param b The other.
 * @returns `false` at once where the lengths differ.
 */
export function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike | DataView,
  b: ArrayBufferView | ArrayBufferLike | DataView,
): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const left = bytesOf(a);
  const right = bytesOf(b);
  const length = left.length;
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= (left[i] as number) ^ (right[i] as number);
  return difference === 0;
}

function bytesOf(source: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}
