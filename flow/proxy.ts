/**
 * Joins two flows, so that the peer of each talks to the peer of the other.
 *
 * @module
 */

import { withSignal } from "./_with_signal.ts";
import { asFlow } from "./as_flow.ts";
import { copyInto, type CopyOptions, type CopyStatistics } from "./copy.ts";
import { Eof, type Flow, type FlowLike } from "./flow.ts";

/** What a proxy has done in each direction. */
export interface ProxyStatistics {
  /** What went from the first flow to the second. */
  readonly aToB: CopyStatistics;
  /** What went from the second flow to the first. */
  readonly bToA: CopyStatistics;
}

/**
 * Copies both ways, until both have ended, and closes the flows. The end of one direction is passed
 * on while the other goes on. A flow that can no longer be read is passed on as one that broke; when
 * a flow takes no more, what it still sends is delivered first.
 *
 * @param a One flow.
 * @param b The other.
 * @param options What ends it.
 * @returns What was done in each direction.
 * @throws The error of a direction that failed, an `AggregateError` of both errors when both did,
 * or the signal's reason. Both flows have been aborted then.
 *
 * @example
 * ```ts
 * import { flowPair, proxy } from "@sshflow/ssh/flow";
 * import assert from "node:assert/strict";
 *
 * const [client, front] = flowPair();
 * const [back, server] = flowPair();
 * const proxying = proxy(front, back);
 * await client.write(new Uint8Array(3));
 * await Promise.all([client.close(), server.close()]);
 * assert.equal((await proxying).aToB.bytes, 3);
 * ```
 */
export async function proxy(
  a: FlowLike,
  b: FlowLike,
  options: CopyOptions = {},
): Promise<ProxyStatistics> {
  const one = asFlow(a);
  const other = asFlow(b);
  const statistics: ProxyStatistics = { aToB: noneYet(), bToA: noneYet() };
  await withSignal(options.signal, [one, other], async () => {
    const forward = copyAndEnd(statistics.aToB, one, other);
    const backward = copyAndEnd(statistics.bToA, other, one);
    const results = await Promise.allSettled([
      passOnFailure(forward, one, other, backward),
      passOnFailure(backward, other, one, forward),
    ]);
    // One flow that breaks is what both directions fail with.
    const errors = new Set<unknown>();
    for (const result of results) if (result.status === "rejected") errors.add(result.reason);
    if (errors.size > 0) {
      const [first] = errors;
      one.abort(first);
      other.abort(first);
      if (errors.size === 1) throw first;
      throw new AggregateError(errors, "Cannot go on copying: both directions failed");
    }
    await Promise.all([one.close(), other.close()]);
  });
  return statistics;
}

function noneYet(): CopyStatistics {
  return { bytes: 0, reads: 0, writes: 0, durationMs: 0 };
}

async function copyAndEnd(statistics: CopyStatistics, source: Flow, sink: Flow): Promise<void> {
  await copyInto(statistics, source, sink);
  await sink.closeWrite();
}

async function passOnFailure(
  copying: Promise<void>,
  source: Flow,
  sink: Flow,
  opposite: Promise<void>,
): Promise<void> {
  try {
    await copying;
  } catch (error) {
    // The sink may take no more and still have something to say: until it has, the source is not to
    // be held up. A source that is broken rejects here again.
    const abortSource = () => source.abort(error);
    opposite.then(abortSource, abortSource);
    try {
      while (await source.read() !== Eof);
    } catch {
      sink.abort(error);
    }
    throw error;
  }
}
