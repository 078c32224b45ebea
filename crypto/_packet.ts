/**
 * What all packets share: RFC 4253 section 6.
 *
 * @module
 */

/** The bytes of the length field. */
export const LENGTH_BYTES = 4;

/** From here on a packet is worth the round trip to WebCrypto, once that has its key ready. */
export const LARGE_BYTES = 4096;

/** The value of the length field, the first four bytes. */
export function readLength(head: Uint8Array): number {
  return new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0);
}
