/**
 * What an agent hears, and what its client does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { agentClient } from "../../client/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import { AgentStore } from "../../keys/mod.ts";
import { serveAgent } from "../../server/mod.ts";
import { SshError } from "../../wire/errors.ts";
import { piecesOf } from "./_input.ts";

const MAX_KEYS = 3;

/**
 * The first byte says who hears the rest, and the second into how many pieces it is cut: each ends
 * by itself, or by an error of the family.
 */
export async function fuzz(data: Uint8Array): Promise<void> {
  const [here, there] = flowPair();
  const pieces = piecesOf(data.subarray(2), data[1] ?? 0);
  if ((data[0] ?? 0) % 2 === 0) {
    const store = new AgentStore({ maxKeys: MAX_KEYS, unlockDelayMs: 0, confirm: () => true });
    const serving = serveAgent(there, store, { onError: mustBeOurs }).catch(mustBeOurs);
    const draining = drain(here.read.bind(here));
    for (const piece of pieces) await here.write(piece).catch(mustBeOurs);
    await here.closeWrite().catch(mustBeOurs);
    await Promise.all([serving, draining]);
    assert.ok(store.keys.length <= MAX_KEYS);
    return;
  }
  const agent = agentClient(here);
  const asked = [agent.keys(), agent.lock("x"), agent.extensions(), agent.identities()];
  for (const answer of asked) answer.catch(() => {});
  for (const piece of pieces) await there.write(piece).catch(mustBeOurs);
  await there.closeWrite().catch(mustBeOurs);
  for (const answer of asked) await answer.catch(mustBeOurs);
  there.abort();
  await agent.close();
}

function mustBeOurs(error: unknown): void {
  if (!(error instanceof SshError)) throw error;
}

async function drain(read: () => Promise<unknown>): Promise<void> {
  for (let chunk = await next(read); chunk instanceof Uint8Array;) chunk = await next(read);
}

async function next(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    mustBeOurs(error);
    return null;
  }
}
