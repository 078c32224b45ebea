/**
 * How the time grows with the work: ten times as much is to take ten times as long.
 *
 * @module
 */

import { usual } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show } from "./harness/table.ts";
import type { Section } from "./section.ts";

const FACTOR = 10;
const COMMANDS = 200;
/** Ten times as many are the most that a connection has, unless told otherwise. */
const CHANNELS = 100;
const CONNECTIONS = 40;
const AT_ONCE = 20;

/** How the time grows with the work. */
export const scaling: Section = {
  name: "scaling",
  title: "Ten times the work, both ends in one process, in memory",
  async run({ peers, keys, megabytes, runs }) {
    const ours = implementations.filter((name) => name.startsWith("sshflow"));
    await using agents = new Agents(peers, ours);
    const rows: string[][] = [];
    for (const name of agents.names) {
      const agent = agents.get(name);
      const choice = { ...keys, ...usual };
      const bytes = Math.round(megabytes * 1e6 / 8);
      const works: readonly (readonly [string, (factor: number) => Promise<number>])[] = [
        [`${megabytes / 8} MB each way`, async (factor) => {
          const { down, up } = await agent.ask("exchange", { ...choice, bytes: bytes * factor });
          return down.seconds + up.seconds;
        }],
        [`${COMMANDS} commands, ${AT_ONCE} at once`, async (factor) => {
          const job = { ...choice, count: COMMANDS * factor, atOnce: AT_ONCE };
          return (await agent.ask("runCommands", job)).seconds;
        }],
        [`${CHANNELS} channels open at once`, async (factor) => {
          const count = CHANNELS * factor;
          return (await agent.ask("runCommands", { ...choice, count, atOnce: count })).seconds;
        }],
        [`${CONNECTIONS} connections, ${AT_ONCE} at once`, async (factor) => {
          const job = { ...choice, count: CONNECTIONS * factor, atOnce: AT_ONCE };
          return (await agent.ask("handshakes", { ...job, medium: "memory" })).seconds;
        }],
      ];
      for (const [title, work] of works) {
        const variants = new Map([["once", () => mean(work)], ["tenfold", () => work(FACTOR)]]);
        const results = await measureByTurns(variants, runs, variants);
        const once = medianOf(results.get("once"), (seconds) => seconds) ?? NaN;
        const tenfold = medianOf(results.get("tenfold"), (seconds) => seconds) ?? NaN;
        const row = [show(once * 1000), show(tenfold * 1000), show(tenfold / once, 1)];
        rows.push([`${name}: ${title}`, ...row]);
      }
    }
    printTable(["", "ms", `${FACTOR} times as much, ms`, "ratio"], rows);
  },
};

/**
 * What the work takes when it is done as often as it is large otherwise: one that is done within
 * milliseconds would leave to others what it costs to collect its garbage.
 */
async function mean(work: (factor: number) => Promise<number>): Promise<number> {
  let seconds = 0;
  for (let time = 0; time < FACTOR; time++) seconds += await work(1);
  return seconds / FACTOR;
}
