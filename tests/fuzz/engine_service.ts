/**
 * An engine under its first keys, before authentication.
 *
 * @module
 */

import { sealedTarget } from "./_engine_phase.ts";

/** The first byte says the role, the rest are the payloads. */
export const fuzz: (data: Uint8Array) => Promise<void> = sealedTarget("service");
