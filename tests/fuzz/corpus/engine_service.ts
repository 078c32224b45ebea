/**
 * What comes under the first keys. The first byte says the role.
 *
 * @module
 */

import { concat } from "../../helpers/bytes.ts";
import { debug, ignore, ping, wellFormed } from "../../helpers/messages.ts";
import { fromPayloads } from "../_input.ts";

/** Honest beginnings, in both roles, and what must not be. */
export const corpus: readonly Uint8Array[] = [0, 1].flatMap((role) => {
  const service = wellFormed(role === 0 ? 5 : 6);
  return [
    [wellFormed(7), service],
    [ignore, debug, ping, service],
    [service, wellFormed(50), wellFormed(52)],
    [wellFormed(20), wellFormed(30), wellFormed(21)],
    [wellFormed(255), wellFormed(3), wellFormed(193), wellFormed(1)],
    [wellFormed(90), wellFormed(80)],
  ].map((payloads) => concat([Uint8Array.of(role), fromPayloads(...payloads)]));
});
