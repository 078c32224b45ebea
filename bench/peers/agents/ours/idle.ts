/**
 * Connections that do nothing, and what they cost.
 *
 * @module
 */

import process from "node:process";
import { repeat } from "../../harness/concurrency.ts";
import type { Jobs } from "../jobs.ts";
import { connectEnds, type Ends } from "./ends.ts";

const AT_ONCE = 20;
const SETTLE_MS = 300;

/** Makes connections, leaves them alone for a while, and drops them. */
export async function idle(job: Jobs["idle"]["takes"]): Promise<Jobs["idle"]["gives"]> {
  const ends: Ends[] = [];
  const open = async (): Promise<void> => void ends.push(await connectEnds(job));
  // What is made once, for the first connection, is not what one costs.
  await repeat(AT_ONCE, AT_ONCE, open);
  const before = await memoryInUse();
  const start = performance.now();
  await repeat(job.count, AT_ONCE, open);
  const seconds = (performance.now() - start) / 1000;
  const after = await memoryInUse();
  // What the collector goes on with in other threads is not to be counted.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS * 4));
  const watched = await watch(job.watchMs);
  for (const { client } of ends) client.connection.abort();
  await Promise.allSettled(ends.flatMap(({ client, server }) => [client.closed, server.closed]));
  return {
    residentBytes: after.rss - before.rss,
    heapBytes: after.heapUsed - before.heapUsed,
    externalBytes: after.external - before.external,
    seconds,
    ...watched,
  };
}

async function memoryInUse(): Promise<NodeJS.MemoryUsage> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Cannot measure memory: gc is not exposed");
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    gc();
  }
  return process.memoryUsage();
}

/** Counts the timers that wake, those of this function aside. */
async function watch(forMs: number): Promise<{ wakes: number; busyMs: number }> {
  const before = process.cpuUsage();
  const wakesBefore = wakes.count;
  await new Promise((resolve) => original(resolve, forMs));
  const { user, system } = process.cpuUsage(before);
  return { wakes: wakes.count - wakesBefore, busyMs: (user + system) / 1000 };
}

/** Every timer that is set from now on, counted when it wakes. */
const wakes = { count: 0 };
const original = globalThis.setTimeout;
globalThis.setTimeout = Object.assign(
  (callback: (...args: unknown[]) => void, delay?: number, ...args: unknown[]) =>
    original(() => {
      wakes.count++;
      callback(...args);
    }, delay),
  original,
) as typeof globalThis.setTimeout;
