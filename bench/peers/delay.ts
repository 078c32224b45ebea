/**
 * One direction over a network that is fast and far.
 *
 * @module
 */

import { usual } from "./harness/ciphers.ts";
import { Agents, implementations } from "./harness/implementations.ts";
import { measureByTurns, medianOf } from "./harness/rounds.ts";
import { printTable, show } from "./harness/table.ts";
import type { Section } from "./section.ts";

const DELAY_MS = 50;
const DURATION_MS = 4500;
/** What a window of a fixed 2 MiB lets through, in bytes a second. */
const FIXED_WINDOW_SPEED = 2 * 1024 * 1024 / (2 * DELAY_MS / 1000);

/** One direction over a network that is fast and far. */
export const delay: Section = {
  name: "delay",
  title: `A network that takes ${DELAY_MS} ms each way, both ends in one process`,
  async run({ peers, keys, runs }) {
    const ours = implementations.filter((name) => name.startsWith("sshflow"));
    await using agents = new Agents(peers, ours);
    const variants = new Map(
      agents.names.map((name) =>
        [name as string, () =>
          agents.get(name).ask("delayed", {
            ...keys,
            ...usual,
            delayMs: DELAY_MS,
            durationMs: DURATION_MS,
          })] as const
      ),
    );
    const results = await measureByTurns(variants, Math.min(runs, 3));
    const megabytes = (bytes: number | undefined): string => show((bytes ?? NaN) / 1e6, 1);
    const rows = [...results].map(([name, measured]) => {
      const speed = medianOf(measured, ({ bytesPerSecond }) => bytesPerSecond);
      return [
        name,
        megabytes(speed),
        show((speed ?? NaN) / FIXED_WINDOW_SPEED, 1),
        megabytes(medianOf(measured, ({ averageBytesPerSecond }) => averageBytesPerSecond)),
        megabytes(medianOf(measured, ({ peakInFlightBytes }) => peakInFlightBytes)),
        megabytes(medianOf(measured, ({ peakResidentBytes }) => peakResidentBytes)),
      ];
    });
    rows.push(["2 MiB in 100 ms", megabytes(FIXED_WINDOW_SPEED), "1.0"]);
    printTable([
      "",
      "MB/s",
      "/ fixed 2 MiB",
      `MB/s, with its start`,
      "most on its way, MB",
      "most RSS beyond before, MB",
    ], rows);
  },
};
