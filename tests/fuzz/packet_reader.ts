/**
 * Packets, in the clear and under each cipher.
 *
 * @module
 */

import { plain, protections, readerOf } from "../helpers/protections.ts";
import { mayRefuse } from "./_expect.ts";
import { piecesOf } from "./_input.ts";

const all = [plain, ...protections];

/** The first byte says under which cipher, the second how cut, the rest is what comes. */
export function fuzz(data: Uint8Array): void {
  const [which = 0, cut = 0] = data;
  const protection = all[which % all.length] ?? plain;
  mayRefuse(() => {
    const { queue, reader } = readerOf(protection);
    for (const piece of piecesOf(data.subarray(2), cut)) {
      queue.push(piece);
      while (reader.next() !== null);
    }
  });
}
