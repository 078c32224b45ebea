/**
 * An engine that has heard nothing yet.
 *
 * @module
 */

import { mayEnd } from "./_expect.ts";
import { engineAt } from "./_engine_phase.ts";
import { piecesOf } from "./_input.ts";

/** The first byte says in which role and how cut, the rest is what comes. */
export async function fuzz(data: Uint8Array): Promise<void> {
  const [how = 0] = data;
  const peer = await engineAt((how & 1) === 0 ? "client" : "server", "fresh");
  for (const piece of piecesOf(data.subarray(1), how >> 1)) peer.sendRaw(piece);
  await mayEnd(peer);
}
