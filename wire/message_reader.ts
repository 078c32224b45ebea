/**
 * Reads messages.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";
import { Reader } from "./reader.ts";

/** Begins behind a message's number. */
export function messageReader(payload: Uint8Array, what: string): Reader {
  return new Reader(payload, what, ProtocolError, 1);
}
