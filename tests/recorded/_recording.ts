/**
 * Conversations with OpenSSH, as they were recorded by `deno task record`.
 *
 * @module
 */

import { fromBase64 } from "../../crypto/base64.ts";
import type { Setting } from "./_party.ts";
import client from "./client.json" with { type: "json" };
import server from "./server.json" with { type: "json" };

/** A conversation, from our end. */
export interface Recording extends Setting {
  /** What is special about it. */
  readonly name: string;
  /** What came at once, in turns, in base64; in the first turn nothing. */
  readonly received: readonly string[];
  /** How many bytes were sent in each turn, before anything else came. */
  readonly sentBytes: readonly number[];
  /** The hash of all that was sent, in hexadecimal. */
  readonly sentSha256: string;
  /** What the application was told. */
  readonly events: readonly string[];
}

/** All of them: with OpenSSH's server, where we are the client; and with its client. */
export const recordings: readonly Recording[] = [...client, ...server] as readonly Recording[];

/** The bytes that came, turn by turn. */
export function receivedIn(recording: Recording): readonly Uint8Array[] {
  return recording.received.map((text) => {
    const bytes = fromBase64(text);
    if (bytes === null) throw new SyntaxError(`Cannot read ${recording.name}: it is not base64`);
    return bytes;
  });
}
