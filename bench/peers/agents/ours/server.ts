/**
 * A server for clients of other processes.
 *
 * @module
 */

import type { Jobs } from "../jobs.ts";
import { host } from "./ends.ts";
import { listenTcp } from "./network.ts";

/** Listens for as long as the process lives. */
export async function listen(job: Jobs["listen"]["takes"]): Promise<Jobs["listen"]["gives"]> {
  const { port } = await listenTcp((flow) => void host(flow, job));
  return { port };
}
