/**
 * The lines before an identification, and the identification.
 *
 * @module
 */

import { IdentificationReader } from "../../protocol/transport/identification.ts";
import { ByteQueue } from "../../wire/byte_queue.ts";
import { mayRefuse } from "./_expect.ts";
import { piecesOf } from "./_input.ts";

/** The first byte says in which role and how cut, the rest is what comes. */
export function fuzz(data: Uint8Array): void {
  const [how = 0] = data;
  mayRefuse(() => {
    const queue = new ByteQueue();
    const reader = new IdentificationReader({ linesAllowed: (how & 1) === 0, onLine: () => {} });
    for (const piece of piecesOf(data.subarray(1), how >> 1)) {
      queue.push(piece);
      if (reader.next(queue) !== null) return;
    }
  });
}
