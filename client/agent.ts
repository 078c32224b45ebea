/**
 * Agents, as their clients see them: they hold keys, and sign with them.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { withSignal } from "../connection/with_signal.ts";
import { asFlow } from "../flow/as_flow.ts";
import { Eof, type Flow, type FlowLike } from "../flow/flow.ts";
import { encodeSessionBinding, sessionBindExtension } from "../keys/agent_bindings.ts";
import {
  AgentMessageReader,
  frameAgentMessage,
  maxAgentMessageBytes,
} from "../keys/agent_framing.ts";
import {
  type AgentConstraints,
  type AgentIdentity,
  type AgentRequest,
  type AgentResponse,
  AgentSignFlags,
  decodeAgentResponse,
  encodeAgentRequest,
} from "../keys/agent_protocol.ts";
import type { Certificate } from "../keys/certificate.ts";
import { plainAlgorithm } from "../keys/certificate_algorithms.ts";
import { parsePublicKey } from "../keys/public_key.ts";
import type { PrivateKey, PublicKey, SessionBinding, Signer } from "../keys/types.ts";
import type {
  ClientAuthContext,
  ClientAuthMethod,
  ClientAuthOutcome,
} from "../protocol/auth/client.ts";
import { bindingOf, PUBLICKEY, publicKey } from "../protocol/auth/publickey.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";
import { EMPTY } from "../wire/empty.ts";
import {
  FlowClosedError,
  KeyFormatError,
  printable,
  ProtocolError,
  RequestError,
} from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import type { AgentSource } from "./agent_forwarding.ts";
import type { WaitOptions } from "./session.ts";

/** A key that an agent holds: it signs there. */
export interface AgentKey extends Signer {
  /** What people know it by. */
  readonly comment: string;
}

/** What goes with a key that is added to an agent. */
export interface AddKeyOptions extends AgentConstraints, WaitOptions {
  /** The comment in the place of the key's own. */
  readonly comment?: string;
  /** The key's certificate, if the agent is to have that too: it is a key of its own to agents. */
  readonly certificate?: Certificate;
}

/**
 * Speaks to an agent over a flow (draft-ietf-sshm-ssh-agent).
 *
 * @param flow The flow: a connection to the agent's UNIX socket, or a channel that leads to a
 *   forwarded agent. It is the client's from now on.
 *
 * @example The user's agent
 * ```ts ignore
 * import { agentAuth, connect } from "@sshflow/ssh/client";
 *
 * const path = Deno.env.get("SSH_AUTH_SOCK");
 * const auth = agentAuth(() => Deno.connect({ transport: "unix", path }));
 * const conn = await Deno.connect({ hostname: "server.example", port: 22 });
 * await using ssh = await connect(conn, { user: "ada", auth, verifyHostKey });
 * ```
 *
 * @example An agent in memory
 * ```ts
 * import { agentClient } from "@sshflow/ssh/client";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { AgentStore, generateKey } from "@sshflow/ssh/keys";
 * import { serveAgent } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const [near, far] = flowPair();
 * const serving = serveAgent(far, new AgentStore());
 * const agent = agentClient(near);
 * const key = await generateKey("ed25519");
 * await agent.add(key, { comment: "ada@example", lifetimeSeconds: 60 });
 * const [signer] = await agent.keys();
 * const data = new TextEncoder().encode("a message");
 * assert.ok(signer);
 * const signature = await signer.sign("ssh-ed25519", data);
 * assert.equal(await key.publicKey.verify("ssh-ed25519", data, signature), true);
 * await agent.close();
 * await serving;
 * ```
 */
export function agentClient(flow: FlowLike): AgentClient {
  return new AgentClient(flow);
}

/**
 * Authenticates with each key of an agent, in its order. The server is asked first if it would take
 * the key, which spares signatures that the user may have to confirm.
 *
 * The agent is told of the session, as `ssh` tells it, so that keys can be used which it restricts
 * to destinations: see {@linkcode AgentClient.bind}. It is asked for its keys after that.
 *
 * Servers end the connection after some attempts, six with OpenSSH: where an agent has many keys,
 * choose among {@linkcode AgentClient.keys}, and give each to `publicKey`.
 *
 * @param agent The agent, which stays open, and can be bound to one login only; or a function that
 *   connects to it at each login, and what it gives is closed after that.
 */
export function agentAuth(agent: AgentClient | AgentSource): readonly ClientAuthMethod[] {
  return [{
    name: PUBLICKEY,
    async authenticate(context) {
      if (agent instanceof AgentClient) return await keyMethods(agent, context);
      let opened: AgentClient;
      try {
        opened = agentClient(await agent());
      } catch (error) {
        return { outcome: "skipped", why: `the agent cannot be reached: ${reasonOf(error)}` };
      }
      const close = (): void => void opened.close().catch(() => {});
      context.over.addEventListener("abort", close, { once: true });
      if (context.over.aborted) close();
      return await keyMethods(opened, context);
    },
  }];
}

/** A method for each key that the agent has for this session. */
async function keyMethods(
  agent: AgentClient,
  context: ClientAuthContext,
): Promise<ClientAuthOutcome> {
  try {
    await agent.bind(bindingOf(context));
    const keys = await agent.keys();
    if (keys.length === 0) return { outcome: "skipped", why: "the agent has no keys" };
    return { outcome: "replaced", by: keys.map((key) => publicKey(key, { probe: true })) };
  } catch (error) {
    return { outcome: "skipped", why: `the agent gave no keys: ${reasonOf(error)}` };
  }
}

/**
 * An agent. Requests may be made at any time; they are answered one after the other. A request
 * that is refused rejects with a `RequestError`; one that the flow's end leaves unanswered, with
 * what ended it. Where a wait is given up, the agent is not told, and may still do what was asked.
 */
export class AgentClient {
  readonly #flow: Flow;
  /** Who waits for an answer, in the order of the requests. */
  readonly #waiting: Deferred<AgentResponse>[] = [];
  readonly #reading: Promise<void>;
  #ended: { readonly reason: unknown } | null = null;
  #binding: { readonly session: SessionBinding; readonly done: Promise<boolean> } | null = null;

  /** Clients are made by {@linkcode agentClient}. */
  constructor(flow: FlowLike) {
    this.#flow = asFlow(flow);
    this.#reading = this.#read();
  }

  /** What the agent holds, also keys of types that are not known here. */
  async identities(options: WaitOptions = {}): Promise<readonly AgentIdentity[]> {
    const response = await this.#ask({ type: "list" }, "list its keys", options);
    if (response.type !== "identities") throw this.#unfit(response, "list its keys");
    return response.identities.map(({ blob, comment }) => ({ blob: blob.slice(), comment }));
  }

  /** The keys that can sign, certificates among them; those of types not known here are left out. */
  async keys(options: WaitOptions = {}): Promise<readonly AgentKey[]> {
    const keys: AgentKey[] = [];
    for (const { blob, comment } of await this.identities(options)) {
      const key = parseOrNull(blob, comment);
      if (key === null) continue;
      keys.push({
        publicKey: key,
        comment,
        sign: (algorithm, data) => this.sign(key, data, { algorithm }),
        bind: async (session) => void await this.bind(session),
      });
    }
    return keys;
  }

  /**
   * Has the agent sign.
   *
   * @param key One that it holds.
   * @param options `algorithm`: one of the key's, the first of them unless given.
   * @returns The signature in the encoding of RFC 4253 section 6.6.
   * @throws {RangeError} If the key has no such algorithm.
   * @throws {ProtocolError} If the agent has used another one; the signature is not given then.
   */
  async sign(
    key: PublicKey,
    data: Uint8Array,
    options: WaitOptions & { readonly algorithm?: string } = {},
  ): Promise<Uint8Array> {
    const { algorithm = key.algorithms[0] ?? "none" } = options;
    if (!key.algorithms.includes(algorithm)) {
      throw new RangeError(
        `Cannot sign with a key of type ${key.type}: its algorithms are ` +
          `${key.algorithms.join(", ")}, not ${algorithm}`,
      );
    }
    const flags = flagsOf(algorithm);
    const request = { type: "sign", key: key.blob, data, flags } as const;
    const response = await this.#ask(request, "sign", options);
    if (response.type !== "signature") throw this.#unfit(response, "sign");
    const used = new Reader(response.signature, "agent's signature").name("algorithm", 256);
    if (used !== plainAlgorithm(algorithm)) {
      throw new ProtocolError(
        `Cannot sign: the agent was to use ${plainAlgorithm(algorithm)}, and used ${used}`,
      );
    }
    return response.signature.slice();
  }

  /**
   * Tells the agent which session what follows is for (OpenSSH's PROTOCOL.agent, section 1): it
   * gives and uses keys only where their destinations allow it. Whoever logs in with its keys need
   * not call this: `publicKey` does. An agent can be bound to one login only.
   *
   * @returns Whether the agent has taken it: not if it knows of no sessions, or is bound already.
   * @throws {Error} What has ended the agent.
   */
  async bind(session: SessionBinding, options: WaitOptions = {}): Promise<boolean> {
    const { hostKey, sessionId, signature, forwarding } = session;
    if (!isSame(this.#binding?.session, session)) {
      const done = this.extension(sessionBindExtension, encodeSessionBinding(session)).then(
        () => true,
        (error) => {
          if (error instanceof RequestError) return false;
          throw error;
        },
      );
      done.catch(() => {});
      this.#binding = { session: { hostKey, sessionId, signature, forwarding }, done };
    }
    return await withSignal(this.#binding?.done ?? Promise.resolve(false), options.signal);
  }

  /**
   * Adds a key; the same key with other constraints takes its place.
   *
   * @throws {RangeError} If the lifetime is not a number of seconds from 1 on, or there are
   *   destinations without a name or a key.
   */
  async add(key: PrivateKey, options: AddKeyOptions = {}): Promise<void> {
    const { comment = key.comment, certificate = null, signal: _, ...constraints } = options;
    const request = { type: "add", key, certificate, comment, constraints } as const;
    await this.#do(request, "add a key", options);
  }

  /** Has it forget a key. */
  async remove(key: PublicKey, options: WaitOptions = {}): Promise<void> {
    await this.#do({ type: "remove", key: key.blob }, "remove a key", options);
  }

  /** Has it forget all keys. */
  async removeAll(options: WaitOptions = {}): Promise<void> {
    await this.#do({ type: "remove-all" }, "remove all keys", options);
  }

  /** Has it do nothing until it is unlocked. */
  async lock(passphrase: string, options: WaitOptions = {}): Promise<void> {
    const bytes = new TextEncoder().encode(passphrase);
    await this.#do({ type: "lock", passphrase: bytes }, "lock", options);
  }

  /** Undoes {@linkcode AgentClient.lock}. */
  async unlock(passphrase: string, options: WaitOptions = {}): Promise<void> {
    const bytes = new TextEncoder().encode(passphrase);
    await this.#do({ type: "unlock", passphrase: bytes }, "unlock", options);
  }

  /**
   * Makes a vendor's request.
   *
   * @param name Such as `query`, or `session-bind@openssh.com`.
   * @returns What the agent answers with; nothing, if only that it was done.
   */
  async extension(
    name: string,
    payload: Uint8Array = EMPTY,
    options: WaitOptions = {},
  ): Promise<Uint8Array> {
    const what = `do ${name}`;
    const response = await this.#ask({ type: "extension", name, payload }, what, options);
    if (response.type === "success") return response.payload.slice();
    if (response.type !== "extension") throw this.#unfit(response, what);
    if (response.name !== name) {
      throw new ProtocolError(
        `Cannot ${what}: the agent answered to ${printable(response.name)}`,
      );
    }
    return response.payload.slice();
  }

  /** The names of the extensions that the agent knows; it may not know how to tell. */
  async extensions(options: WaitOptions = {}): Promise<readonly string[]> {
    const reader = new Reader(
      await this.extension("query", undefined, options),
      "agent's extensions",
    );
    const names: string[] = [];
    while (reader.remaining > 0) names.push(reader.name("extension", 256));
    return names;
  }

  /** Ends it. What waits for an answer is rejected. */
  async close(options: WaitOptions = {}): Promise<void> {
    this.#end(new FlowClosedError("Cannot ask the agent: the client was closed"));
    await this.#flow.close(options).catch((error) => {
      if (options.signal?.aborted) throw error;
    });
    await this.#reading;
  }

  /** Calls {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #do(request: AgentRequest, what: string, options: WaitOptions): Promise<void> {
    const response = await this.#ask(request, what, options);
    if (response.type !== "success") throw this.#unfit(response, what);
  }

  /** @throws {RequestError} If the agent answers with failure. */
  async #ask(request: AgentRequest, what: string, options: WaitOptions): Promise<AgentResponse> {
    options.signal?.throwIfAborted();
    if (this.#ended !== null) throw this.#ended.reason;
    const message = encodeAgentRequest(request);
    if (message.length > maxAgentMessageBytes) {
      throw new RangeError(`Cannot ${what}: a request of ${message.length} bytes is too long`);
    }
    const answer = deferred<AgentResponse>();
    // Whoever gives up waiting leaves the answer its place in the order.
    answer.promise.catch(() => {});
    this.#waiting.push(answer);
    this.#flow.write(frameAgentMessage(message)).catch((error) => this.#fail(error));
    const response = await withSignal(answer.promise, options.signal);
    if (response.type === "failure" || response.type === "extension-failure") {
      throw new RequestError(`Cannot ${what}: the agent refused`);
    }
    return response;
  }

  /** The answer to another question: nothing that comes then can be relied on. */
  #unfit(response: AgentResponse, what: string): ProtocolError {
    const error = new ProtocolError(`Cannot ${what}: the agent answered with ${response.type}`);
    this.#fail(error);
    return error;
  }

  async #read(): Promise<void> {
    const messages = new AgentMessageReader();
    try {
      for (let chunk = await this.#flow.read(); chunk !== Eof; chunk = await this.#flow.read()) {
        messages.push(chunk);
        for (let message = messages.next(); message !== null; message = messages.next()) {
          this.#take(message);
        }
      }
      throw new FlowClosedError("Cannot ask the agent: it has closed the flow");
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(message: Uint8Array): void {
    if (this.#ended !== null) return;
    const answer = this.#waiting.shift();
    if (answer === undefined) {
      throw new ProtocolError(
        `Cannot read agent's answer: message ${message[0]} came, and nothing was asked`,
      );
    }
    try {
      answer.resolve(decodeAgentResponse(message));
    } catch (error) {
      answer.reject(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (this.#ended !== null) return;
    this.#end(error);
    this.#flow.abort(error);
  }

  #end(reason: unknown): void {
    this.#ended ??= { reason };
    for (const answer of this.#waiting.splice(0)) answer.reject(this.#ended.reason);
  }
}

function isSame(bound: SessionBinding | undefined, session: SessionBinding): boolean {
  return bound !== undefined && bound.forwarding === session.forwarding &&
    equalBytes(bound.sessionId, session.sessionId) && equalBytes(bound.hostKey, session.hostKey);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function flagsOf(algorithm: string): number {
  switch (plainAlgorithm(algorithm)) {
    case "rsa-sha2-256":
      return AgentSignFlags.RSA_SHA2_256;
    case "rsa-sha2-512":
      return AgentSignFlags.RSA_SHA2_512;
  }
  return 0;
}

function parseOrNull(blob: Uint8Array, comment: string): PublicKey | null {
  try {
    return parsePublicKey(blob, { comment });
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}
