/**
 * The engine: an SSH connection without I/O. Bytes go in, bytes and events come out.
 *
 * Everything is synchronous, except that a step may have to wait: for a signature, for the
 * user's word on a host key. The engine then parks: it keeps its input and parses nothing, until
 * the step is done.
 *
 * @module
 */

import { platformRandom } from "../crypto/random.ts";
import { decodeBanner } from "../wire/auth_messages.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";
import { EMPTY } from "../wire/empty.ts";
import { DisconnectCode, DisconnectError, ProtocolError } from "../wire/errors.ts";
import { messageName, Msg } from "../wire/message_numbers.ts";
import { authenticateClient } from "./auth/client.ts";
import type { AuthenticatedUser } from "./auth/server.ts";
import type { ChannelLimits, ChannelSink, EngineChannel } from "./connection/channel.ts";
import { type GlobalReply, Multiplexer } from "./connection/multiplexer.ts";
import { Conversation } from "./conversation.ts";
import { closedByPeer, closedByUs, disconnectFor, lostBy, toError } from "./_disconnect.ts";
import { extensionsOf } from "./_extensions.ts";
import type {
  ClientEngineOptions,
  ConnectionInfo,
  EngineSink,
  ServerEngineOptions,
} from "./engine_options.ts";
import type { Role } from "./gate.ts";
import { Keepalive, KEEPALIVE_REQUEST } from "./keepalive.ts";
import { checkIdentification } from "./transport/identification.ts";
import { type RekeyLimits, Transport } from "./transport/transport.ts";

/** What either end says of itself, unless it is told to say something else. */
export const DEFAULT_IDENTIFICATION = "SSH-2.0-sshflow_0.1";

const DEFAULT_REKEY: RekeyLimits = { bytes: 2 ** 30, packets: 2 ** 31, intervalMs: 3_600_000 };
const DEFAULT_LOGIN_TIMEOUT_MS = 120_000;
const DEFAULT_MAX_CHANNELS = 1000;
/** Room for a message's head beside the largest data that a channel takes. */
const MAX_CONNECTED_PACKET_BYTES = 256 * 1024 + 1024;

/** An SSH connection, at one end, without I/O. */
export class Engine {
  readonly #options: ClientEngineOptions | ServerEngineOptions;
  readonly #sink: EngineSink;
  readonly #identification: string;
  readonly #transport: Transport;
  readonly #multiplexer: Multiplexer;
  readonly #loginTimeoutMs: number;
  readonly #startedAt: number;
  readonly #keepalive: Keepalive | null;
  #handshakeDeadline: number | null;
  #auth: Conversation | null = null;
  #user: AuthenticatedUser | null = null;
  #parked: Deferred<void> | null = null;
  #full: Deferred<void> | null = null;
  #sleepers: { time: number; wake: () => void }[] = [];
  #closed: Error | null = null;
  #running = false;

  /** Sets the engine up; its first output, identification and KEXINIT, can be taken at once. */
  constructor(options: ClientEngineOptions | ServerEngineOptions) {
    this.#options = options;
    this.#sink = options.sink;
    this.#identification = checkIdentification(options.identification ?? DEFAULT_IDENTIFICATION);
    this.#loginTimeoutMs = options.loginTimeoutMs ?? DEFAULT_LOGIN_TIMEOUT_MS;
    this.#startedAt = options.now();
    this.#keepalive = options.keepalive === undefined ? null : new Keepalive(options.keepalive);
    const { handshakeTimeoutMs = 0 } = options;
    this.#handshakeDeadline = handshakeTimeoutMs === 0
      ? null
      : this.#startedAt + handshakeTimeoutMs;
    this.#transport = new Transport({
      identity: options,
      algorithms: options.algorithms,
      random: options.random ?? platformRandom,
      now: options.now,
      gathers: options.gathers,
      identification: this.#identification,
      rekey: { ...DEFAULT_REKEY, ...options.rekey },
      extensions: extensionsOf(options),
      handlers: {
        onEncrypted: () => this.#startAuthentication(),
        onMessage: (number, payload) => this.#handleMessage(number, payload),
        onDisconnect: (message) => this.#close(closedByPeer(message)),
        onError: (reason) => this.#fail(reason),
        onIdle: () => this.#goOn(),
        onOutput: () => this.#sink.onOutput(),
        onSendable: () => this.#sink.onSendable(),
        onDeadline: () => this.#sink.onDeadline(),
        onLine: (line) => this.#sink.onLine?.(line),
        onDebug: (message) => this.#sink.onDebug?.(message),
      },
    });
    this.#multiplexer = new Multiplexer({
      maxChannels: options.maxChannels ?? DEFAULT_MAX_CHANNELS,
      now: options.now,
      sendable: () => this.sendable,
      send: (payload) => this.#send(payload),
      sendData: (...message) => this.#sendData(...message),
      onChannelOpen: (open) => this.#sink.onChannelOpen(open),
      onGlobalRequest: (request) => this.#sink.onGlobalRequest(request),
    });
    this.#transport.start();
  }

  /** Which end of the connection this is. */
  get role(): Role {
    return this.#options.role;
  }

  /** Whether anything has to be waited for before more can be parsed. */
  get isParked(): boolean {
    return this.#closed === null && (this.#busy || this.#transport.isOpening);
  }

  /** While a step waits, nothing is parsed: what to wait for. Null if the engine can go on. */
  get parked(): Promise<void> | null {
    if (!this.isParked) return null;
    this.#parked ??= deferred<void>();
    return this.#parked.promise;
  }

  /**
   * While a step waits, and what arrives could only be kept: what to wait for before more is read.
   * Null if it could be parsed, or given to the cipher, behind packets that are there.
   */
  get full(): Promise<void> | null {
    if (this.#closed !== null || !this.#isFull) return null;
    this.#full ??= deferred<void>();
    return this.#full.promise;
  }

  /** Why the connection has ended; null while it lives. */
  get closed(): Error | null {
    return this.#closed;
  }

  /** Whether channel data can be sent: not during a key exchange. */
  get sendable(): boolean {
    return this.#closed === null && this.#transport.sendable;
  }

  /** Who is authenticated; null before that. */
  get user(): AuthenticatedUser | null {
    return this.#user;
  }

  /** While packets are being sealed, their output cannot be taken: what to wait for, or null. */
  get sealing(): Promise<void> | null {
    return this.#transport.sealing;
  }

  /** How many bytes of output wait to be taken, those that are being sealed included. */
  get outputBytes(): number {
    return this.#transport.outputBytes;
  }

  /** How many channels there are, pending ones counted. */
  get channelCount(): number {
    return this.#multiplexer.channelCount;
  }

  /** What was agreed on; null before the first key exchange is done. */
  get info(): ConnectionInfo | null {
    const { negotiated, hostKey, sessionId, hostKeySignature, strict } = this.#transport.kex;
    const peerVersion = this.#transport.peerVersion;
    if (negotiated === null || hostKey === null || sessionId === null) return null;
    if (hostKeySignature === null || peerVersion === null) return null;
    const isClient = this.role === "client";
    return {
      clientVersion: isClient ? this.#identification : peerVersion,
      serverVersion: isClient ? peerVersion : this.#identification,
      algorithms: negotiated,
      strictKex: strict,
      hostKey,
      sessionId,
      hostKeySignature,
    };
  }

  /** What the peer told of itself (RFC 8308). */
  get peerExtensions(): ReadonlyMap<string, Uint8Array> {
    return this.#transport.peerExtensions;
  }

  /** Takes bytes that arrived and acts on all that they complete. The chunk is the engine's. */
  receive(chunk: Uint8Array): void {
    if (this.#closed !== null || chunk.length === 0) return;
    this.#transport.push(chunk);
    this.#process();
  }

  /** The flow has ended: nothing more will arrive. */
  receiveEof(cause?: unknown): void {
    if (this.#closed !== null) return;
    this.#close(lostBy(this.#user === null ? "before the user was authenticated" : "", cause));
  }

  /** Sealed bytes to be sent, in order. The buffers are the caller's. */
  takeOutput(): Uint8Array[] {
    return this.#transport.takeOutput();
  }

  /** Takes buffers back that {@linkcode takeOutput} gave, and that nobody needs any more. */
  takeBack(output: readonly Uint8Array[]): void {
    this.#transport.takeBack(output);
  }

  /**
   * Lets go of the buffer of the chunk that was received last, unless much of it is still to be
   * parsed.
   *
   * @returns Whether its buffer is no longer needed.
   */
  letGo(chunk: Uint8Array): boolean {
    return this.#transport.letGo(chunk);
  }

  /**
   * Does what is due at a time.
   *
   * @returns When to call again, at the latest; null if nothing will be due by itself.
   */
  advance(now: number): number | null {
    if (this.#closed !== null) return null;
    const due = this.#sleepers.filter(({ time }) => time <= now);
    this.#sleepers = this.#sleepers.filter(({ time }) => time > now);
    for (const { wake } of due) wake();
    const loginDeadline = this.#loginDeadline;
    if (loginDeadline !== null && now >= loginDeadline) {
      this.#fail(
        new ProtocolError(
          `The login took longer than ${this.#loginTimeoutMs} ms`,
          { code: DisconnectCode.BY_APPLICATION },
        ),
      );
      return null;
    }
    this.#checkHandshake(now);
    if (this.#closed !== null) return null;
    this.#transport.rekeyIfDue(now);
    const { silenceDeadline } = this.#transport;
    if (silenceDeadline !== null && now >= silenceDeadline) {
      this.#fail(
        new ProtocolError("The peer has fallen silent in the middle of a key exchange", {
          code: DisconnectCode.KEY_EXCHANGE_FAILED,
        }),
      );
      return null;
    }
    this.#checkKeepalive(now);
    if (this.#closed !== null) return null;
    const deadlines = [
      loginDeadline,
      this.#handshakeDeadline,
      this.#keepalive?.deadline(this.#transport.heardAt) ?? null,
      silenceDeadline,
      this.#transport.rekeyDeadline,
      ...this.#sleepers.map(({ time }) => time),
    ].filter((time) => time !== null);
    return deadlines.length === 0 ? null : Math.min(...deadlines);
  }

  /** Opens a channel; the sink is told what becomes of it. */
  openChannel(
    type: string,
    extra: Uint8Array,
    limits: ChannelLimits,
    sink: ChannelSink,
  ): EngineChannel {
    this.#checkConnected(`open a ${type} channel`);
    return this.#multiplexer.open(type, extra, limits, sink);
  }

  /** Makes a global request. With `onReply` a reply is wanted, and given to it. */
  sendGlobalRequest(
    name: string,
    payload: Uint8Array,
    onReply: ((reply: GlobalReply) => void) | null,
  ): void {
    this.#checkConnected(`request ${name}`);
    this.#multiplexer.request(name, payload, onReply);
  }

  /**
   * Sends ping@openssh.com, if the peer knows it.
   *
   * @returns Whether it was sent; the answer is given to `onPong`.
   */
  ping(data: Uint8Array, onPong: (data: Uint8Array) => void): boolean {
    this.#checkConnected("ping");
    if (!this.peerExtensions.has("ping@openssh.com")) return false;
    try {
      this.#transport.sendPing(data, onPong);
    } catch (error) {
      this.#fail(error);
    }
    return this.#closed === null;
  }

  /** Starts a key exchange, unless one is under way. */
  rekey(): void {
    this.#checkConnected("exchange keys anew");
    this.#transport.rekey();
  }

  /** Ends the connection, and says so to the peer. */
  disconnect(code: number = DisconnectCode.BY_APPLICATION, description: string = ""): void {
    if (this.#closed !== null) return;
    this.#transport.sendDisconnect({ code, description });
    this.#close(closedByUs({ code, description }));
  }

  get #busy(): boolean {
    return this.#transport.kex.busy || (this.#auth?.busy ?? false);
  }

  get #isFull(): boolean {
    return this.#busy || this.#transport.isFull;
  }

  get #loginDeadline(): number | null {
    if (this.#user !== null || this.#loginTimeoutMs === 0) return null;
    return this.#startedAt + this.#loginTimeoutMs;
  }

  /** The time that we take ourselves, to ask the user about a host key, is not the peer's. */
  #checkHandshake(now: number): void {
    const { handshakeTimeoutMs = 0 } = this.#options;
    if (this.#handshakeDeadline === null || now < this.#handshakeDeadline) return;
    if (this.isParked) {
      this.#handshakeDeadline = now + handshakeTimeoutMs;
      return;
    }
    const what = this.#transport.peerVersion === null
      ? "The peer did not identify itself"
      : "The peer did not finish the key exchange";
    this.#fail(
      new ProtocolError(`${what} within ${handshakeTimeoutMs} ms`, {
        code: DisconnectCode.BY_APPLICATION,
      }),
    );
  }

  #checkKeepalive(now: number): void {
    const keepalive = this.#keepalive;
    // What the peer says while a step waits is not listened to.
    if (this.isParked) keepalive?.restart(now);
    switch (keepalive?.advance(now, this.#transport.heardAt)) {
      case "ask":
        return this.sendGlobalRequest(KEEPALIVE_REQUEST, EMPTY, () => {});
      case "give up":
        return this.#fail(
          new DisconnectError(
            `The connection was lost: the peer has been silent for ${keepalive?.patienceMs} ms`,
            { code: DisconnectCode.CONNECTION_LOST, description: "", by: "us" },
          ),
        );
    }
  }

  #checkConnected(what: string): void {
    if (this.#closed !== null) throw this.#closed;
    if (this.#user === null) throw new TypeError(`Cannot ${what}: nobody is authenticated yet`);
  }

  #process(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#closed === null && !this.#busy && this.#transport.step());
      if (this.#closed === null) this.#transport.rekeyIfDue(this.#options.now());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = false;
    }
  }

  /** A step that was waited for is done: goes on with what has arrived meanwhile. */
  #goOn(): void {
    if (this.#closed === null && !this.#busy) this.#process();
    if (!this.#isFull) {
      this.#full?.resolve();
      this.#full = null;
    }
    if (this.isParked) return;
    this.#parked?.resolve();
    this.#parked = null;
  }

  #send(payload: Uint8Array): void {
    if (this.#closed !== null) return;
    try {
      this.#transport.send(payload);
    } catch (error) {
      this.#fail(error);
    }
  }

  #sendData(...message: Parameters<Transport["sendData"]>): void {
    try {
      this.#transport.sendData(...message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #handleMessage(number: number, payload: Uint8Array): void {
    if (number === Msg.USERAUTH_BANNER) {
      this.#sink.onBanner?.(decodeBanner(payload));
    } else if (number === Msg.EXT_INFO) {
      if (this.#auth?.expects(number)) this.#auth.deliver(payload);
    } else if (number >= Msg.GLOBAL_REQUEST) {
      this.#multiplexer.handle(number, payload);
    } else if (this.#auth !== null) {
      this.#auth.deliver(payload);
    } else {
      throw new ProtocolError(`Cannot accept ${messageName(number)}: nothing waits for it`);
    }
  }

  #startAuthentication(): void {
    this.#handshakeDeadline = null;
    const conversation = new Conversation({
      what: "authentication",
      send: (payload) => this.#send(payload),
      onIdle: () => this.#goOn(),
    });
    this.#auth = conversation;
    conversation.run(() => this.#authenticate(conversation), (reason) => this.#fail(reason));
  }

  async #authenticate(conversation: Conversation): Promise<void> {
    const options = this.#options;
    const transport = this.#transport;
    const info = this.info;
    if (info === null) throw new ProtocolError("There are no keys yet");
    const begin = (): void => {
      transport.phase = "authenticating";
    };
    let user: AuthenticatedUser;
    if (options.role === "client") {
      const method = await authenticateClient(conversation, options.auth, {
        sessionId: info.sessionId,
        hostKey: info.hostKey.blob,
        hostKeySignature: info.hostKeySignature,
        extensions: () => transport.peerExtensions,
      }, begin);
      // The connection may have ended after the message that let us in.
      conversation.throwIfEnded();
      user = { user: options.auth.user, method, key: null, permissions: {} };
    } else {
      user = await options.auth.run(conversation, options.auth, {
        sessionId: info.sessionId,
        hostKey: info.hostKey.blob,
        now: options.now,
        sleepUntil: (time) => this.#sleepUntil(time),
        onServiceAccepted: begin,
      });
      conversation.send(Uint8Array.of(Msg.USERAUTH_SUCCESS));
    }
    this.#user = user;
    transport.phase = "connected";
    transport.startCompression();
    transport.allowPackets(MAX_CONNECTED_PACKET_BYTES);
    this.#keepalive?.restart(this.#options.now());
    this.#sink.onAuthenticated(user);
  }

  #sleepUntil(time: number): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push({ time, wake: resolve });
      this.#sink.onDeadline();
    });
  }

  /** Tells the peer what went wrong, as far as that is its business, and ends. */
  #fail(reason: unknown): void {
    if (this.#closed !== null) return;
    this.#transport.sendDisconnect(disconnectFor(reason));
    this.#close(toError(reason));
  }

  #close(reason: Error): void {
    this.#closed = reason;
    this.#sleepers = [];
    this.#transport.end(reason);
    this.#auth?.end(reason);
    this.#multiplexer.end(reason);
    this.#parked?.resolve();
    this.#parked = null;
    this.#full?.resolve();
    this.#full = null;
    this.#sink.onClosed(reason);
  }
}
