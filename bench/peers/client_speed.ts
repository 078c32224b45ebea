/**
 * Clients, at OpenSSH's server.
 *
 * @module
 */

import { peer } from "../../tests/helpers/peers.ts";
import type { Choice, Transfer } from "./agents/jobs.ts";
import { type CipherChoice, ciphers, KEX } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { type MeasuredServer, OpenSshLogin, startOpenSshServer } from "./harness/openssh.ts";
import { measureByTurns, medianOf, type Variants } from "./harness/rounds.ts";
import { printTable, show, showRatio } from "./harness/table.ts";
import type { Section, Setting } from "./section.ts";

/** What one login has moved, and what that cost the client. */
interface Measurement {
  readonly down: Transfer;
  readonly up: Transfer;
  readonly cpuSeconds: number;
}

const SSH = "ssh";

/** Clients, at OpenSSH's server. */
export const clientSpeed: Section = {
  name: "client",
  title: "Clients, at OpenSSH's server",
  async run(setting) {
    await using server = await startOpenSshServer(setting.keys);
    if (server === null) return;
    await using agents = new Agents(
      setting.peers,
      implementations.filter((name) => name !== "ssh2 on Node, no addon"),
    );
    for (const cipher of ciphers) await compare(setting, agents, cipher, server);
  },
};

async function compare(
  setting: Setting,
  agents: Agents,
  cipher: CipherChoice,
  { port, keys }: MeasuredServer,
): Promise<void> {
  const bytes = setting.megabytes * 1e6;
  const choice: Choice = { ...keys, ...cipher, kex: KEX };
  const warmUp = clients(agents, choice, port, bytes / 4);
  const variants = clients(agents, choice, port, bytes);
  const results = await measureByTurns(variants, setting.runs, warmUp);
  const speed = (name: string, direction: "down" | "up"): number | undefined =>
    medianOf(results.get(name), (result) => result[direction].bytes / result[direction].seconds);
  const rows = [...results].map(([name, measured]) => [
    name,
    show((speed(name, "down") ?? NaN) / 1e6),
    show((speed(name, "up") ?? NaN) / 1e6),
    showRatio(speed(name, "down"), speed(SSH, "down")),
    showRatio(speed(name, "up"), speed(SSH, "up")),
    show((medianOf(measured, (result) => result.cpuSeconds) ?? NaN) / bytes / 2 * 1e12),
  ]);
  console.log(`${cipher.cipher}${cipher.mac === null ? "" : ` with ${cipher.mac}`}:\n`);
  printTable(["client", "down MB/s", "up MB/s", "down / ssh", "up / ssh", "CPU µs/MB"], rows);
}

/** A download and an upload by each client. */
function clients(
  agents: Agents,
  choice: Choice,
  port: number,
  bytes: number,
): Variants<Measurement> {
  const source = `head -c ${bytes} /dev/zero`;
  const sink = "wc -c";
  const variants = new Map<string, () => Promise<Measurement>>();
  if (peer("ssh") !== null) {
    variants.set(SSH, async () => {
      await using login = await OpenSshLogin.open(port, choice);
      const before = login.cpuSeconds();
      const down = await login.download(source, bytes);
      const up = await login.upload(sink, bytes);
      return { down, up, cpuSeconds: login.cpuSeconds() - before };
    });
  }
  for (const name of agents.names) {
    const agent = agents.get(name);
    variants.set(name, async () => {
      const before = agent.cpuSeconds();
      const down = await agent.ask("download", { ...choice, port, command: source });
      const up = await agent.ask("upload", { ...choice, port, command: sink, bytes });
      return { down, up, cpuSeconds: agent.cpuSeconds() - before };
    });
  }
  return variants;
}
