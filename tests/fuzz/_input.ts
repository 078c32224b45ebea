/**
 * How the bytes that a fuzzer makes up become more than bytes.
 *
 * @module
 */

import { concat } from "../helpers/bytes.ts";

/** Cuts data into payloads: each is two bytes of its length, and itself. */
export function payloadsOf(data: Uint8Array): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let at = 0; at + 2 <= data.length;) {
    const length = ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
    const payload = data.subarray(at + 2, at + 2 + length);
    if (payload.length > 0) payloads.push(payload.slice());
    at += 2 + length;
  }
  return payloads;
}

/** The reverse of {@linkcode payloadsOf}. */
export function fromPayloads(...payloads: readonly Uint8Array[]): Uint8Array {
  return concat(
    payloads.flatMap((payload) => [
      Uint8Array.of(payload.length >> 8, payload.length),
      payload,
    ]),
  );
}

/** Cuts data into pieces as another byte of it says. */
export function piecesOf(data: Uint8Array, cut: number): Uint8Array[] {
  const length = cut === 0 ? Math.max(data.length, 1) : cut;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += length) pieces.push(data.slice(at, at + length));
  return pieces;
}
