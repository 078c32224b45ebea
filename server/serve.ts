/**
 * Hosts SSH over a flow.
 *
 * @module
 */

import type { Channel, ChannelOptions } from "../connection/channel.ts";
import {
  type ChannelOpenRequest,
  Connection,
  type ConnectionHandlers,
  type GlobalRequest,
} from "../connection/connection.ts";
import type { FlowLike } from "../flow/flow.ts";
import type { AuthenticatedUser } from "../protocol/auth/server.ts";
import type { ConnectionInfo } from "../protocol/engine_options.ts";
import type { KexInit } from "../wire/transport_messages.ts";
import { ChannelOpenReason } from "../wire/errors.ts";
import { Held } from "./_held.ts";
import { HostedSession, type SessionContext } from "./_hosted_session.ts";
import { engineOptionsOf } from "./_engine_options.ts";
import { offerHostKeys } from "./_host_key_proof.ts";
import { permitsChannel, permitsRequest } from "./_permitted.ts";
import { report } from "./_report.ts";
import { Turns } from "./_turns.ts";
import type { ServeOptions } from "./serve_options.ts";
import type { ServerSession } from "./session.ts";

/** Types of channels that a server may know and does not allow, rather than not know. */
const FORWARDING_TYPES: readonly string[] = [
  "direct-tcpip",
  "forwarded-tcpip",
  "direct-streamlocal@openssh.com",
  "forwarded-streamlocal@openssh.com",
  "x11",
  "auth-agent@openssh.com",
  "tun@openssh.com",
];

/**
 * Hosts one client over a flow: authenticates it, and runs its sessions until it leaves.
 *
 * The defaults are safe: nobody is let in but by `authenticate`; sessions get a terminal and their
 * variables, but a shell, command or subsystem only if there is a handler for it; other channels
 * and global requests are refused. A handler that throws ends its own session, and nothing else.
 *
 * @param flow The flow, such as a `Deno.Conn`. It is the server's from now on.
 * @returns The connection, at once: see its {@linkcode ServerConnection.closed}.
 * @throws {TypeError} If there is no host key that could be used.
 *
 * @example A server that repeats what it is told
 * ```ts
 * import { serve } from "@sshflow/ssh/server";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { generateKey } from "@sshflow/ssh/keys";
 *
 * const [flow, client] = flowPair();
 * await using connection = serve(flow, {
 *   hostKeys: [await generateKey("ed25519")],
 *   authenticate: (attempt) => attempt.method === "password" && attempt.password === "sesame",
 *   session: (session) => session.stdin.pipeTo(session.stdout),
 * });
 * client.abort();
 * ```
 */
export function serve(flow: FlowLike, options: ServeOptions): ServerConnection {
  return new ServerConnection(flow, options);
}

/** A client that is being served. */
export class ServerConnection {
  /** The connection itself, for what has no method here: its channels, requests, keys. */
  readonly connection: Connection;
  readonly #options: ServeOptions;
  readonly #sessions = new Set<Held<HostedSession>>();
  #context: SessionContext | null = null;
  #sessionCount = 0;
  #noMoreSessions = false;

  /**
   * Connections are made by {@linkcode serve}.
   *
   * @param prepared What is made before the connection: for `spawnServer`.
   */
  constructor(flow: FlowLike, options: ServeOptions, prepared: { kexInit?: KexInit } = {}) {
    this.#options = options;
    const handlers: ConnectionHandlers = {
      onChannelOpen: (open) => this.#takeChannel(open),
      onGlobalRequest: (request) => this.#takeRequest(request),
      onDebug: options.onDebug,
    };
    const engine = engineOptionsOf(flow, options, {
      kexInit: prepared.kexInit,
      info: () => this.connection.info,
      onError: (error) => this.#report(error, null),
    });
    this.connection = new Connection(flow, engine, handlers);
    if (options.announceHostKeys !== false) {
      offerHostKeys(this.connection, options.hostKeys, (error) => this.#report(error, null));
    }
    this.#closeOn(options.signal);
  }

  /** Resolves when a user is authenticated; rejects if that fails. */
  get authenticated(): Promise<AuthenticatedUser> {
    return this.connection.authenticated;
  }

  /** Who is logged in; null before that. */
  get user(): AuthenticatedUser | null {
    return this.connection.user;
  }

  /** What was agreed on; null before the first key exchange is done. */
  get info(): ConnectionInfo | null {
    return this.connection.info;
  }

  /** The sessions that are open. */
  get sessions(): readonly ServerSession[] {
    return [...this.#sessions].map(({ value }) => value).filter((session) => session !== null);
  }

  /**
   * Resolves when the connection has ended in good order, by either end; rejects with what ended
   * it otherwise. The flow has been let go of then.
   */
  get closed(): Promise<void> {
    return this.connection.closed;
  }

  /** Opens a channel to the client: see `Connection.openChannel`. */
  openChannel(
    type: string,
    options: ChannelOptions & { extra?: Uint8Array; signal?: AbortSignal } = {},
  ): Promise<Channel> {
    return this.connection.openChannel(type, options);
  }

  /**
   * Ends the connection, and its sessions with it, and says so to the client. A second call waits
   * for the first.
   *
   * @param options.signal Aborts the wait: the flow is dropped then.
   */
  close(
    options: { code?: number; description?: string; signal?: AbortSignal } = {},
  ): Promise<void> {
    return this.connection.close(options);
  }

  /** Ends the connection now, and drops the flow. */
  abort(reason?: unknown): void {
    this.connection.abort(reason);
  }

  /** Calls {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #closeOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = (): void => void this.close();
    if (signal.aborted) return close();
    signal.addEventListener("abort", close, { once: true });
    const forget = (): void => signal.removeEventListener("abort", close);
    this.closed.then(forget, forget);
  }

  #takeChannel(open: ChannelOpenRequest): void {
    if (open.type === "session") return this.#takeSession(open);
    if (!permitsChannel(open.type, open.extra, this.user?.permissions ?? {})) {
      const why = "this login may not forward that";
      return open.reject(ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED, why);
    }
    let decided = false;
    const decide = <T>(decision: () => T): T => {
      decided = true;
      return decision();
    };
    const offered: ChannelOpenRequest = {
      type: open.type,
      extra: open.extra,
      accept: (options) => decide(() => open.accept(options)),
      reject: (reason, description) => decide(() => open.reject(reason, description)),
    };
    this.#offer(() => this.#options.onChannelOpen?.(offered), () => {
      if (decided) return;
      const isKnown = FORWARDING_TYPES.includes(open.type);
      if (isKnown) {
        open.reject(ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED, "this is not allowed here");
      } else {
        open.reject(ChannelOpenReason.UNKNOWN_CHANNEL_TYPE, "this type of channel is not known");
      }
    });
  }

  #takeSession(open: ChannelOpenRequest): void {
    const login = this.user;
    if (this.#noMoreSessions || login === null) {
      const why = "no more sessions were to be opened";
      return open.reject(ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED, why);
    }
    const { windowBytes, maxWindowBytes, maxPacketBytes } = this.#options;
    const channel = open.accept({
      onRequest: (request) => session.handleRequest(request),
      onEof: () => session.handleEof(),
      // Whatever the session is told of it, it is told when all that has arrived is parsed.
      onClosed: (reason) => queueMicrotask(() => this.#endSession(held, reason)),
      windowBytes,
      maxWindowBytes,
      maxPacketBytes,
    });
    const context = this.#context ??= this.#makeContext(login);
    const session = new HostedSession(this.#sessionCount++, channel, context);
    const held = new Held(session);
    this.#sessions.add(held);
    this.#notice(() => this.#options.onSession?.(session), session);
  }

  #makeContext(login: AuthenticatedUser): SessionContext {
    return {
      connection: this.connection,
      login,
      options: this.#options,
      turns: new Turns(),
      onError: (error, session) => this.#report(error, session),
    };
  }

  #endSession(held: Held<HostedSession>, reason: unknown): void {
    this.#sessions.delete(held);
    held.value?.handleClosed(reason instanceof Error ? reason : undefined);
    held.value = null;
  }

  #takeRequest(request: GlobalRequest): void {
    // OpenSSH's PROTOCOL section 2.2: whoever gets hold of the connection later gets no session.
    if (request.name === "no-more-sessions@openssh.com") {
      this.#noMoreSessions = true;
      return request.succeed();
    }
    const { name, payload } = request;
    if (!permitsRequest(name, payload, this.user?.permissions ?? {})) return request.fail();
    let decided = false;
    const offered: GlobalRequest = {
      name: request.name,
      payload: request.payload,
      wantReply: request.wantReply,
      succeed: (payload) => {
        decided = true;
        request.succeed(payload);
      },
      fail: () => {
        decided = true;
        request.fail();
      },
    };
    this.#offer(() => this.#options.onGlobalRequest?.(offered), () => {
      if (!decided) request.fail();
    });
  }

  /** Lets a policy decide, at once if it can, and then does what it has left undone. */
  #offer(policy: () => Promise<void> | void, then: () => void): void {
    const fail = (error: unknown): void => {
      this.#report(error, null);
      then();
    };
    try {
      const pending = policy();
      if (pending === undefined) then();
      else pending.then(then, fail);
    } catch (error) {
      fail(error);
    }
  }

  #notice(tell: () => void, session: ServerSession): void {
    try {
      tell();
    } catch (error) {
      this.#report(error, session);
    }
  }

  #report(error: unknown, session: ServerSession | null): void {
    report(this.#options.onError, error, session);
  }
}
