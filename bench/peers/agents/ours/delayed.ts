/**
 * A connection over a network that is fast and far.
 *
 * @module
 */

import process from "node:process";
import { Eof, type Flow, flowPair } from "../../../../mod.ts";
import { passingFlow } from "../../../../tests/helpers/passing_flow.ts";
import type { Jobs } from "../jobs.ts";
import { connectEnds } from "./ends.ts";

/** How much a direction holds: what a network of 1.3 GB/s has on its way for 50 ms. */
const CAPACITY_BYTES = 64 * 1024 * 1024;
const SAMPLE_MS = 50;

/** Moves bytes from the server to the client, for so long. */
export async function delayed(job: Jobs["delayed"]["takes"]): Promise<Jobs["delayed"]["gives"]> {
  const [near, far] = flowPair();
  const peak = { inFlight: 0 };
  const flows = [delay(near, job.delayMs, peak), delay(far, job.delayMs, peak)] as const;
  const { client, server } = await connectEnds(job, flows);
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  const residentBefore = process.memoryUsage().rss;
  const run = client.command(`source ${Number.MAX_SAFE_INTEGER}`, { stdin: "null" }).spawn();
  await run.started;

  const start = performance.now();
  const lateFrom = start + job.durationMs * 2 / 3;
  let [bytes, lateBytes, peakResidentBytes, nextSample] = [0, 0, 0, 0];
  const reader = run.stdout.getReader();
  let now = start;
  while (now - start < job.durationMs) {
    const { value } = await reader.read();
    if (value === undefined) throw new Error("The output has ended");
    now = performance.now();
    bytes += value.length;
    if (now >= lateFrom) lateBytes += value.length;
    if (now < nextSample) continue;
    nextSample = now + SAMPLE_MS;
    peakResidentBytes = Math.max(peakResidentBytes, process.memoryUsage().rss - residentBefore);
  }
  client.connection.abort();
  await Promise.allSettled([run.status, client.closed, server.closed]);
  return {
    bytesPerSecond: lateBytes / (now - lateFrom) * 1000,
    averageBytesPerSecond: bytes / (now - start) * 1000,
    peakResidentBytes,
    peakInFlightBytes: peak.inFlight,
  };
}

/** A flow whose input comes later. */
function delay(flow: Flow, delayMs: number, peak: { inFlight: number }): Flow {
  const waiting: { readonly chunk: Uint8Array | typeof Eof; readonly dueAt: number }[] = [];
  let waitingBytes = 0;
  let wakeReader: (() => void) | null = null;
  let wakePump: (() => void) | null = null;
  let failure: { readonly error: unknown } | null = null;
  pump();

  async function pump(): Promise<void> {
    try {
      for (;;) {
        const chunk = await flow.read();
        waiting.push({ chunk, dueAt: performance.now() + delayMs });
        wakeReader?.();
        if (chunk === Eof) return;
        waitingBytes += chunk.length;
        peak.inFlight = Math.max(peak.inFlight, waitingBytes);
        while (waitingBytes > CAPACITY_BYTES) {
          await new Promise<void>((resolve) => wakePump = resolve);
        }
      }
    } catch (error) {
      failure = { error };
      wakeReader?.();
    }
  }

  return passingFlow(flow, {
    async read() {
      for (;;) {
        const first = waiting[0];
        if (first === undefined) {
          if (failure !== null) throw failure.error;
          await new Promise<void>((resolve) => wakeReader = resolve);
          continue;
        }
        const left = first.dueAt - performance.now();
        if (left > 0) {
          await new Promise((resolve) => setTimeout(resolve, left));
          continue;
        }
        if (first.chunk === Eof) return Eof;
        waiting.shift();
        waitingBytes -= first.chunk.length;
        wakePump?.();
        return first.chunk;
      }
    },
  });
}
