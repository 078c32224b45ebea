/**
 * An engine in its first key exchange: payloads in the clear, before and after its KEXINIT.
 *
 * @module
 */

import { sealedTarget } from "./_engine_phase.ts";

const stages = [sealedTarget("identified"), sealedTarget("exchanging"), sealedTarget("agreed")];

/** The first byte says how far the exchange is, the second the role, the rest are the payloads. */
export async function fuzz(data: Uint8Array): Promise<void> {
  await stages[(data[0] ?? 0) % stages.length]?.(data.subarray(1));
}
