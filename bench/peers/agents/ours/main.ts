/**
 * This implementation, as a process that does what it is asked: jobs come as lines of JSON on the
 * standard input, and answers go out as lines of JSON. It runs on Deno as it is, and on Node as a
 * bundle.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import type { AgentMethod } from "../jobs.ts";
import { bareArithmetic, bareListen, bareSockets } from "./bare.ts";
import { channels } from "./channels.ts";
import { delayed } from "./delayed.ts";
import { handshakes } from "./handshakes.ts";
import { idle } from "./idle.ts";
import { download, latency, upload } from "./outward.ts";
import { exchange, runCommands } from "./pair.ts";
import { listen } from "./server.ts";

const methods: Readonly<Record<AgentMethod, (job: never) => Promise<unknown>>> = {
  listen,
  download,
  upload,
  latency,
  exchange,
  runCommands,
  handshakes,
  idle,
  delayed,
  channels,
  bareListen,
  bareArithmetic,
  bareSockets,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, job } = JSON.parse(line) as { method: AgentMethod; job: never };
  process.stdout.write(`${JSON.stringify(await answer(method, job))}\n`);
}
process.exit();

async function answer(method: AgentMethod, job: never): Promise<unknown> {
  try {
    return { result: await methods[method](job) };
  } catch (error) {
    return { error: error instanceof Error ? error.stack : `${error}` };
  }
}
