/**
 * Clients, at OpenSSH's server.
 *
 * @module
 */

import { peer } from "../../tests/helpers/peers.ts";
import type { Choice, Transfer } from "./agents/jobs.ts";
import { type CipherChoice, distinctCiphers, KEX } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { type MeasuredServer, OpenSshLogin, startOpenSshServer } from "./harness/openssh.ts";
import { measureByTurns, medianOf, type Variants } from "./harness/rounds.ts";
import { printTable, show, showCpu, showRatio } from "./harness/table.ts";
import type { Section, Setting } from "./section.ts";

/** What one login has moved, and what that cost the client. */
interface Measurement {
  readonly down: Transfer;
  readonly up: Transfer;
  readonly cpuSeconds: number;
  /** What the download cost the server: windows can be such that it is much. */
  readonly serverDownCpuSeconds: number;
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
    for (const cipher of distinctCiphers) await compare(setting, agents, cipher, server);
  },
};

async function compare(
  setting: Setting,
  agents: Agents,
  cipher: CipherChoice,
  server: MeasuredServer,
): Promise<void> {
  const bytes = setting.megabytes * 1e6;
  const choice: Choice = { ...server.keys, ...cipher, kex: KEX };
  const warmUp = clients(agents, choice, server, bytes / 4);
  const results = await measureByTurns(
    clients(agents, choice, server, bytes),
    setting.runs,
    warmUp,
  );
  const speed = (name: string, direction: "down" | "up"): number | undefined =>
    medianOf(results.get(name), (result) => result[direction].bytes / result[direction].seconds);
  const rows = [...results].map(([name, measured]) => [
    name,
    show((speed(name, "down") ?? NaN) / 1e6),
    show((speed(name, "up") ?? NaN) / 1e6),
    showRatio(speed(name, "down"), speed(SSH, "down")),
    showRatio(speed(name, "up"), speed(SSH, "up")),
    showCpu(medianOf(measured, (result) => result.cpuSeconds), bytes * 2),
    showCpu(medianOf(measured, (result) => result.serverDownCpuSeconds), bytes),
  ]);
  console.log(`${cipher.cipher}${cipher.mac === null ? "" : ` with ${cipher.mac}`}:\n`);
  printTable([
    "client",
    "down MB/s",
    "up MB/s",
    "down / ssh",
    "up / ssh",
    "CPU µs/MB",
    "sshd's CPU µs/MB down",
  ], rows);
}

/** A download and an upload by each client. */
function clients(
  agents: Agents,
  choice: Choice,
  server: MeasuredServer,
  bytes: number,
): Variants<Measurement> {
  const { port } = server;
  const source = `head -c ${bytes} /dev/zero`;
  const sink = "wc -c";
  const measure = async (
    cpuSeconds: () => number,
    download: () => Promise<Transfer>,
    upload: () => Promise<Transfer>,
  ): Promise<Measurement> => {
    const [before, serverBefore] = [cpuSeconds(), server.cpuSeconds()];
    const down = await download();
    const serverDownCpuSeconds = server.cpuSeconds() - serverBefore;
    const up = await upload();
    return { down, up, cpuSeconds: cpuSeconds() - before, serverDownCpuSeconds };
  };

  const variants = new Map<string, () => Promise<Measurement>>();
  if (peer("ssh") !== null) {
    variants.set(SSH, async () => {
      await using login = await OpenSshLogin.open(port, choice);
      return await measure(
        () => login.cpuSeconds(),
        () => login.download(source, bytes),
        () => login.upload(sink, bytes),
      );
    });
  }
  for (const name of agents.names) {
    const agent = agents.get(name);
    variants.set(name, () =>
      measure(
        () => agent.cpuSeconds(),
        () => agent.ask("download", { ...choice, port, command: source }),
        () => agent.ask("upload", { ...choice, port, command: sink, bytes }),
      ));
  }
  return variants;
}
