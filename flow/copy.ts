/**
 * Moves bytes from one flow to another.
 *
 * @module
 */

import { withSignal } from "./_with_signal.ts";
import { asFlow } from "./as_flow.ts";
import { Eof, type Flow, type FlowLike } from "./flow.ts";

/** What a copy has done. */
export interface CopyStatistics {
  /** How many bytes were copied. */
  bytes: number;
  /** How many chunks were read. */
  reads: number;
  /** How many chunks were written. */
  writes: number;
  /** How long it took, in milliseconds. */
  durationMs: number;
}

/** What ends a copy. */
export interface CopyOptions {
  /** Ends the copy: every flow that takes part is aborted then, with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Copies what one flow gives to another, until its end. Neither is closed.
 *
 * @param source What to read.
 * @param sink What to write to; it may be the source, which then is an echo.
 * @param options What ends it.
 * @returns What was done.
 * @throws The error of the first call that fails, or the signal's reason.
 *
 * @example
 * ```ts
 * import { copy, flowPair } from "@sshflow/ssh/flow";
 * import assert from "node:assert/strict";
 *
 * const [client, server] = flowPair();
 * await client.write(new Uint8Array(10));
 * await client.closeWrite();
 * const { bytes } = await copy(server, server);
 * assert.equal(bytes, 10);
 * ```
 */
export async function copy(
  source: FlowLike,
  sink: FlowLike,
  options: CopyOptions = {},
): Promise<CopyStatistics> {
  const { signal } = options;
  const from = asFlow(source);
  const to = Object.is(source, sink) ? from : asFlow(sink);
  const statistics: CopyStatistics = { bytes: 0, reads: 0, writes: 0, durationMs: 0 };
  await withSignal(signal, [from, to], () => copyInto(statistics, from, to));
  return statistics;
}

/** The loop itself, which counts as it goes, so that a failure loses no figures. */
export async function copyInto(
  statistics: CopyStatistics,
  source: Flow,
  sink: Flow,
): Promise<void> {
  const start = performance.now();
  try {
    for (;;) {
      const chunk = await source.read();
      if (chunk === Eof) return;
      const { length } = chunk;
      statistics.reads++;
      await sink.write(chunk);
      statistics.writes++;
      statistics.bytes += length;
    }
  } finally {
    statistics.durationMs = performance.now() - start;
  }
}
