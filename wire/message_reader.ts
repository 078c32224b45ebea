/**
 * Reads messages.
 *
 * @module
 */

import { Reader } from "./reader.ts";

/** Begins behind a message's number. */
export function messageReader(payload: Uint8Array, what: string): Reader {
  return new Reader(payload.subarray(1), what);
}
