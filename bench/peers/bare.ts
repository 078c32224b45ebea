/**
 * What the runtimes' own parts allow: programs that have of SSH only what nobody who implements it
 * can go without.
 *
 * @module
 */

import type { Bare, BareListener } from "./agents/jobs.ts";
import { PAYLOAD_BYTES } from "./agents/ours/bare_packets.ts";
import type { Agent } from "./harness/agent.ts";
import { ciphers } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf, type Variants } from "./harness/rounds.ts";
import { printTable, show, showCpu } from "./harness/table.ts";
import type { Section } from "./section.ts";

const HOST = "127.0.0.1";
const BUFFER_BYTES = 256 * 1024;
/** How many packets are written at once. */
const PACKETS_PER_WRITE = 32;
const LOGINS = 1000;
const AT_ONCE = 20;
const WAYS = ["down", "up"] as const;

/** Those whose parts the runtimes have: Poly1305 is not among them. */
const ownCiphers = ciphers.filter(({ cipher }) => cipher.startsWith("aes"));

/** How fast packets were moved one way, and what that cost the runtime. */
interface Movement {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** What the runtimes' own parts allow. */
export const bare: Section = {
  name: "bare",
  title: "What the runtimes' own parts allow",
  async run({ peers, megabytes, runs }) {
    // Of these programs, only the loop that takes jobs is this implementation's.
    const ours = implementations.filter((name) => name.startsWith("sshflow"));
    await using agents = new Agents(peers, ours);
    const runtimes = new Map(
      agents.names.map((name) => [name.replace("sshflow on ", ""), agents.get(name)]),
    );
    await compareSpeeds(runtimes, megabytes, runs, () => agents.renew());
    await compareLogins(runtimes, runs);
  },
};

async function compareSpeeds(
  runtimes: ReadonlyMap<string, Agent>,
  megabytes: number,
  runs: number,
  renew: () => Promise<void>,
): Promise<void> {
  const packets = Math.ceil(megabytes * 1e6 / PAYLOAD_BYTES);
  const bytes = packets * PAYLOAD_BYTES;
  const rows: string[][] = [];
  for (const choice of ownCiphers) {
    const variants = movements(runtimes, { ...choice, packets });
    const results = await measureByTurns(variants, runs, variants, renew);
    for (const name of runtimes.keys()) {
      const measured = WAYS.map((way) => results.get(`${name} ${way}`));
      rows.push([
        `${choice.cipher}${choice.mac === null ? "" : ` with ${choice.mac}`}, ${name}`,
        ...measured.map((way) => show(medianOf(way, ({ seconds }) => bytes / seconds / 1e6))),
        ...measured.map((way) => showCpu(medianOf(way, ({ cpuSeconds }) => cpuSeconds), bytes)),
      ]);
    }
  }
  const costs = WAYS.map((way) => `CPU µs/MB ${way}`);
  printTable(["packets of 32 KiB", ...WAYS.map((way) => `${way} MB/s`), ...costs], rows);
}

function movements(
  runtimes: ReadonlyMap<string, Agent>,
  job: Omit<Bare, "way">,
): Variants<Movement> {
  const variants = [...runtimes].flatMap(([name, agent]) =>
    WAYS.map((way) => [`${name} ${way}`, () => move(agent, { ...job, way })] as const)
  );
  return new Map(variants);
}

/** Is the other end, with as little work as can be. */
async function move(agent: Agent, job: Bare): Promise<Movement> {
  const listener = await agent.ask("bareListen", job);
  const cpuBefore = agent.cpuSeconds();
  const start = performance.now();
  await (job.way === "down" ? download : upload)(listener, job.packets);
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpuSeconds: agent.cpuSeconds() - cpuBefore };
}

async function download({ port, packet }: BareListener, packets: number): Promise<void> {
  using conn = await Deno.connect({ hostname: HOST, port });
  const wanted = Uint8Array.fromBase64(packet).length * packets;
  const buffer = new Uint8Array(BUFFER_BYTES);
  let bytes = 0;
  for (let read; (read = await conn.read(buffer)) !== null;) bytes += read;
  if (bytes !== wanted) throw new Error(`${bytes} of ${wanted} bytes have arrived`);
}

/** Sends one packet again and again, until all are known to have been opened. */
async function upload({ port, packet }: BareListener, packets: number): Promise<void> {
  using conn = await Deno.connect({ hostname: HOST, port });
  const one = Uint8Array.fromBase64(packet);
  const many = new Uint8Array(PACKETS_PER_WRITE * one.length);
  for (let start = 0; start < many.length; start += one.length) many.set(one, start);
  for (let [sent, wanted] = [0, packets * one.length]; sent < wanted;) {
    const start = sent % many.length;
    sent += await conn.write(many.subarray(start, start + wanted - sent));
  }
  if (await conn.read(new Uint8Array(1)) === null) throw new Error("A packet was not opened");
}

async function compareLogins(runtimes: ReadonlyMap<string, Agent>, runs: number): Promise<void> {
  const variants = new Map(
    [...runtimes].map(([name, agent]) => [name, async () => ({
      arithmetic: (await agent.ask("bareArithmetic", { count: LOGINS })).seconds,
      sockets: (await agent.ask("bareSockets", { count: LOGINS, atOnce: AT_ONCE })).seconds,
    })]),
  );
  const results = await measureByTurns(variants, runs, variants);
  const rows = [...results].map(([name, measured]) => {
    const figure = (seconds: (result: typeof measured[number]) => number): string =>
      show((medianOf(measured, seconds) ?? NaN) / LOGINS * 1e6);
    return [
      name,
      figure(({ arithmetic }) => arithmetic),
      figure(({ sockets }) => sockets),
      figure(({ arithmetic, sockets }) => arithmetic + sockets),
    ];
  });
  printTable(["a login, both ends", "arithmetic µs", "sockets µs", "both µs"], rows);
}
