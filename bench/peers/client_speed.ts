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
import { measureByTurns, type Variants } from "./harness/rounds.ts";
import { type BothWays, printSpeeds } from "./harness/speeds.ts";
import type { Section, Setting } from "./section.ts";

/** What one login has moved, and what that cost the client. */
interface Measurement extends BothWays {
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
  const variants = clients(agents, choice, server, bytes);
  const renew = () => agents.renew();
  const results = await measureByTurns(variants, setting.runs, variants, renew);
  printSpeeds("client", cipher, results, [{ name: SSH, title: "ssh" }], [
    { title: "CPU µs/MB", seconds: (result) => result.cpuSeconds, bytes: bytes * 2 },
    {
      title: "sshd's CPU µs/MB down",
      seconds: (result) => result.serverDownCpuSeconds,
      bytes,
    },
  ]);
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
