/**
 * A part of the whole run.
 *
 * @module
 */

import type { Keys } from "./agents/jobs.ts";
import type { Peers } from "./harness/implementations.ts";

/** What was asked for, and what there is to measure with. */
export interface Setting {
  readonly peers: Peers;
  readonly keys: Keys;
  /** How much is moved at a time, in MB of 10^6 bytes. */
  readonly megabytes: number;
  /** How often each figure is measured; the median is shown. */
  readonly runs: number;
  /** How many connections are held at once. */
  readonly connections: number;
}

/** A part of the whole run: it measures, and prints tables. */
export interface Section {
  readonly name: string;
  readonly title: string;
  run(setting: Setting): Promise<void>;
}
