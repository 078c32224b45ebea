/**
 * Both ends in one process, over a pair of ends in memory: what an implementation costs, without a
 * network and with nobody else's code at the other end.
 *
 * @module
 */

import { type CipherChoice, distinctCiphers, KEX } from "./harness/ciphers.ts";
import { Agents, type Implementation, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show, showRatio } from "./harness/table.ts";
import type { Section, Setting } from "./section.ts";

/** What each implementation is held against: another on the same runtime. */
export const rivals: Readonly<Partial<Record<Implementation, Implementation>>> = {
  "sshflow on Deno": "ssh2 on Deno",
  "sshflow on Node": "ssh2 on Node, addon",
};

/** Both ends in one process. */
export const bothEnds: Section = {
  name: "pair",
  title: "Both ends in one process, in memory",
  async run(setting) {
    await using agents = new Agents(setting.peers, implementations);
    for (const cipher of distinctCiphers) await compare(setting, agents, cipher);
  },
};

async function compare(
  { keys, megabytes, runs }: Setting,
  agents: Agents,
  cipher: CipherChoice,
): Promise<void> {
  const bytes = megabytes / 2 * 1e6;
  const variants = new Map(agents.names.map((name) =>
    [
      name as string,
      () => agents.get(name).ask("exchange", { ...keys, ...cipher, kex: KEX, bytes }),
    ] as const
  ));
  const renew = () => agents.renew();
  const results = await measureByTurns(variants, runs, variants, renew);
  const speed = (name: string | undefined, direction: "down" | "up"): number | undefined =>
    medianOf(
      results.get(name ?? ""),
      (result) => result[direction].bytes / result[direction].seconds,
    );
  const rows = agents.names.map((name) => [
    name,
    show((speed(name, "down") ?? NaN) / 1e6),
    show((speed(name, "up") ?? NaN) / 1e6),
    showRatio(speed(name, "down"), speed(rivals[name], "down")),
    showRatio(speed(name, "up"), speed(rivals[name], "up")),
  ]);
  console.log(`${cipher.cipher}${cipher.mac === null ? "" : ` with ${cipher.mac}`}:\n`);
  printTable(["", "down MB/s", "up MB/s", "down / ssh2", "up / ssh2"], rows);
}
