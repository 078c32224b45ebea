/**
 * Compares this implementation with others, on this machine, in one run, and prints tables.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { bare } from "./bare.ts";
import { bothEnds } from "./both_ends.ts";
import { channels } from "./channels.ts";
import { clientSpeed } from "./client_speed.ts";
import { delay } from "./delay.ts";
import { handshakes } from "./handshakes.ts";
import { Peers } from "./harness/implementations.ts";
import { makeKeys } from "./harness/openssh.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { scaling } from "./scaling.ts";
import type { Section } from "./section.ts";
import { serverSpeed } from "./server_speed.ts";

const sections: readonly Section[] = [
  serverSpeed,
  clientSpeed,
  bothEnds,
  handshakes,
  bare,
  memory,
  latency,
  delay,
  channels,
  scaling,
];

const help = `Compare with other implementations of SSH, on this machine.

Usage: deno task bench:peers [options]

      --only NAME,…      run some sections: ${sections.map(({ name }) => name).join(", ")}
      --megabytes N      move N MB at a time (default: 400)
      --runs N           measure N times by turns, and show medians (default: 3)
      --connections N    hold N idle connections (default: 10000)
  -h, --help             show this
`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string" },
    megabytes: { type: "string", default: "400" },
    runs: { type: "string", default: "3" },
    connections: { type: "string", default: "10000" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) console.log(help);
else await main();

async function main(): Promise<void> {
  const chosen = values.only?.split(",");
  const unknown = chosen?.filter((name) => !sections.some((section) => section.name === name)) ??
    [];
  if (unknown.length > 0) {
    throw new TypeError(`There is no section ${unknown.join(", ")}\n\n${help}`);
  }
  using peers = await Peers.find();
  const setting = {
    peers,
    keys: await makeKeys(),
    megabytes: count("megabytes"),
    runs: count("runs"),
    connections: count("connections"),
  };
  for (const section of sections) {
    if (chosen !== undefined && !chosen.includes(section.name)) continue;
    const start = performance.now();
    console.log(`## ${section.title}\n`);
    await section.run(setting);
    const seconds = (performance.now() - start) / 1000;
    console.log(`(${section.name}: ${seconds.toFixed(0)} s)\n`);
  }
}

function count(name: "megabytes" | "runs" | "connections"): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  throw new TypeError(`--${name} has to be a positive integer`);
}
