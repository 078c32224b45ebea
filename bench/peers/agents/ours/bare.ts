/**
 * What the runtime itself can do, with nothing of this implementation: what no implementation can
 * be faster than.
 *
 * @module
 */

import { repeat } from "../../harness/concurrency.ts";
import type { Jobs } from "../jobs.ts";
import { createLogin } from "./bare_arithmetic.ts";
import { listenOnDeno } from "./bare_deno.ts";
import { listenOnNode } from "./bare_node.ts";
import { createSocketsOnDeno, createSocketsOnNode } from "./bare_sockets.ts";

const isDeno = "Deno" in globalThis;

/** Listens for one connection, and seals or opens packets on it. */
export async function bareListen(
  job: Jobs["bareListen"]["takes"],
): Promise<Jobs["bareListen"]["gives"]> {
  return await (isDeno ? listenOnDeno : listenOnNode)(job);
}

/** Does the arithmetic of logins. */
export function bareArithmetic(
  { count }: Jobs["bareArithmetic"]["takes"],
): Promise<Jobs["bareArithmetic"]["gives"]> {
  const logIn = createLogin();
  const start = performance.now();
  for (let time = 0; time < count; time++) logIn();
  return Promise.resolve({ seconds: (performance.now() - start) / 1000 });
}

/** Makes pairs of sockets, so many at a time, over which as much goes as at a login. */
export async function bareSockets(
  { count, atOnce }: Jobs["bareSockets"]["takes"],
): Promise<Jobs["bareSockets"]["gives"]> {
  const sockets = await (isDeno ? createSocketsOnDeno : createSocketsOnNode)();
  const start = performance.now();
  await repeat(count, atOnce, sockets.logIn);
  await sockets.close();
  return { seconds: (performance.now() - start) / 1000 };
}
