/**
 * Attacks as scripts, a line each: how far to go, what to send, and what must come of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import type { Role } from "../../protocol/gate.ts";
import { DisconnectCode, ProtocolError, SshError } from "../../wire/errors.ts";
import {
  type HostilePeer,
  hostilePeer,
  type HostilePeerOptions,
  type Stage,
} from "./hostile_peer.ts";

/** One attack. */
export interface Script {
  /** What the peer does, as the end of a sentence. */
  readonly name: string;
  /** The role of the peer; both, one after the other, unless given. */
  readonly role?: Role;
  /** How far it goes honestly. */
  readonly stage: Stage;
  /** Whether it has then begun to exchange keys anew: it sends its KEXINIT after the stage. */
  readonly rekeying?: boolean;
  readonly options?: Omit<HostilePeerOptions, "role">;
  /** What it does then: sends payloads, or anything else. */
  readonly send: readonly Uint8Array[] | ((peer: HostilePeer) => void | Promise<void>);
  /** The code of the DISCONNECT: PROTOCOL_ERROR, unless given. */
  readonly code?: number;
  /** What the error says. */
  readonly message: RegExp;
  /** What the application may hear of it, beside the end. */
  readonly heard?: readonly string[];
}

/** A test for each script: the engine refuses what the peer does, and nothing else comes of it. */
export function refuses(scripts: readonly Script[]): void {
  for (const script of scripts) {
    const roles: readonly Role[] = script.role === undefined ? ["client", "server"] : [script.role];
    for (const role of roles) it(`a ${role} ${script.name}`, () => runScript(script, role));
  }
}

/** Runs a script, and holds the engine to what it has to do. */
export async function runScript(script: Script, role: Role): Promise<void> {
  const peer = await hostilePeer({ ...script.options, role });
  await peer.reach(script.stage);
  if (script.rekeying === true) await peer.beginExchange();
  await peer.settle();
  const heardBefore = peer.application.calls.length;
  if (typeof script.send === "function") await script.send(peer);
  else peer.send(...script.send);
  await assertEnded(peer, script.code ?? DisconnectCode.PROTOCOL_ERROR, script.message);
  assert.deepEqual(peer.application.calls.slice(heardBefore), script.heard ?? []);
}

/** Holds an engine to a proper end: it has said why, and nothing is left running. */
export async function assertEnded(
  peer: HostilePeer,
  code: number,
  message: RegExp,
): Promise<void> {
  const { engine, application } = peer;
  const disconnect = await peer.disconnect();
  const { closed } = engine;
  assert.ok(closed instanceof SshError, `It goes on, after ${application.calls}`);
  assert.match(closed.message, message);
  if (closed instanceof ProtocolError) assert.equal(closed.code, code, closed.message);
  assert.equal(disconnect?.code, code, closed.message);
  assertNothingPends(peer);
}

/** Nothing that the engine began is still under way, and it takes nothing more. */
export function assertNothingPends({ engine, application }: HostilePeer): void {
  assert.equal(application.timesClosed, 1);
  assert.equal(application.closed, engine.closed);
  assert.equal(engine.parked, null);
  assert.equal(engine.advance(0), null);
  assert.equal(engine.channelCount, 0);
  engine.takeOutput();
  engine.receive(new Uint8Array(100));
  engine.receiveEof();
  assert.equal(application.timesClosed, 1);
  assert.equal(engine.outputBytes, 0);
}

/** Holds an engine to living on: it still answers. */
export async function assertLives(peer: HostilePeer): Promise<void> {
  await peer.rest();
  assert.equal(peer.engine.closed, null);
  await peer.rekey();
  await peer.settle();
  assert.equal(peer.engine.closed, null);
}
