/**
 * Servers, driven by OpenSSH's client.
 *
 * @module
 */

import type { Transfer } from "./agents/jobs.ts";
import { type CipherChoice, ciphers, KEX } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { type MeasuredServer, OpenSshLogin, startOpenSshServer } from "./harness/openssh.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show, showRatio } from "./harness/table.ts";
import type { Section, Setting } from "./section.ts";

/** A server, and the commands by which it moves zeros. */
interface Candidate extends Pick<MeasuredServer, "port" | "cpuSeconds"> {
  readonly source: string;
  readonly sink: string;
}

/** What one login has moved, and what that cost the server. */
interface Measurement {
  readonly down: Transfer;
  readonly up: Transfer;
  readonly downCpuSeconds: number;
  readonly upCpuSeconds: number;
}

const SSHD = "sshd";

/** Servers, driven by OpenSSH's client. */
export const serverSpeed: Section = {
  name: "server",
  title: "Servers, with OpenSSH's client",
  async run(setting) {
    const bytes = setting.megabytes * 1e6;
    await using agents = new Agents(setting.peers, implementations);
    await using openSsh = await startOpenSshServer(setting.keys);
    const candidates = new Map<string, Candidate>();
    if (openSsh !== null) {
      candidates.set(SSHD, {
        port: openSsh.port,
        cpuSeconds: openSsh.cpuSeconds,
        source: `head -c ${bytes} /dev/zero`,
        sink: "wc -c",
      });
    }
    for (const name of agents.names) {
      const agent = agents.get(name);
      const { port } = await agent.ask("listen", setting.keys);
      const cpuSeconds = () => agent.cpuSeconds();
      candidates.set(name, { port, cpuSeconds, source: `source ${bytes}`, sink: "sink" });
    }
    for (const cipher of ciphers) await compare(setting, candidates, cipher, bytes);
  },
};

async function compare(
  { keys, runs }: Setting,
  candidates: ReadonlyMap<string, Candidate>,
  cipher: CipherChoice,
  bytes: number,
): Promise<void> {
  const variants = [...candidates].map(([name, candidate]) =>
    [name, async (): Promise<Measurement> => {
      const { port, source, sink, cpuSeconds } = candidate;
      await using login = await OpenSshLogin.open(port, { ...keys, ...cipher, kex: KEX });
      const before = cpuSeconds();
      const down = await login.download(source, bytes);
      const between = cpuSeconds();
      const up = await login.upload(sink, bytes);
      return {
        down,
        up,
        downCpuSeconds: between - before,
        upCpuSeconds: cpuSeconds() - between,
      };
    }] as const
  );
  const results = await measureByTurns(new Map(variants), runs);
  const speed = (name: string, direction: "down" | "up"): number | undefined =>
    medianOf(results.get(name), (result) => result[direction].bytes / result[direction].seconds);
  const rows = [...results].map(([name, measured]) => [
    name,
    show((speed(name, "down") ?? NaN) / 1e6),
    show((speed(name, "up") ?? NaN) / 1e6),
    showRatio(speed(name, "down"), speed(SSHD, "down")),
    showRatio(speed(name, "up"), speed(SSHD, "up")),
    show((medianOf(measured, (result) => result.downCpuSeconds) ?? NaN) / bytes * 1e12),
    show((medianOf(measured, (result) => result.upCpuSeconds) ?? NaN) / bytes * 1e12),
  ]);
  console.log(`${cipher.cipher}${cipher.mac === null ? "" : ` with ${cipher.mac}`}:\n`);
  printTable([
    "server",
    "down MB/s",
    "up MB/s",
    "down / sshd",
    "up / sshd",
    "CPU µs/MB down",
    "CPU µs/MB up",
  ], rows);
}
