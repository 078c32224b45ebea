/**
 * Channels of one connection that are busy at the same time, both ends in one process.
 *
 * @module
 */

import { usual } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show, showRatio } from "./harness/table.ts";
import type { Section } from "./section.ts";

const COUNTS = [1, 10, 100];

/** Channels that are busy at the same time. */
export const channels: Section = {
  name: "channels",
  title: "Busy channels of one connection, both ends in one process, in memory",
  async run({ peers, keys, megabytes, runs }) {
    await using agents = new Agents(
      peers,
      implementations.filter((name) => name !== "ssh2 on Node, no addon"),
    );
    const cases = agents.names.flatMap((name) =>
      COUNTS.map((count) => ({ name, count, title: `${name}, ${count}` }))
    );
    const bytes = megabytes / 2 * 1e6;
    const variants = new Map(cases.map(({ name, count, title }) =>
      [
        title,
        () => agents.get(name).ask("channels", { ...keys, ...usual, count, bytes }),
      ] as const
    ));
    const renew = () => agents.renew();
    const results = await measureByTurns(variants, runs, variants, renew);
    const speed = (title: string): number | undefined =>
      medianOf(results.get(title), ({ bytes, seconds }) => bytes / seconds);
    const rows = cases.map(({ name, count, title }) => {
      const share = (which: "least" | "most"): string => {
        const part = medianOf(results.get(title), (result) => result[which] / result.bytes);
        return show((part ?? NaN) * count, 2);
      };
      return [
        name,
        `${count}`,
        show((speed(title) ?? NaN) / 1e6),
        showRatio(speed(title), speed(`${name}, 1`)),
        share("least"),
        share("most"),
      ];
    });
    printTable(
      ["", "channels", "MB/s", "/ one channel", "least / fair share", "most / fair share"],
      rows,
    );
  },
};
