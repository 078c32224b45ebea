/**
 * Connections that do nothing: what they hold, and whether they let the processor sleep.
 *
 * @module
 */

import type { Idleness } from "./agents/jobs.ts";
import { usual } from "./harness/ciphers.ts";
import { type Implementation, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show } from "./harness/table.ts";
import type { Section, Setting } from "./section.ts";

const WATCH_MS = 3000;
const LIMIT_MS = 180_000;
/** Others get fewer: they are not what is held to a number. */
const PART_FOR_OTHERS = 1 / 10;

/** Connections that do nothing. */
export const memory: Section = {
  name: "memory",
  title: "Idle connections that are logged in, both ends in one process, in memory",
  async run(setting) {
    const counts = new Map<string, number>();
    const variants = new Map<string, () => Promise<Idleness>>();
    for (const name of setting.peers.among(implementations)) {
      const part = name === "sshflow on Deno" ? 1 : PART_FOR_OTHERS;
      const count = Math.max(1, Math.round(setting.connections * part));
      counts.set(name, count);
      variants.set(name, () => measure(setting, name, count));
    }
    // Memory does not depend on what else the machine does: once is enough.
    const results = await measureByTurns(variants, 1);
    const rows = [...results].map(([name, measured]) => {
      const count = counts.get(name) ?? NaN;
      const perSide = (figure: (result: Idleness) => number): string =>
        show((medianOf(measured, figure) ?? NaN) / count / 2 / 1024, 1);
      return [
        name,
        `${count}`,
        perSide(({ residentBytes }) => residentBytes),
        perSide(({ heapBytes }) => heapBytes),
        perSide(({ externalBytes }) => externalBytes),
        name.startsWith("ssh2") ? "–" : show(medianOf(measured, ({ wakes }) => wakes)),
        show(medianOf(measured, ({ busyMs }) => busyMs)),
        show(medianOf(measured, ({ seconds }) => count / seconds)),
      ];
    });
    printTable([
      "",
      "connections",
      "RSS KiB/side",
      "heap KiB/side",
      "external KiB/side",
      `wakes in ${WATCH_MS / 1000} s`,
      `CPU ms in ${WATCH_MS / 1000} s`,
      "made/s",
    ], rows);
  },
};

/** In a process of its own: what was done before would count too. */
async function measure(
  { peers, keys }: Setting,
  name: Implementation,
  count: number,
): Promise<Idleness> {
  const agent = peers.start(name);
  try {
    return await agent.ask("idle", { ...keys, ...usual, count, watchMs: WATCH_MS }, LIMIT_MS);
  } finally {
    await agent.stop();
  }
}
