/**
 * Where errors go that are the application's own.
 *
 * @module
 */

import type { SessionOptions } from "./serve_options.ts";
import type { ServerSession } from "./session.ts";

/** Tells of an error; whatever the teller does with it, the server goes on. */
export function report(
  onError: SessionOptions["onError"],
  error: unknown,
  session: ServerSession | null,
): void {
  if (onError === undefined) return console.error(error);
  try {
    onError(error, session);
  } catch (other) {
    console.error(error, other);
  }
}
