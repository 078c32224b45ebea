/**
 * One byte there and back, over TCP, between two processes.
 *
 * @module
 */

import type { Keys } from "./agents/jobs.ts";
import { usual } from "./harness/ciphers.ts";
import { Agents, type Implementation, implementations } from "./harness/implementations.ts";
import { startOpenSshServer } from "./harness/openssh.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show } from "./harness/table.ts";
import type { Section } from "./section.ts";

const ROUNDS = 2000;
const LIMIT_MS = 2000;
const SSHD = "sshd";

/** Who talks to whom. */
const COUPLES: readonly (readonly [Implementation, Implementation | typeof SSHD])[] = [
  ["sshflow on Deno", "sshflow on Deno"],
  ["ssh2 on Deno", "ssh2 on Deno"],
  ["sshflow on Node", "sshflow on Node"],
  ["ssh2 on Node, addon", "ssh2 on Node, addon"],
  ["sshflow on Deno", SSHD],
  ["ssh2 on Deno", SSHD],
  ["sshflow on Node", SSHD],
  ["ssh2 on Node, addon", SSHD],
];

/** One byte there and back. */
export const latency: Section = {
  name: "latency",
  title: "One byte there and back, over TCP, between two processes",
  async run({ peers, keys, runs }) {
    await using servers = new Agents(peers, implementations);
    await using clients = new Agents(peers, implementations);
    await using openSsh = await startOpenSshServer(keys);
    const targets = new Map<string, Keys & { readonly port: number }>();
    if (openSsh !== null) targets.set(SSHD, { ...openSsh.keys, port: openSsh.port });
    for (const name of servers.names) {
      targets.set(name, { ...keys, ...await servers.get(name).ask("listen", keys) });
    }
    const couples = COUPLES.flatMap(([client, server]) => {
      const target = targets.get(server);
      if (target === undefined || !clients.names.includes(client)) return [];
      const command = server === SSHD ? "cat" : "echo";
      return [{ title: `${client} to ${server}`, client, job: { ...target, ...usual, command } }];
    });
    const variants = (rounds: number) =>
      new Map(
        couples.map(({ title, client, job }) =>
          [title, () =>
            clients.get(client).ask("latency", { ...job, rounds, limitMs: LIMIT_MS })] as const
        ),
      );
    const results = await measureByTurns(variants(ROUNDS), runs, variants(ROUNDS));
    const rows = [...results].map(([title, measured]) => [
      title,
      show(medianOf(measured, ({ medianMs }) => medianMs * 1000)),
      show(medianOf(measured, ({ p99Ms }) => p99Ms * 1000)),
    ]);
    printTable(["client to server", "median µs", "99th percentile µs"], rows);
  },
};
