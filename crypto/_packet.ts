/**
 * What all packets share: RFC 4253 section 6.
 *
 * @module
 */

/** The bytes of the length field. */
export const LENGTH_BYTES = 4;

/** The value of the length field, the first four bytes. */
export function readLength(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0);
}
