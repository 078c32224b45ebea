/**
 * Channels that are busy at the same time.
 *
 * @module
 */

import type { Jobs } from "../jobs.ts";
import { connectEnds } from "./ends.ts";

/** Has so many channels of a connection send without end, and counts what comes of each. */
export async function channels(
  job: Jobs["channels"]["takes"],
): Promise<Jobs["channels"]["gives"]> {
  const { client, server } = await connectEnds(job);
  const counts = new Array<number>(job.count).fill(0);
  let total = 0;
  let onProgress = (): void => {};
  const readAll = async (index: number): Promise<void> => {
    const run = client.command(`source ${Number.MAX_SAFE_INTEGER}`, { stdin: "null" }).spawn();
    run.status.catch(() => {});
    const reader = run.stdout.getReader();
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) return;
      counts[index] = (counts[index] ?? 0) + value.length;
      total += value.length;
      onProgress();
    }
  };
  const until = (isReached: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      onProgress = () => {
        if (isReached()) resolve();
      };
    });

  const started = until(() => counts.every((count) => count > 0));
  const reading = counts.map((_, index) => readAll(index));
  await Promise.race([started, Promise.all(reading)]);
  const before = [...counts];
  const totalBefore = total;
  const start = performance.now();
  await until(() => total - totalBefore >= job.bytes);
  const seconds = (performance.now() - start) / 1000;
  const shares = counts.map((count, index) => count - (before[index] ?? 0));
  const bytes = total - totalBefore;
  client.connection.abort();
  await Promise.allSettled([...reading, client.closed, server.closed]);
  return { bytes, seconds, least: Math.min(...shares), most: Math.max(...shares) };
}
