/**
 * An engine that authenticates, with every method there is.
 *
 * @module
 */

import { sealedTarget } from "./_engine_phase.ts";

/** The first byte says the role, the rest are the payloads. */
export const fuzz: (data: Uint8Array) => Promise<void> = sealedTarget("authenticating");
