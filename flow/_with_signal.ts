/**
 * Lets a signal end what is done with flows.
 *
 * @module
 */

import type { Flow } from "./flow.ts";

/** Runs an action; when the signal fires, the flows are aborted, so that the action rejects. */
export async function withSignal<T>(
  signal: AbortSignal | undefined,
  flows: readonly Flow[],
  action: () => Promise<T>,
): Promise<T> {
  const onAbort = () => {
    for (const flow of flows) flow.abort(signal?.reason);
  };
  if (signal?.aborted) onAbort();
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await action();
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
