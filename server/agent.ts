/**
 * An agent of our own, over any flow.
 *
 * @module
 */

import { withSignal } from "../connection/with_signal.ts";
import { asFlow } from "../flow/as_flow.ts";
import { Eof, type Flow, type FlowLike } from "../flow/flow.ts";
import {
  AgentMessageReader,
  frameAgentMessage,
  maxAgentMessageBytes,
} from "../keys/agent_framing.ts";
import { AgentBindings } from "../keys/agent_bindings.ts";
import { decodeAgentRequest, encodeAgentResponse } from "../keys/agent_protocol.ts";
import type { AgentStore } from "../keys/agent_store.ts";
import { ProtocolError } from "../wire/errors.ts";

/** What goes with {@linkcode serveAgent}. */
export interface ServeAgentOptions {
  /** Ends it: the flow is aborted. */
  readonly signal?: AbortSignal;
  /**
   * Told why a request was answered with failure, where something was thrown: by the peer's
   * malformed message, by a signer, or by a function of the store's.
   */
  readonly onError?: (error: unknown) => void;
}

/**
 * Answers an agent's requests over a flow: those of `ssh`, `ssh-add`, and whoever else speaks the
 * protocol (draft-ietf-sshm-ssh-agent). They are answered one after the other. Whoever has the
 * flow can sign with the store's keys, within their constraints: it is for the caller to see who
 * that is.
 *
 * @param flow The flow, such as an accepted connection of a UNIX socket. It is closed at the end.
 * @param store The keys.
 * @returns Resolves when the peer has ended.
 * @throws {ProtocolError} If a message is empty or too long; the flow has been aborted then.
 * @throws {Error} What broke the flow, or the signal's reason.
 *
 * @example
 * ```ts
 * import { agentClient } from "@sshflow/ssh/client";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { AgentStore, generateKey } from "@sshflow/ssh/keys";
 * import { serveAgent } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const store = new AgentStore();
 * store.add(await generateKey("ed25519"), { comment: "ada@example" });
 * const [near, far] = flowPair();
 * const serving = serveAgent(far, store);
 * const agent = agentClient(near);
 * const [key] = await agent.keys();
 * assert.equal(key?.comment, "ada@example");
 * await agent.close();
 * await serving;
 * ```
 *
 * @example For `ssh-add`, and for `ssh -o IdentityAgent=/run/user/1000/agent`
 * ```ts ignore
 * import { AgentStore } from "@sshflow/ssh/keys";
 * import { serveAgent } from "@sshflow/ssh/server";
 *
 * const store = new AgentStore();
 * const path = "/run/user/1000/agent";
 * for await (const conn of Deno.listen({ transport: "unix", path })) {
 *   serveAgent(conn, store).catch(console.error);
 * }
 * ```
 */
export async function serveAgent(
  flow: FlowLike,
  store: AgentStore,
  options: ServeAgentOptions = {},
): Promise<void> {
  const { signal } = options;
  const peer = asFlow(flow);
  const onAbort = (): void => peer.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    // The user may be asked, and never answer.
    await withSignal(answerAll(peer, store, options.onError ?? (() => {})), signal);
    await peer.close();
  } catch (error) {
    peer.abort(error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function answerAll(
  peer: Flow,
  store: AgentStore,
  onError: (error: unknown) => void,
): Promise<void> {
  const messages = new AgentMessageReader();
  const bindings = new AgentBindings();
  for (let chunk = await peer.read(); chunk !== Eof; chunk = await peer.read()) {
    messages.push(chunk);
    for (let message = messages.next(); message !== null; message = messages.next()) {
      const response = await answer(message, store, bindings, onError);
      // It may have been a passphrase, or a private key.
      message.fill(0);
      await peer.write(frameAgentMessage(response));
    }
  }
  if (messages.isWithin) {
    throw new ProtocolError("Cannot read agent message: the flow ended within it");
  }
}

async function answer(
  message: Uint8Array,
  store: AgentStore,
  bindings: AgentBindings,
  onError: (error: unknown) => void,
): Promise<Uint8Array> {
  try {
    const request = decodeAgentRequest(message);
    const response = encodeAgentResponse(await store.respond(request, bindings));
    if (response.length <= maxAgentMessageBytes) return response;
    throw new RangeError(`Cannot answer as an agent: ${response.length} bytes are too many`);
  } catch (error) {
    onError(error);
    return encodeAgentResponse({ type: "failure" });
  }
}
