/**
 * What came of a program in a runtime, as the runtime tells it.
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
 * Reads what a runtime told, in JSON.
 *
 * @throws {Error} If something was thrown there.
 */
export function readTold<T extends object>(text: string): T {
  const told: T | { error: string } = JSON.parse(text);
  if ("error" in told) throw new Error(`The program failed: ${told.error}`);
  return told;
}

/** Tells of an error, with its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\nCaused by ${describeError(error.cause)}`;
  // Not every stack begins with the message.
  return `${error.name}: ${error.message}\n${error.stack ?? ""}${cause}`;
}
