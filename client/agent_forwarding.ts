/**
 * Lends an agent to a server: what runs there may sign with the keys of the user
 * (draft-ietf-sshm-ssh-agent section 4).
 *
 * @module
 */

import type { Channel, ChannelOpenRequest, Connection } from "../connection/mod.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { asFlow } from "../flow/as_flow.ts";
import { Eof, type Flow, type FlowLike } from "../flow/flow.ts";
import { proxy } from "../flow/proxy.ts";
import { encodeSessionBinding, sessionBindExtension } from "../keys/agent_bindings.ts";
import { AgentMessageReader, frameAgentMessage } from "../keys/agent_framing.ts";
import { encodeAgentExtension } from "../keys/agent_protocol.ts";
import { ChannelOpenReason, FlowClosedError, ProtocolError, RequestError } from "../wire/errors.ts";

/** Connects to an agent: each time that somebody at the server does. */
export type AgentSource = () => MaybePromise<FlowLike>;

/** The type of channels that lead to an agent. */
const AGENT_CHANNEL = "auth-agent@openssh.com";
const AGENT_REQUEST = "auth-agent-req@openssh.com";

/** Who lends an agent to the server of a connection. */
const lendings = new WeakMap<Connection, Lending>();

/**
 * Asks for an agent to be forwarded to a session, and connects channels to it. They are refused
 * again when all sessions that have asked are closed.
 *
 * @throws {RequestError} If the server refuses, and has not granted it to a session before.
 */
export async function forwardAgent(
  connection: Connection,
  session: Channel,
  source: AgentSource,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const lending = lendings.get(connection) ?? new Lending(connection);
  lendings.set(connection, lending);
  // It may be used before the answer is seen here.
  const stop = lending.begin(source);
  session.closed.then(stop, stop);
  try {
    await session.request(AGENT_REQUEST, undefined, options);
    lending.granted = true;
  } catch (error) {
    // OpenSSH's server grants it to the first session, and then has it for all of the connection.
    if (error instanceof RequestError && lending.granted) return;
    stop();
    throw error;
  }
}

/** The agents that are lent to one server. A channel does not tell which session it is for. */
class Lending {
  /** Whether the server has said yes to a session. */
  granted = false;
  readonly #connection: Connection;
  /** Agents that have not answered yet. */
  readonly #asked = new Set<Flow>();
  readonly #lent: { readonly source: AgentSource }[] = [];
  #giveBack: () => void = () => {};

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @returns What ends it. */
  begin(source: AgentSource): () => void {
    if (this.#lent.length === 0) {
      this.#giveBack = this.#connection.takeChannels(AGENT_CHANNEL, (open) => this.#take(open));
    }
    const one = { source };
    this.#lent.push(one);
    return () => {
      const at = this.#lent.indexOf(one);
      if (at === -1) return;
      this.#lent.splice(at, 1);
      if (this.#lent.length > 0) return;
      this.#giveBack();
      const reason = new FlowClosedError("Cannot lend an agent: the sessions have ended");
      for (const agent of this.#asked) agent.abort(reason);
    };
  }

  async #take(open: ChannelOpenRequest): Promise<void> {
    let agent: Flow | null = null;
    try {
      // Of several the last counts.
      const source = this.#lent.at(-1)?.source;
      if (source !== undefined) agent = asFlow(await source());
      if (agent !== null && this.#lent.length > 0) await this.#bind(agent);
    } catch (error) {
      // Why it cannot be reached, is nothing that the server has to know.
      agent?.abort(error);
      agent = null;
    }
    // The sessions may have ended meanwhile, and the connection with them.
    if (agent === null || this.#lent.length === 0) {
      agent?.abort();
      return open.reject(ChannelOpenReason.CONNECT_FAILED, "the agent cannot be reached");
    }
    const channel = open.accept({ afterEof: "close" });
    channel.drop("stderr");
    // Either end may leave at any time: the other one sees it, and nobody here has to.
    proxy(channel, agent).catch(() => {});
  }

  /**
   * Tells the agent to which server it is lent, as `ssh` does: whatever it answers, since many know
   * of no sessions. Those that do keep keys back that are not for use from there.
   */
  async #bind(agent: Flow): Promise<void> {
    const { info } = this.#connection;
    if (info === null) throw new TypeError("Cannot lend an agent: nothing has been agreed on");
    const { hostKey: { blob }, sessionId, hostKeySignature: signature } = info;
    const session = { hostKey: blob, sessionId, signature, forwarding: true };
    const payload = encodeSessionBinding(session);
    this.#asked.add(agent);
    try {
      await ask(agent, encodeAgentExtension(sessionBindExtension, payload));
    } finally {
      this.#asked.delete(agent);
    }
  }
}

/** Makes the first request of a flow, and waits for whatever is answered. */
async function ask(agent: Flow, request: Uint8Array): Promise<void> {
  await agent.write(frameAgentMessage(request));
  const messages = new AgentMessageReader();
  while (messages.next() === null) {
    const chunk = await agent.read();
    if (chunk === Eof) throw new FlowClosedError("Cannot lend an agent: it has closed the flow");
    messages.push(chunk);
  }
  if (messages.isWithin) {
    throw new ProtocolError("Cannot lend an agent: it answers what it was not asked");
  }
}
