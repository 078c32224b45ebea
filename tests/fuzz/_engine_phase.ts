/**
 * Engines in each phase, and what is sent to them.
 *
 * @module
 */

import type { Role } from "../../protocol/gate.ts";
import { keyboardInteractive } from "../../protocol/auth/keyboard_interactive.ts";
import { password } from "../../protocol/auth/password.ts";
import { publicKey } from "../../protocol/auth/publickey.ts";
import type { AuthDecision } from "../../protocol/auth/decision.ts";
import type { AuthAttempt } from "../../protocol/auth/server.ts";
import { RecordingChannelSink } from "../helpers/application_sink.ts";
import { type PairOptions, testHostKey } from "../helpers/engine_pair.ts";
import { type HostilePeer, hostilePeer, type Stage } from "../helpers/hostile_peer.ts";
import { quickAlgorithms } from "../helpers/quick_kex.ts";
import { mayEnd } from "./_expect.ts";
import { payloadsOf } from "./_input.ts";

const LIMITS = { windowBytes: 500, maxPacketBytes: 200 };

/** A policy that has an answer of each kind. */
async function decide(attempt: AuthAttempt): Promise<AuthDecision> {
  switch (attempt.method) {
    case "none":
    case "hostbased":
      return false;
    case "publickey":
      return attempt.proven ? { partial: ["password", "keyboard-interactive"] } : true;
    case "password":
      return attempt.newPassword === null ? { changePassword: "Change it" } : false;
    case "keyboard-interactive": {
      const prompts = [{ prompt: "One", echo: false }, { prompt: "Two", echo: true }];
      await attempt.ask({ name: "", instruction: "", prompts });
      return false;
    }
  }
}

/** An engine, and a peer of the role in front of it that has come so far. */
export async function engineAt(role: Role, stage: Stage): Promise<HostilePeer> {
  const key = await testHostKey();
  const engine: PairOptions = {
    client: { algorithms: quickAlgorithms },
    server: { algorithms: quickAlgorithms },
    clientAuth: {
      methods: [
        publicKey(key, { probe: true }),
        keyboardInteractive(({ prompts }) => prompts.map(() => "answer")),
        password(() => "secret", { change: () => "new secret" }),
      ],
    },
    serverAuth: { maxAttempts: 20, ...(stage === "connected" ? {} : { authenticate: decide }) },
  };
  const peer = await hostilePeer({ role, engine, algorithms: quickAlgorithms });
  await peer.reach(stage);
  await peer.rest();
  return peer;
}

/** Answers all that the application is asked, this way and that. */
export function actAsApplication({ application }: HostilePeer): void {
  for (const [i, open] of application.opens.splice(0).entries()) {
    if (open.type.length % 3 === 1) open.reject(1, "no");
    else if (i % 4 !== 3) open.accept(new RecordingChannelSink(), LIMITS);
  }
  for (const request of application.globalRequests.splice(0)) {
    if (request.payload.length % 2 === 0) request.succeed(request.payload);
    else request.fail();
  }
}

/**
 * A target that seals payloads as an engine in a phase expects them.
 *
 * @returns What takes the data: its first byte says the role, the rest are the payloads.
 */
export function sealedTarget(
  stage: Stage,
  before: (peer: HostilePeer) => void = () => {},
): (data: Uint8Array) => Promise<void> {
  return async (data) => {
    const peer = await engineAt(((data[0] ?? 0) & 1) === 0 ? "client" : "server", stage);
    before(peer);
    for (const payload of payloadsOf(data.subarray(1))) {
      peer.send(payload);
      await peer.settle();
      if (peer.engine.closed !== null) break;
      actAsApplication(peer);
    }
    await mayEnd(peer);
  };
}
