/**
 * One end of a conversation that can be repeated: all that it does follows from what it is given,
 * since its keys and its randomness come from a seed, and its clock stands still.
 *
 * @module
 */

import { generateKey, type PrivateKey } from "../../keys/mod.ts";
import {
  type AlgorithmNames,
  type Algorithms,
  type ChannelLimits,
  Engine,
  type EngineChannel,
  type IncomingChannelOpen,
  type IncomingChannelRequest,
  publicKey,
  type Role,
  selectAlgorithms,
  type Signer,
} from "../../protocol/mod.ts";
import { Writer } from "../../wire/writer.ts";
import { ApplicationSink, RecordingChannelSink } from "../helpers/application_sink.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { clientOptions, serverOptions } from "../helpers/engine_pair.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

/** What is special about a conversation. */
export interface Setting {
  /** Our role. */
  readonly role: Role;
  /** Who is logged in. */
  readonly user: string;
  /** What we offer in place of what is usual here: one algorithm of a kind. */
  readonly offer: AlgorithmNames;
  /** Whether we exchange keys anew while the command runs. */
  readonly rekeys: boolean;
  /** What our keys are made from: nobody knows it before the recording is done. */
  readonly keySeed: string;
}

/** What a client's command is given, and gives back. */
export const DATA: Uint8Array = seededRandom(0)(1200);

/** What is offered where it does not matter. */
export const USUAL: AlgorithmNames = {
  kex: ["curve25519-sha256"],
  hostKeys: ["ssh-ed25519"],
  ciphers: ["chacha20-poly1305@openssh.com"],
  macs: ["hmac-sha2-256-etm@openssh.com"],
  compression: ["none"],
};

const SEEDS: Readonly<Record<Role, number>> = { client: 1, server: 2 };
const LIMITS: ChannelLimits = { windowBytes: 65536, maxPacketBytes: 32768 };
/** So that another version's recordings are the same. */
const IDENTIFICATION = "SSH-2.0-sshflow_recorded";

/** The keys that have been made, by role and seed. */
const made = new Map<string, Promise<PrivateKey>>();

/** Our key: the host's where we are the server, and the user's where we are the client. */
export function keyFor(role: Role, seed: string): Promise<PrivateKey> {
  const name = `${role} ${seed}`;
  let key = made.get(name);
  if (key === undefined) made.set(name, key = generateKey("ed25519", { seed: name }));
  return key;
}

/** What stands in for the algorithms and the key that a setting has. */
export interface Substitutes {
  readonly algorithms?: Algorithms;
  readonly signer?: Signer;
}

/**
 * One end. As a client it logs in, sends {@linkcode DATA} to a command and takes what comes back;
 * as a server it lets a key in, and runs a command that gives back what it gets.
 */
export class Party {
  readonly engine: Engine;
  readonly application: Application;

  private constructor(engine: Engine, application: Application) {
    this.engine = engine;
    this.application = application;
  }

  /** Makes one that has not said anything. */
  static async make(setting: Setting, substitutes: Substitutes = {}): Promise<Party> {
    const { role, user, offer, rekeys, keySeed } = setting;
    const { algorithms = selectAlgorithms({ ...USUAL, ...offer }) } = substitutes;
    const signer = substitutes.signer ?? await keyFor(role, keySeed);
    const random = seededRandom(SEEDS[role]);
    const common = { algorithms, random, identification: IDENTIFICATION };
    const sink = role === "client" ? new ClientApplication(rekeys) : new ServerApplication(rekeys);
    const engine = new Engine(
      role === "client"
        ? sink.watchClient(
          clientOptions(sink, {
            client: common,
            clientAuth: { user, methods: [publicKey(signer)] },
          }),
        )
        : sink.watchServer(
          await serverOptions(sink, {
            server: { ...common, hostKeys: [signer] },
            serverAuth: {
              methods: ["publickey"],
              authenticate: (attempt) =>
                attempt.method === "publickey" && attempt.key.type === "ssh-ed25519",
            },
          }),
        ),
    );
    sink.engine = engine;
    return new Party(engine, sink);
  }

  /** What the application was told, in order: of the connection, and then of the channel. */
  get events(): readonly string[] {
    const { calls, channel, closed } = this.application;
    return [...calls, ...channel.calls, ...closed === null ? [] : [`end: ${closed.message}`]];
  }

  /** The data that came on the channel. */
  get taken(): Uint8Array {
    return concat(this.application.channel.data);
  }

  /** Takes bytes, as many as there are; gives what it sends after it has done all that it can. */
  async receive(bytes: Uint8Array): Promise<Uint8Array> {
    this.engine.receive(bytes.slice());
    for (let step = this.#step; step !== null; step = this.#step) await step;
    return concat(this.engine.takeOutput());
  }

  get #step(): Promise<void> | null {
    return this.engine.parked ?? this.engine.sealing;
  }
}

/** Data on its way out, and what is to be done behind it. */
export class Outbox {
  readonly #waiting: Uint8Array[] = [];
  channel: EngineChannel | null = null;
  #then: (() => void) | null = null;

  push(data: Uint8Array): void {
    this.#waiting.push(data);
    this.flush();
  }

  end(then: () => void): void {
    this.#then = then;
    this.flush();
  }

  /** Sends what can be sent now. */
  flush(): void {
    while (this.channel !== null) {
      const data = this.#waiting[0];
      if (data === undefined || data.length > this.channel.sendableBytes) break;
      this.#waiting.shift();
      this.channel.sendData(data);
    }
    if (this.#waiting.length > 0) return;
    this.#then?.();
    this.#then = null;
  }
}

/** A channel whose data is taken at once. */
export abstract class ApplicationChannel extends RecordingChannelSink {
  readonly outbox: Outbox = new Outbox();

  override onData(data: Uint8Array, type: number): void {
    super.onData(data, type);
    this.outbox.channel?.take(data.length);
  }

  override onWindow(): void {
    super.onWindow();
    this.outbox.flush();
  }
}

/** An application with one channel. */
export abstract class Application extends ApplicationSink {
  readonly rekeys: boolean;
  engine: Engine | null = null;
  abstract readonly channel: ApplicationChannel;

  constructor(rekeys: boolean) {
    super();
    this.rekeys = rekeys;
  }

  override onSendable(): void {
    this.channel.outbox.flush();
  }

  rekeyIfAsked(): void {
    if (this.rekeys) this.engine?.rekey();
  }
}

class ClientApplication extends Application {
  readonly channel = new ClientChannel(this);

  override onAuthenticated(user: Parameters<Application["onAuthenticated"]>[0]): void {
    super.onAuthenticated(user);
    const { engine, channel } = this;
    channel.outbox.channel = engine?.openChannel("session", utf8(""), LIMITS, channel) ?? null;
  }
}

class ClientChannel extends ApplicationChannel {
  readonly #application: ClientApplication;

  constructor(application: ClientApplication) {
    super();
    this.#application = application;
  }

  override onOpen(): void {
    super.onOpen();
    const command = new Writer().string("cat").finish();
    this.outbox.channel?.sendRequest("exec", command, (success) => {
      this.calls.push(`exec ${success}`);
      this.outbox.push(DATA.subarray(0, 600));
      this.#application.rekeyIfAsked();
      this.outbox.push(DATA.subarray(600));
      this.outbox.end(() => this.outbox.channel?.sendEof());
    });
  }

  override onClosed(): void {
    super.onClosed();
    this.#application.engine?.disconnect();
  }
}

class ServerApplication extends Application {
  readonly channel = new ServerChannel(this);

  override onChannelOpen(open: IncomingChannelOpen): void {
    super.onChannelOpen(open);
    this.channel.outbox.channel = open.accept(this.channel, LIMITS);
  }
}

class ServerChannel extends ApplicationChannel {
  readonly #application: ServerApplication;

  constructor(application: ServerApplication) {
    super();
    this.#application = application;
  }

  override onRequest(request: IncomingChannelRequest): void {
    super.onRequest(request);
    request.reply(request.name === "exec");
    if (request.name === "exec") this.#application.rekeyIfAsked();
  }

  override onData(data: Uint8Array, type: number): void {
    super.onData(data, type);
    this.outbox.push(data);
  }

  override onEof(): void {
    super.onEof();
    const { channel } = this.outbox;
    this.outbox.end(() => {
      channel?.sendRequest("exit-status", new Writer().uint32(0).finish(), null);
      channel?.sendEof();
      channel?.sendClose();
    });
  }
}
