/**
 * What came of the scenario in a runtime.
 *
 * @module
 */

import type { Report } from "./scenario.ts";

/** What came of the scenario in a runtime. */
export interface Outcome {
  /** What the runtime calls itself. */
  readonly runtime: string;
  /** The SHA-256 of the library's bundle, as the runtime got it, in hexadecimal. */
  readonly sha256: string;
  /** Whether there is a WebCrypto. */
  readonly webCrypto: boolean;
  /** Whether there is a `node:crypto`. */
  readonly nodeCrypto: boolean;
  readonly report: Report;
}

/**
 * Reads what a runtime told.
 *
 * @throws {Error} If something was thrown there.
 */
export function readOutcome(text: string): Outcome {
  const told: Outcome | { error: string } = JSON.parse(text);
  if ("error" in told) throw new Error(`The scenario failed: ${told.error}`);
  return told;
}
