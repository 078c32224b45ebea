/**
 * Sealed packets. The first byte says under which cipher, the second how cut.
 *
 * @module
 */

import { concat } from "../../helpers/bytes.ts";
import { debug, ignore, openSession } from "../../helpers/messages.ts";
import { craft, plain, protections, sealed } from "../../helpers/protections.ts";

/** Two packets under each cipher, and one that lies. */
export const corpus: readonly Uint8Array[] = [plain, ...protections].flatMap((protection, i) => {
  const packets = concat(sealed(protection, [ignore, openSession, debug]));
  const lie = craft(protection.sealer(), { length: 34_000, paddingLength: 4, rest: 27 });
  return [packets, lie].map((bytes) => concat([Uint8Array.of(i, i * 5), bytes]));
});
