/**
 * Connections that are made, with both ends in one process.
 *
 * @module
 */

import type { Medium } from "./agents/jobs.ts";
import { rivals } from "./both_ends.ts";
import { usual } from "./harness/ciphers.ts";
import { Agents, type Implementation, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show, showRatio } from "./harness/table.ts";
import type { Section } from "./section.ts";

/** One way of making connections. */
interface Way {
  readonly medium: Medium;
  readonly atOnce: number;
  readonly count: number;
}

/** Few, where one after another is slow over TCP for those who do not set TCP_NODELAY. */
const WAYS: readonly Way[] = [
  { medium: "memory", atOnce: 20, count: 600 },
  { medium: "memory", atOnce: 1, count: 50 },
  { medium: "tcp", atOnce: 20, count: 300 },
  { medium: "tcp", atOnce: 1, count: 12 },
];
const HYBRID = "mlkem768x25519-sha256";

/** Connections that are made, with both ends in one process. */
export const handshakes: Section = {
  name: "handshakes",
  title: "Handshakes a second, both ends in one process",
  async run({ peers, keys, runs }) {
    await using agents = new Agents(peers, implementations);
    const rows = [
      ...agents.names.map((name) => ({ title: name as string, name, kex: usual.kex })),
      ...agents.names.filter((name) => name.startsWith("sshflow"))
        .map((name) => ({ title: `${name}, ML-KEM`, name, kex: HYBRID })),
    ];
    const figures = new Map<string, (number | undefined)[]>(rows.map(({ title }) => [title, []]));
    for (const way of WAYS) {
      const variants = (way: Way) =>
        new Map(
          rows.map(({ title, name, kex }) =>
            [
              title,
              () => agents.get(name).ask("handshakes", { ...keys, ...usual, kex, ...way }),
            ] as const
          ),
        );
      const results = await measureByTurns(variants(way), runs, variants(way));
      for (const { title } of rows) {
        figures.get(title)?.push(
          medianOf(results.get(title), ({ seconds }) => way.count / seconds),
        );
      }
    }
    const rivalOf = (name: Implementation): (number | undefined)[] =>
      figures.get(rivals[name] ?? "") ?? [];
    printTable(
      ["", ...WAYS.flatMap(({ medium, atOnce }) => [`${medium}, ${atOnce} at once`, "/ ssh2"])],
      rows.map(({ title, name }) => [
        title,
        ...(figures.get(title) ?? []).flatMap((figure, index) => [
          show(figure),
          showRatio(figure, rivalOf(name)[index]),
        ]),
      ]),
    );
  },
};
