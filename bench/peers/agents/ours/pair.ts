/**
 * Both ends in one process, over a pair of flows in memory.
 *
 * @module
 */

import type { Choice, Jobs } from "../jobs.ts";
import { repeat } from "../../harness/concurrency.ts";
import { connectEnds, type Ends } from "./ends.ts";
import { downloadOver, uploadOver } from "./outward.ts";

/** Moves bytes to the client, and then as many to the server. */
export async function exchange(
  job: Jobs["exchange"]["takes"],
): Promise<Jobs["exchange"]["gives"]> {
  return await withEnds(job, async ({ client }) => ({
    down: await downloadOver(client, `source ${job.bytes}`),
    up: await uploadOver(client, "sink", job.bytes),
  }));
}

/** Runs commands that say one byte. */
export async function runCommands(
  job: Jobs["runCommands"]["takes"],
): Promise<Jobs["runCommands"]["gives"]> {
  return await withEnds(job, async ({ client }) => {
    const start = performance.now();
    await repeat(job.count, job.atOnce, async () => {
      const { stdout } = await client.command("source 1").output();
      if (stdout.length !== 1) throw new Error("The command has said nothing");
    });
    return { seconds: (performance.now() - start) / 1000 };
  });
}

/** Makes both ends, and closes them in the end. */
export async function withEnds<T>(choice: Choice, use: (ends: Ends) => Promise<T>): Promise<T> {
  const ends = await connectEnds(choice);
  try {
    return await use(ends);
  } finally {
    await ends.client.close();
    await ends.server.closed.catch(() => {});
  }
}
