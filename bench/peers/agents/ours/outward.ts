/**
 * A client for servers of other processes.
 *
 * @module
 */

import type { SshClient } from "../../../../mod.ts";
import type { Jobs, Remote } from "../jobs.ts";
import { median, percentile } from "../../harness/statistics.ts";
import { countBytes, writeZeros } from "./commands.ts";
import { logIn } from "./ends.ts";
import { connectTcp } from "./network.ts";

/** Runs a command, and reads what it writes. The login is not part of the time. */
export async function download(
  job: Jobs["download"]["takes"],
): Promise<Jobs["download"]["gives"]> {
  return await withClient(job, (client) => downloadOver(client, job.command));
}

/** Runs a command, and writes zeros to it. */
export async function upload(job: Jobs["upload"]["takes"]): Promise<Jobs["upload"]["gives"]> {
  return await withClient(job, (client) => uploadOver(client, job.command, job.bytes));
}

/** Waits for each byte to come back before it sends the next. */
export async function latency(job: Jobs["latency"]["takes"]): Promise<Jobs["latency"]["gives"]> {
  return await withClient(job, async (client) => {
    const process = client.command(job.command).spawn();
    const writer = process.stdin.getWriter();
    const reader = process.stdout.getReader();
    const times: number[] = [];
    const end = performance.now() + job.limitMs;
    for (let round = 0; round < job.rounds; round++) {
      const start = performance.now();
      if (start > end) break;
      await writer.write(new Uint8Array([round]));
      const { value } = await reader.read();
      if (value?.length !== 1) throw new Error("The byte has not come back");
      times.push(performance.now() - start);
    }
    await writer.close();
    await process.status;
    return { medianMs: median(times), p99Ms: percentile(times, 0.99) };
  });
}

/** Runs a command, and reads what it writes. */
export async function downloadOver(
  client: SshClient,
  command: string,
): Promise<Jobs["download"]["gives"]> {
  const start = performance.now();
  const process = client.command(command, { stdin: "null" }).spawn();
  const [bytes] = await Promise.all([countBytes(process.stdout), process.status]);
  return { bytes, seconds: (performance.now() - start) / 1000 };
}

/** Runs a command that counts, writes zeros to it, and checks the count. */
export async function uploadOver(
  client: SshClient,
  command: string,
  bytes: number,
): Promise<Jobs["upload"]["gives"]> {
  const start = performance.now();
  const process = client.command(command).spawn();
  const [{ stdout }] = await Promise.all([process.output(), writeZeros(process.stdin, bytes)]);
  const counted = Number(new TextDecoder().decode(stdout));
  if (counted !== bytes) throw new Error(`${counted} of ${bytes} bytes have arrived`);
  return { bytes, seconds: (performance.now() - start) / 1000 };
}

async function withClient<T>(job: Remote, use: (client: SshClient) => Promise<T>): Promise<T> {
  const client = await logIn(await connectTcp(job.port), job);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
