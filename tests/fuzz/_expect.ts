/**
 * What a target may do with what it is given: take it, or refuse it with an error of the family.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SshError } from "../../wire/errors.ts";
import type { HostilePeer } from "../helpers/hostile_peer.ts";
import { assertNothingPends } from "../helpers/script.ts";

/** However much comes in, no more output than this may wait: what is answered is bounded. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

/** Lets a parser refuse. */
export function mayRefuse(parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
  }
}

/** Gives what is written; null if it cannot be: what was read may have a NUL in it. */
export function orUnwritable(write: () => string): string | null {
  try {
    return write();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Holds an engine to living on, or to a proper end. */
export async function mayEnd(peer: HostilePeer): Promise<void> {
  const { engine } = peer;
  await peer.settle();
  assert.ok(engine.outputBytes < MAX_OUTPUT_BYTES, `${engine.outputBytes}`);
  assert.ok(engine.channelCount <= 1000);
  if (engine.closed === null) return;
  if (!(engine.closed instanceof SshError)) throw engine.closed;
  assertNothingPends(peer);
}
