/**
 * An SSH connection over a flow, for either role.
 *
 * @module
 */

import { asFlow } from "../flow/as_flow.ts";
import type { FlowLike } from "../flow/flow.ts";
import type { AuthenticatedUser } from "../protocol/auth/server.ts";
import type { ChannelLimits } from "../protocol/connection/channel.ts";
import type {
  IncomingChannelOpen,
  IncomingGlobalRequest,
} from "../protocol/connection/multiplexer.ts";
import type { ConnectionInfo } from "../protocol/engine_options.ts";
import type { Role } from "../protocol/gate.ts";
import { KEEPALIVE_REQUEST } from "../protocol/keepalive.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";
import { EMPTY } from "../wire/empty.ts";
import {
  ChannelOpenReason,
  DisconnectCode,
  DisconnectError,
  RequestError,
} from "../wire/errors.ts";
import { AsyncQueue } from "./async_queue.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import { type DrivenEngineOptions, Driver } from "./driver.ts";
import { SendScheduler } from "./send_scheduler.ts";
import { withSignal } from "./with_signal.ts";

/** A channel that the peer wants to open. It has to be accepted or rejected, at any time. */
export interface ChannelOpenRequest {
  /** Its type, such as `session`. */
  readonly type: string;
  /** What is specific to the type (RFC 4254). */
  readonly extra: Uint8Array;
  /** Opens it. */
  accept(options?: ChannelOptions): Channel;
  /** Refuses it; the reason is one of {@linkcode ChannelOpenReason}. */
  reject(reason: number, description?: string): void;
}

/** A global request that the peer makes. It has to be answered, at any time. */
export interface GlobalRequest {
  /** Its name, such as `tcpip-forward`. */
  readonly name: string;
  /** What is specific to it. */
  readonly payload: Uint8Array;
  /** Whether the peer waits for an answer. */
  readonly wantReply: boolean;
  /** Grants it. Without a reply wanted nothing is sent. */
  succeed(payload?: Uint8Array): void;
  /** Denies it. */
  fail(): void;
}

/** What a connection does with what the peer asks for, and whom it tells. */
export interface ConnectionHandlers {
  /** Takes the channels that the peer opens, in place of {@linkcode Connection.channels}. */
  readonly onChannelOpen?: ((open: ChannelOpenRequest) => void) | undefined;
  /** Takes the peer's global requests, in place of {@linkcode Connection.requests}. */
  readonly onGlobalRequest?: ((request: GlobalRequest) => void) | undefined;
  /** Told what the server shows before authentication: the peer's text, as it came. */
  readonly onBanner?: ((message: string) => void) | undefined;
  /** Told of DEBUG messages and of lines before the identification: the peer's text. */
  readonly onDebug?: ((message: string) => void) | undefined;
}

const DEFAULT_WINDOW_BYTES = 2 * 1024 * 1024;
/** Enough for 300 MB/s at a round trip of 100 ms. */
const DEFAULT_MAX_WINDOW_BYTES = 32 * 1024 * 1024;
const DEFAULT_MAX_PACKET_BYTES = 32 * 1024;
/** Between two of us: fewer packets, of which each costs some time whatever its length. */
const OWN_MAX_PACKET_BYTES = 128 * 1024;
const OWN_IDENTIFICATION = /^SSH-2\.0-sshflow_/;
/** Global requests that nobody has taken; more are denied. */
const MAX_WAITING_REQUESTS = 1000;

/** An SSH connection. It is made by `connect` and `serve`, or by hand for other protocols. */
export class Connection {
  readonly #driver: Driver;
  readonly #handlers: ConnectionHandlers;
  readonly #scheduler: SendScheduler;
  readonly #authenticated: Deferred<AuthenticatedUser> = deferred();
  readonly #closed: Deferred<void> = deferred();
  readonly #pending: Set<Deferred<Uint8Array>> = new Set();
  readonly #takers: Map<string, (open: ChannelOpenRequest) => void> = new Map();
  readonly #requestTakers: Map<string, (request: GlobalRequest) => void> = new Map();
  #channels: AsyncQueue<ChannelOpenRequest> | null = null;
  #requests: AsyncQueue<GlobalRequest> | null = null;
  #reason: Error | null = null;
  #openChannels = 0;
  readonly #onChannelOver = (): void => void this.#openChannels--;

  /**
   * Takes a flow over. The identification is sent at once.
   *
   * @param flow The flow, or a pair of streams. It is the connection's from now on.
   * @param options How the engine of either role is set up.
   */
  constructor(flow: FlowLike, options: DrivenEngineOptions, handlers: ConnectionHandlers = {}) {
    this.#handlers = handlers;
    this.#driver = new Driver(asFlow(flow), options, {
      onAuthenticated: (user) => this.#authenticated.resolve(user),
      onChannelOpen: (open) => this.#takeChannelOpen(open),
      onGlobalRequest: (request) => this.#takeGlobalRequest(request),
      onDrained: () => this.#scheduler.pump(),
      onClosed: (reason) => this.#handleClosed(reason),
      onReleased: () => this.#handleReleased(),
      onBanner: ({ message }) => handlers.onBanner?.(message),
      onLine: (line) => handlers.onDebug?.(line),
      onDebug: ({ message }) => handlers.onDebug?.(message),
    });
    this.#scheduler = new SendScheduler(() => this.#driver.hasRoom && this.#driver.engine.sendable);
    // Whoever does not wait for these is not to be told by an unhandled rejection.
    this.#authenticated.promise.catch(() => {});
    this.#closed.promise.catch(() => {});
    this.#driver.start();
  }

  /** Which end this is. */
  get role(): Role {
    return this.#driver.engine.role;
  }

  /** Resolves when the user is authenticated; rejects if that fails. */
  get authenticated(): Promise<AuthenticatedUser> {
    return this.#authenticated.promise;
  }

  /** Who is authenticated; null before that. */
  get user(): AuthenticatedUser | null {
    return this.#driver.engine.user;
  }

  /** What was agreed on; null before the first key exchange is done. */
  get info(): ConnectionInfo | null {
    return this.#driver.engine.info;
  }

  /**
   * Resolves when the connection has ended in good order, by either end; rejects with what ended
   * it otherwise. The flow has been let go of then.
   */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Why the connection has ended; null while it lives. */
  get closeReason(): Error | null {
    return this.#reason;
  }

  /**
   * The channels that the peer opens, for one consumer. Before this is asked for, and without
   * `onChannelOpen`, they are refused.
   */
  get channels(): AsyncIterableIterator<ChannelOpenRequest> {
    return this.#channels ??= this.#queue<ChannelOpenRequest>();
  }

  /**
   * The peer's global requests, for one consumer. Before this is asked for, and without
   * `onGlobalRequest`, they are denied.
   */
  get requests(): AsyncIterableIterator<GlobalRequest> {
    return this.#requests ??= this.#queue<GlobalRequest>();
  }

  /**
   * Opens a channel.
   *
   * @param type Its type, such as `session`.
   * @param extra What is specific to the type, encoded.
   * @throws {ChannelOpenError} If the peer refuses.
   */
  async openChannel(
    type: string,
    options: ChannelOptions & { extra?: Uint8Array; signal?: AbortSignal } = {},
  ): Promise<Channel> {
    options.signal?.throwIfAborted();
    const channel = this.createChannel(type, options);
    try {
      await withSignal(channel.opened, options.signal);
      return channel;
    } catch (error) {
      // If the peer confirms after all, the channel is closed again.
      channel.abort(error);
      throw error;
    }
  }

  /**
   * Opens a channel, and does not wait for the peer: its streams can be handed on already. What
   * the peer says is told by {@linkcode Channel.opened}, before which nothing else can be asked of
   * the channel than to close it.
   *
   * @param type Its type, such as `session`.
   * @param options As those of {@linkcode openChannel}.
   * @throws {Error} What ended the connection, if something has.
   */
  createChannel(type: string, options: ChannelOptions & { extra?: Uint8Array } = {}): Channel {
    const limits = this.#limitsOf(options);
    const channel = new Channel(type, this.#scheduler, options);
    const extra = options.extra ?? EMPTY;
    channel.attach(this.#driver.engine.openChannel(type, extra, limits, this.#counted(channel)));
    return channel;
  }

  /**
   * Makes a global request, and waits for the answer.
   *
   * @param payload What is specific to it, encoded.
   * @returns What is specific to the answer.
   * @throws {RequestError} If the peer denies it.
   */
  async request(
    name: string,
    payload: Uint8Array = EMPTY,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    const answer = deferred<Uint8Array>();
    this.#driver.engine.sendGlobalRequest(name, payload, (reply) => {
      this.#pending.delete(answer);
      if (reply !== null) answer.resolve(reply);
      else answer.reject(new RequestError(`Cannot do ${name}: the peer denied the request`));
    });
    this.#pending.add(answer);
    return await withSignal(answer.promise, options.signal);
  }

  /** Makes a global request that no answer is wanted to. */
  notify(name: string, payload: Uint8Array = EMPTY): void {
    this.#driver.engine.sendGlobalRequest(name, payload, null);
  }

  /**
   * Has global requests of one name taken apart from all others: neither `onGlobalRequest` nor
   * {@linkcode Connection.requests} gets to see them.
   *
   * @param name Such as `hostkeys-00@openssh.com`.
   * @param take Grants or denies each, at any time.
   * @throws {TypeError} If requests of the name are taken already.
   */
  takeRequests(name: string, take: (request: GlobalRequest) => void): void {
    if (this.#requestTakers.has(name)) {
      throw new TypeError(`Cannot take ${name} requests: they are taken already`);
    }
    this.#requestTakers.set(name, take);
  }

  /**
   * Has channels of one type that the peer opens taken apart from all others: neither
   * `onChannelOpen` nor {@linkcode Connection.channels} gets to see them.
   *
   * @param type Such as `auth-agent@openssh.com`.
   * @param take Accepts or rejects each, at any time.
   * @returns Gives the type back to whoever takes the others.
   * @throws {TypeError} If channels of the type are taken already.
   */
  takeChannels(type: string, take: (open: ChannelOpenRequest) => void): () => void {
    if (this.#takers.has(type)) {
      throw new TypeError(`Cannot take ${type} channels: they are taken already`);
    }
    this.#takers.set(type, take);
    return () => {
      if (this.#takers.get(type) === take) this.#takers.delete(type);
    };
  }

  /** Exchanges keys anew; data goes on flowing, and nothing is lost. */
  rekey(): void {
    this.#driver.engine.rekey();
  }

  /**
   * Asks the peer for a sign of life.
   *
   * @returns How long the answer took, in milliseconds.
   */
  async ping(options: { signal?: AbortSignal } = {}): Promise<number> {
    const startedAt = performance.now();
    const pong = deferred<Uint8Array>();
    const sent = this.#driver.engine.ping(EMPTY, (data) => {
      this.#pending.delete(pong);
      pong.resolve(data);
    });
    if (sent) {
      this.#pending.add(pong);
      await withSignal(pong.promise, options.signal);
    } else {
      // Whatever the answer is, it is one.
      await this.request(KEEPALIVE_REQUEST, undefined, options).catch((error) => {
        if (!(error instanceof RequestError)) throw error;
      });
    }
    return performance.now() - startedAt;
  }

  /**
   * Ends the connection and says so to the peer. A second call waits for the first.
   *
   * @param options.signal Aborts the wait: the flow is dropped then.
   */
  async close(
    options: { code?: number; description?: string; signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#driver.engine.disconnect(options.code, options.description);
    try {
      await withSignal(this.#closed.promise.catch(() => {}), options.signal);
    } catch (error) {
      this.#driver.abort(error);
      throw error;
    }
  }

  /** Ends the connection now: what waits is rejected, and the flow is dropped. */
  abort(reason: unknown = new DOMException("The connection was aborted", "AbortError")): void {
    this.#driver.abort(reason);
  }

  /** Calls {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #queue<T>(): AsyncQueue<T> {
    const queue = new AsyncQueue<T>();
    if (this.#reason !== null) endQueue(queue, this.#reason);
    return queue;
  }

  #takeChannelOpen(open: IncomingChannelOpen): void {
    const request: ChannelOpenRequest = {
      type: open.type,
      extra: open.extra,
      accept: (options = {}) => {
        const channel = new Channel(open.type, this.#scheduler, options);
        channel.attach(open.accept(this.#counted(channel), this.#limitsOf(options)));
        return channel;
      },
      reject: (reason, description = "") => open.reject(reason, description),
    };
    const take = this.#takers.get(open.type) ?? this.#handlers.onChannelOpen;
    if (take !== undefined) take(request);
    else if (this.#channels !== null) this.#channels.push(request);
    else request.reject(ChannelOpenReason.UNKNOWN_CHANNEL_TYPE, "channels are not taken here");
  }

  #limitsOf(options: ChannelOptions): ChannelLimits {
    const windowBytes = options.windowBytes ?? DEFAULT_WINDOW_BYTES;
    const { clientVersion = "", serverVersion = "" } = this.#driver.engine.info ?? {};
    const isOwn = OWN_IDENTIFICATION.test(clientVersion) && OWN_IDENTIFICATION.test(serverVersion);
    return {
      windowBytes,
      // Whoever says how wide a window is means it.
      maxWindowBytes: options.maxWindowBytes ??
        (options.windowBytes === undefined ? DEFAULT_MAX_WINDOW_BYTES : windowBytes),
      maxPacketBytes: options.maxPacketBytes ??
        (isOwn ? OWN_MAX_PACKET_BYTES : DEFAULT_MAX_PACKET_BYTES),
    };
  }

  #takeGlobalRequest(request: IncomingGlobalRequest): void {
    const take = this.#requestTakers.get(request.name) ?? this.#handlers.onGlobalRequest;
    if (take !== undefined) {
      take(request);
    } else if (this.#requests !== null && this.#requests.length < MAX_WAITING_REQUESTS) {
      this.#requests.push(request);
    } else {
      request.fail();
    }
  }

  /** The channel's sink, which also counts channels: an end without any is in good order. */
  #counted(channel: Channel): ReturnType<Channel["sink"]> {
    this.#openChannels++;
    return channel.sink(this.#onChannelOver);
  }

  #handleClosed(reason: Error): void {
    this.#reason = reason;
    this.#authenticated.reject(reason);
    for (const answer of this.#pending) answer.reject(reason);
    this.#pending.clear();
    if (this.#channels !== null) endQueue(this.#channels, reason);
    if (this.#requests !== null) endQueue(this.#requests, reason);
  }

  #handleReleased(): void {
    const reason = this.#reason;
    if (reason !== null && !this.#isOrderly(reason)) this.#closed.reject(reason);
    else this.#closed.resolve();
  }

  #isOrderly(reason: Error): boolean {
    if (!(reason instanceof DisconnectError)) return false;
    if (reason.code === DisconnectCode.BY_APPLICATION) return true;
    // Many clients just hang up when all is done.
    return reason.code === DisconnectCode.CONNECTION_LOST && reason.by === "peer" &&
      reason.cause === undefined && this.#openChannels === 0 &&
      this.#driver.engine.user !== null;
  }
}

function endQueue<T>(queue: AsyncQueue<T>, reason: Error): void {
  if (reason instanceof DisconnectError && reason.code === DisconnectCode.BY_APPLICATION) {
    queue.end();
  } else {
    queue.fail(reason);
  }
}
