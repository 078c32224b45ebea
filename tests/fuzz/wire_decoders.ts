/**
 * Each decoder of the wire.
 *
 * @module
 */

import { codecs } from "../wire/_codecs.ts";
import { mayRefuse } from "./_expect.ts";

/** The first byte says which decoder, the rest is the payload. */
export function fuzz(data: Uint8Array): void {
  const codec = codecs[(data[0] ?? 0) % codecs.length];
  mayRefuse(() => void codec?.decode(data.subarray(1)));
}
