/**
 * Servers, driven by OpenSSH's client.
 *
 * @module
 */

import type { Choice } from "./agents/jobs.ts";
import { type CipherChoice, ciphers, KEX } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { type MeasuredServer, OpenSshLogin, startOpenSshServer } from "./harness/openssh.ts";
import { measureByTurns, type Variants } from "./harness/rounds.ts";
import { type BothWays, printSpeeds } from "./harness/speeds.ts";
import type { Section, Setting } from "./section.ts";

/** A server, and the commands by which it moves zeros. */
interface Candidate extends Pick<MeasuredServer, "cpuSeconds"> {
  readonly port: () => Promise<number>;
  readonly source: (bytes: number) => string;
  readonly sink: string;
}

/** What one login has moved, and what that cost the server. */
interface Measurement extends BothWays {
  readonly downCpuSeconds: number;
  readonly upCpuSeconds: number;
  /** What the upload cost the client: windows can be such that it is much. */
  readonly clientUpCpuSeconds: number;
}

const SSHD = "sshd";
/** The fastest of the others that are written in JavaScript, or nearly. */
const ADDON = "ssh2 on Node, addon";

/** Servers, driven by OpenSSH's client. */
export const serverSpeed: Section = {
  name: "server",
  title: "Servers, with OpenSSH's client",
  async run(setting) {
    await using agents = new Agents(setting.peers, implementations);
    await using openSsh = await startOpenSshServer(setting.keys);
    const candidates = new Map<string, Candidate>();
    if (openSsh !== null) {
      candidates.set(SSHD, {
        port: () => Promise.resolve(openSsh.port),
        cpuSeconds: openSsh.cpuSeconds,
        source: (bytes) => `head -c ${bytes} /dev/zero`,
        sink: "wc -c",
      });
    }
    for (const name of agents.names) {
      const agent = agents.get(name);
      candidates.set(name, {
        port: async () => (await agent.ask("listen", setting.keys)).port,
        cpuSeconds: () => agent.cpuSeconds(),
        source: (bytes) => `source ${bytes}`,
        sink: "sink",
      });
    }
    const renew = () => agents.renew();
    for (const cipher of ciphers) await compare(setting, candidates, cipher, renew);
  },
};

async function compare(
  { keys, runs, megabytes }: Setting,
  candidates: ReadonlyMap<string, Candidate>,
  cipher: CipherChoice,
  renew: () => Promise<void>,
): Promise<void> {
  const bytes = megabytes * 1e6;
  const choice: Choice = { ...keys, ...cipher, kex: KEX };
  const variants = logins(candidates, choice, bytes);
  const results = await measureByTurns(variants, runs, variants, renew);
  const bases = [{ name: SSHD, title: "sshd" }, { name: ADDON, title: "ssh2" }];
  printSpeeds("server", cipher, results, bases, [
    { title: "CPU µs/MB down", seconds: (result) => result.downCpuSeconds, bytes },
    { title: "CPU µs/MB up", seconds: (result) => result.upCpuSeconds, bytes },
    { title: "ssh's CPU µs/MB up", seconds: (result) => result.clientUpCpuSeconds, bytes },
  ]);
}

/** A login at each server, that moves bytes both ways. */
function logins(
  candidates: ReadonlyMap<string, Candidate>,
  choice: Choice,
  bytes: number,
): Variants<Measurement> {
  const variants = [...candidates].map(([name, { port, source, sink, cpuSeconds }]) =>
    [name, async (): Promise<Measurement> => {
      await using login = await OpenSshLogin.open(await port(), choice);
      const before = cpuSeconds();
      const down = await login.download(source(bytes), bytes);
      const between = cpuSeconds();
      const clientBetween = login.cpuSeconds();
      const up = await login.upload(sink, bytes);
      return {
        down,
        up,
        downCpuSeconds: between - before,
        upCpuSeconds: cpuSeconds() - between,
        clientUpCpuSeconds: login.cpuSeconds() - clientBetween,
      };
    }] as const
  );
  return new Map(variants);
}
