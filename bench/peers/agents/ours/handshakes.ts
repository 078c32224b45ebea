/**
 * Connections that are made, and closed as soon as the user is logged in.
 *
 * @module
 */

import { type FlowLike, flowPair } from "../../../../mod.ts";
import { repeat } from "../../harness/concurrency.ts";
import type { Jobs } from "../jobs.ts";
import { connectEnds, host, logIn } from "./ends.ts";
import { connectTcp, listenTcp } from "./network.ts";

/** Makes connections, so many at a time. */
export async function handshakes(
  job: Jobs["handshakes"]["takes"],
): Promise<Jobs["handshakes"]["gives"]> {
  const listener = job.medium === "tcp"
    ? await listenTcp((flow: FlowLike) => void host(flow, job))
    : null;
  const start = performance.now();
  await repeat(job.count, job.atOnce, async () => {
    const client = listener === null
      ? (await connectEnds(job, flowPair())).client
      : await logIn(await connectTcp(listener.port), job);
    await client.close();
  });
  const seconds = (performance.now() - start) / 1000;
  listener?.close();
  return { seconds };
}
