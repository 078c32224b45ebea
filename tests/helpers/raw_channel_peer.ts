/**
 * A peer that has keys and no manners: it sends whatever payload it is told to, encrypted, and
 * keeps what comes back.
 *
 * @module
 */

import { platformRandom } from "../../crypto/random.ts";
import { Engine, type EngineSink } from "../../protocol/mod.ts";
import { type Algorithms, selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { Transport } from "../../protocol/transport/transport.ts";
import { encodeUserauthRequest } from "../../wire/auth_messages.ts";
import { deferred } from "../../wire/deferred.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import { type Disconnect, encodeService } from "../../wire/transport_messages.ts";
import {
  clientOptions,
  type PairOptions,
  RecordingSink,
  serverOptions,
  testHostKey,
} from "./engine_pair.ts";

/** What makes keys fast. */
export const quickAlgorithms: Algorithms = selectAlgorithms({
  kex: ["curve25519-sha256"],
  ciphers: ["chacha20-poly1305@openssh.com"],
});

/** A sink that knows whether its engine waits for the time to go on. */
export class TimedSink extends RecordingSink implements EngineSink {
  sleeping = false;
  authenticatedAfterClose = false;
  onSleep: () => void = () => {};

  override onDeadline(): void {
    // Once somebody is in, deadlines are those of key exchanges, and nothing sleeps.
    if (this.user !== null) return;
    this.sleeping = true;
    this.onSleep();
  }

  override onAuthenticated(user: Parameters<EngineSink["onAuthenticated"]>[0]): void {
    this.authenticatedAfterClose ||= this.closed !== null;
    super.onAuthenticated(user);
  }
}

/** One end of a connection, with nothing above its transport but a script. */
export class RawPeer {
  readonly transport: Transport;
  /** How the engine at the other end said goodbye. */
  disconnect: Disconnect | null = null;
  #received: Uint8Array[] = [];
  #idle = deferred<void>();

  constructor(
    role: "client" | "server",
    hostKey: Awaited<ReturnType<typeof testHostKey>>,
    extensions: ReadonlyMap<string, string>,
  ) {
    this.transport = new Transport({
      identity: role === "server"
        ? { role, hostKeys: [hostKey] }
        : { role, verifyHostKey: () => Promise.resolve() },
      algorithms: quickAlgorithms,
      random: platformRandom,
      now: () => 0,
      identification: "SSH-2.0-raw",
      rekey: { bytes: Infinity, packets: Infinity, intervalMs: Infinity },
      extensions,
      handlers: {
        onEncrypted: () => {},
        onMessage: (number, payload) => this.#receive(number, payload),
        onDisconnect: (message) => {
          this.disconnect = message;
        },
        onError: (error) => {
          throw error;
        },
        onIdle: () => this.#idle.resolve(),
        onOutput: () => {},
        onSendable: () => {},
        onDeadline: () => {},
      },
    });
    this.transport.allowPackets(2 ** 20);
    this.transport.start();
  }

  /** Sends payloads as they are. */
  send(...payloads: Uint8Array[]): void {
    for (const payload of payloads) {
      this.transport.send(payload);
      if (payload[0] === Msg.USERAUTH_SUCCESS) this.transport.phase = "connected";
      if (payload[0] === Msg.SERVICE_ACCEPT) this.transport.phase = "authenticating";
    }
  }

  /** What has come since it was last asked. */
  take(): Uint8Array[] {
    return this.#received.splice(0);
  }

  /** Takes bytes of the other end. */
  async receive(chunk: Uint8Array): Promise<void> {
    this.transport.push(chunk);
    await this.process();
  }

  /** Goes on with what has arrived; waits for a step of a key exchange. */
  async process(): Promise<void> {
    while (true) {
      while (!this.transport.kex.busy && this.transport.step());
      if (!this.transport.kex.busy) return;
      this.#idle = deferred();
      await this.#idle.promise;
    }
  }

  #receive(number: number, payload: Uint8Array): void {
    if (number === Msg.EXT_INFO) return;
    this.#received.push(payload.slice());
    if (number === Msg.SERVICE_ACCEPT) this.transport.phase = "authenticating";
    if (number === Msg.USERAUTH_SUCCESS) this.transport.phase = "connected";
    // A client asks for the service before anything else.
    if (number === Msg.SERVICE_REQUEST) this.transport.phase = "authenticating";
  }
}

/** An engine, and the raw peer at its other end. */
export class RawConnection {
  readonly engine: Engine;
  readonly sink: TimedSink;
  readonly peer: RawPeer;
  readonly clock: { now: number };
  /** What a client sent behind its request for the service, before that was accepted. */
  early: readonly Uint8Array[] = [];

  constructor(engine: Engine, sink: TimedSink, peer: RawPeer, clock: { now: number }) {
    this.engine = engine;
    this.sink = sink;
    this.peer = peer;
    this.clock = clock;
  }

  /**
   * Sends payloads to the engine, and moves bytes both ways until neither end has anything left
   * to do; or until the engine waits for the time to go on, or `until` settles.
   *
   * @returns What came back.
   */
  async exchange(payloads: readonly Uint8Array[], until?: Promise<unknown>): Promise<Uint8Array[]> {
    this.peer.send(...payloads);
    return await this.settle(until);
  }

  /** Moves bytes both ways: see {@linkcode exchange}. */
  async settle(until?: Promise<unknown>): Promise<Uint8Array[]> {
    let stop = false;
    until?.finally(() => {
      stop = true;
    });
    while (true) {
      const out = this.peer.transport.takeOutput();
      for (const chunk of out) this.engine.receive(chunk);
      const back = this.engine.takeOutput();
      for (const chunk of back) await this.peer.receive(chunk);
      if (out.length > 0 || back.length > 0) continue;
      const { parked } = this.engine;
      if (parked === null || stop || this.sink.sleeping) return this.peer.take();
      const asleep = deferred<void>();
      this.sink.onSleep = asleep.resolve;
      await Promise.race([parked, asleep.promise, ...(until === undefined ? [] : [until])]);
    }
  }

  /**
   * Sets the clock forward, and lets the engine do what is due. While anything else is due later,
   * the engine is taken to wait for that alone: delays are to be tested without a login timeout.
   */
  async advanceTo(now: number): Promise<Uint8Array[]> {
    this.clock.now = now;
    this.sink.sleeping = false;
    if (this.engine.advance(now) !== null) this.sink.sleeping = true;
    return await this.settle();
  }
}

/** What can be changed of a raw connection. */
export interface RawOptions extends PairOptions {
  /** What a raw server tells in EXT_INFO. */
  readonly extensions?: ReadonlyMap<string, string>;
}

/** A raw client with keys, at the other end of a server's engine. */
export async function rawClient(options: RawOptions = {}): Promise<RawConnection> {
  const sink = new TimedSink();
  const clock = { now: 0 };
  const server = { algorithms: quickAlgorithms, now: () => clock.now, ...options.server };
  const engine = new Engine(await serverOptions(sink, { ...options, server }));
  const peer = new RawPeer("client", await testHostKey(), new Map());
  const connection = new RawConnection(engine, sink, peer, clock);
  await connection.settle();
  return connection;
}

/** A raw client whose request for the authentication service has been accepted. */
export async function rawClientInService(options: RawOptions = {}): Promise<RawConnection> {
  const connection = await rawClient(options);
  await connection.exchange([encodeService(Msg.SERVICE_REQUEST, "ssh-userauth")]);
  return connection;
}

/** A raw client that has been let in. */
export async function rawClientLetIn(options: RawOptions = {}): Promise<RawConnection> {
  const connection = await rawClientInService(options);
  await connection.exchange([userauthRequest("none")]);
  return connection;
}

/** A raw server with keys, at the other end of a client's engine; the service is asked for. */
export async function rawServer(options: RawOptions = {}): Promise<RawConnection> {
  const sink = new TimedSink();
  const clock = { now: 0 };
  const client = { algorithms: quickAlgorithms, now: () => clock.now, ...options.client };
  const engine = new Engine(clientOptions(sink, { ...options, client }));
  const peer = new RawPeer("server", await testHostKey(), options.extensions ?? new Map());
  const connection = new RawConnection(engine, sink, peer, clock);
  connection.early = (await connection.settle()).slice(1);
  return connection;
}

/** A raw server that has let its client in. */
export async function rawServerLetIn(options: RawOptions = {}): Promise<RawConnection> {
  const connection = await rawServer(options);
  await connection.exchange([
    encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth"),
    Uint8Array.of(Msg.USERAUTH_SUCCESS),
  ]);
  return connection;
}

/** SSH_MSG_USERAUTH_REQUEST of `ada`, unless another is named. */
export function userauthRequest(
  method: string,
  fields: Uint8Array = new Uint8Array(0),
  { user = "ada", service = "ssh-connection" }: { user?: string; service?: string } = {},
): Uint8Array {
  return encodeUserauthRequest({ user, service, method, fields });
}

/** The names of messages, as they are in failed comparisons. */
export function namesOf(payloads: readonly Uint8Array[]): string[] {
  return payloads.map((payload) => messageName(payload[0] ?? 0));
}
