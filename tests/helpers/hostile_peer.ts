/**
 * A peer that is a script. It can do an honest identification, key exchange and authentication,
 * in either role, and at any point send whatever it likes: payloads, packets, bytes. It shares
 * the framing with the engine under test, and none of its judgement: no gate, no checks.
 *
 * @module
 */

import type { CipherKeys, MaybePromise, RandomSource } from "../../crypto/types.ts";
import type { PrivateKey } from "../../keys/mod.ts";
import { Engine } from "../../protocol/engine.ts";
import type { Role } from "../../protocol/gate.ts";
import {
  type Algorithms,
  selectAlgorithms,
  withHostKeys,
} from "../../protocol/transport/algorithms.ts";
import {
  deriveKey,
  exchangeHash,
  type ExchangeTranscript,
  type KeyMaterial,
  KeyUse,
} from "../../protocol/transport/key_derivation.ts";
import type { KexContext } from "../../protocol/transport/kex/types.ts";
import {
  type DirectionAlgorithms,
  kexInitOf,
  KexSignal,
  negotiate,
  type NegotiatedAlgorithms,
} from "../../protocol/transport/negotiation.ts";
import { encodeUserauthRequest } from "../../wire/auth_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import {
  decodeKexInit,
  encodeKexInit,
  encodeService,
  type KexInit,
} from "../../wire/transport_messages.ts";
import { clientOptions, type PairOptions, serverOptions, testHostKey } from "./engine_pair.ts";
import { ApplicationSink } from "./application_sink.ts";
import { EngineSilentError, PeerWire } from "./peer_wire.ts";
import { seededRandom } from "./seeded_random.ts";

/** The algorithms of a peer that is not about algorithms: few, and the fastest. */
export const plainAlgorithms: Algorithms = selectAlgorithms({
  kex: ["curve25519-sha256"],
  hostKeys: ["ssh-ed25519"],
  ciphers: ["chacha20-poly1305@openssh.com"],
  macs: ["hmac-sha2-256-etm@openssh.com"],
  compression: ["none"],
});

/** How far a peer and the engine under test have come. */
export type Stage =
  /** Not a byte has been sent. */
  | "fresh"
  /** Both have identified themselves, and the engine has sent its KEXINIT. */
  | "identified"
  /** Both have sent their KEXINIT. */
  | "exchanging"
  /** There is a shared secret, and no NEWKEYS. */
  | "agreed"
  /** The first keys are in use. */
  | "service"
  /** The service was accepted; a server has the client's first request. */
  | "authenticating"
  | "connected";

/** The stages in their order. */
export const STAGES: readonly Stage[] = [
  "fresh",
  "identified",
  "exchanging",
  "agreed",
  "service",
  "authenticating",
  "connected",
];

/** How a hostile peer is set up. */
export interface HostilePeerOptions {
  /** The peer's own role: the engine under test has the other. */
  readonly role: Role;
  /** Options of the engine under test. */
  readonly engine?: PairOptions;
  /** What the peer offers. */
  readonly algorithms?: Algorithms;
  /** Whether it offers strict key exchange: it does unless told not to. */
  readonly strict?: boolean;
  /** Whether it wants EXT_INFO: it does not unless told to. */
  readonly wantsExtInfo?: boolean;
  readonly identification?: string;
  readonly random?: RandomSource;
  /** Changes its KEXINIT. */
  readonly kexInit?: (honest: KexInit) => KexInit;
  /** Changes, doubles or drops the messages of the key exchange method that it sends. */
  readonly alter?: (payload: Uint8Array) => readonly Uint8Array[];
  /** As a server, its host key: that of all tests, unless given. */
  readonly hostKey?: PrivateKey;
  /** As a server, the host key that it claims to have. */
  readonly claimedHostKey?: Uint8Array;
  /** As a server, how it signs the exchange hash. */
  readonly sign?: (
    key: PrivateKey,
    algorithm: string,
    digest: Uint8Array,
  ) => MaybePromise<Uint8Array>;
}

/** What went into the last exchange hash of a peer, and what came out. */
export interface ExchangeRecord extends ExchangeTranscript {
  readonly hostKey: Uint8Array;
  readonly fields: Uint8Array;
  /** K, encoded. */
  readonly secret: Uint8Array;
  readonly digest: Uint8Array;
}

/** Makes a peer, and an engine of the other role in front of it. */
export async function hostilePeer(options: HostilePeerOptions): Promise<HostilePeer> {
  const sink = new ApplicationSink();
  const engine = options.role === "client"
    ? new Engine(sink.watchServer(await serverOptions(sink, options.engine)))
    : new Engine(sink.watchClient(clientOptions(sink, options.engine)));
  return new HostilePeer(engine, sink, options, await testHostKey());
}

/** One scripted peer. */
export class HostilePeer extends PeerWire {
  readonly role: Role;
  /** What the application of the engine under test has heard. */
  readonly application: ApplicationSink;
  readonly #options: HostilePeerOptions;
  readonly #hostKey: PrivateKey;
  readonly #algorithms: Algorithms;
  readonly #random: RandomSource;
  #ourKexInit: Uint8Array | null = null;
  #compressing = false;
  #strict = false;
  #sessionId: Uint8Array | null = null;
  #material: KeyMaterial | null = null;
  #negotiated: NegotiatedAlgorithms | null = null;
  #stage: Stage = "fresh";
  /** The last exchange. */
  exchange: ExchangeRecord | null = null;

  constructor(
    engine: Engine,
    application: ApplicationSink,
    options: HostilePeerOptions,
    hostKey: PrivateKey,
  ) {
    const random = options.random ?? seededRandom(options.role === "client" ? 1 : 2);
    super(engine, random);
    this.role = options.role;
    this.application = application;
    this.#options = options;
    this.#hostKey = options.hostKey ?? hostKey;
    this.#algorithms = offeredOf(options, this.#hostKey);
    this.#random = random;
  }

  /** This peer's identification, without CR LF. */
  get identification(): string {
    return this.#options.identification ?? "SSH-2.0-hostile";
  }

  /** Does honestly what leads to a stage. */
  async reach(stage: Stage): Promise<this> {
    while (this.#stage !== stage) {
      const next = STAGES[STAGES.indexOf(this.#stage) + 1];
      if (next === undefined) throw new Error(`${stage} is behind us`);
      await this.#step(next);
      this.#stage = next;
    }
    return this;
  }

  /** As {@linkcode reach}, but puts up with an engine that ends the connection on the way. */
  async tryToReach(stage: Stage): Promise<this> {
    try {
      return await this.reach(stage);
    } catch (error) {
      if (error instanceof EngineSilentError) return this;
      throw error;
    }
  }

  /** Exchanges keys anew, honestly. */
  async rekey(): Promise<void> {
    await this.beginExchange();
    await this.agree();
    await this.useNewKeys();
  }

  /** Sends this peer's KEXINIT. */
  sendKexInit(): void {
    const honest = kexInitOf(this.#algorithms, {
      cookie: this.#random(16),
      role: this.role,
      first: this.#sessionId === null,
    });
    const kex = honest.kex.filter((name) =>
      (this.#options.strict !== false || name !== KexSignal.STRICT[this.role]) &&
      (this.#options.wantsExtInfo === true || name !== KexSignal.EXT_INFO[this.role])
    );
    const message = { ...honest, kex };
    this.#ourKexInit = encodeKexInit(this.#options.kexInit?.(message) ?? message);
    this.send(this.#ourKexInit);
  }

  /** Sends this peer's KEXINIT, unless it has been sent, and reads the engine's. */
  async beginExchange(): Promise<void> {
    if (this.#ourKexInit === null) this.sendKexInit();
    const ours = this.#ourKexInit ?? new Uint8Array(0);
    const theirs = await this.milestone(Msg.KEXINIT);
    const theirMessage = decodeKexInit(theirs);
    const engineRole = this.role === "client" ? "server" : "client";
    if (this.#sessionId === null) {
      this.#strict = this.#options.strict !== false &&
        theirMessage.kex.includes(KexSignal.STRICT[engineRole]);
    }
    this.#negotiated = negotiate(this.role, this.#algorithms, decodeKexInit(ours), theirMessage);
    const [client, server] = this.role === "client" ? [ours, theirs] : [theirs, ours];
    const versions = [this.identification, this.engineVersion].map(encode);
    const [ourVersion = ours, theirVersion = ours] = versions;
    this.exchange = {
      clientVersion: this.role === "client" ? ourVersion : theirVersion,
      serverVersion: this.role === "client" ? theirVersion : ourVersion,
      clientKexInit: client,
      serverKexInit: server,
      hostKey: new Uint8Array(0),
      fields: new Uint8Array(0),
      secret: new Uint8Array(0),
      digest: new Uint8Array(0),
    };
  }

  /** Does the messages of the method. */
  async agree(): Promise<void> {
    const negotiated = this.#agreed();
    const context: KexContext = {
      random: this.#random,
      send: (payload) => this.send(...(this.#options.alter?.(payload) ?? [payload])),
      next: (number) => this.until(number),
    };
    if (this.role === "client") {
      await negotiated.kex.client({
        ...context,
        verify: (reply) => {
          this.#derive(reply.hostKey, reply.fields, reply.secret);
          return Promise.resolve();
        },
      });
      return;
    }
    const { claimedHostKey, sign = (key, algorithm, digest) => key.sign(algorithm, digest) } =
      this.#options;
    const hostKey = claimedHostKey ?? this.#hostKey.publicKey.blob;
    await negotiated.kex.server({
      ...context,
      sign: async (fields, secret) => {
        const digest = this.#derive(hostKey, fields, secret);
        return { hostKey, signature: await sign(this.#hostKey, negotiated.hostKey, digest) };
      },
    });
  }

  /** Sends NEWKEYS, reads the engine's, and takes the keys into use. */
  async useNewKeys(): Promise<void> {
    this.sendNewKeys();
    await this.receiveNewKeys();
  }

  /** Sends NEWKEYS, and seals with the new keys from now on. */
  sendNewKeys(): void {
    this.send(Uint8Array.of(Msg.NEWKEYS));
    this.takeSendingKeys();
  }

  /** Seals with the new keys from now on. */
  takeSendingKeys(): void {
    const negotiated = this.#agreed();
    const way = this.role === "client" ? negotiated.clientToServer : negotiated.serverToClient;
    this.writer.rekey(way.cipher.createSealer(this.#keys(way, this.role)), this.#strict);
    if (this.#compressing) this.writer.compressWith(way.compression.createCompressor());
  }

  /** Reads on until the engine's NEWKEYS, unless that has been read. */
  async receiveNewKeys(): Promise<void> {
    await this.milestone(Msg.NEWKEYS);
    this.#ourKexInit = null;
  }

  /** Opens with the new keys from now on. */
  protected override onNewKeys(): void {
    const negotiated = this.#agreed();
    const way = this.role === "client" ? negotiated.serverToClient : negotiated.clientToServer;
    const sender = this.role === "client" ? "server" : "client";
    this.reader.rekey(way.cipher.createOpener(this.#keys(way, sender)), this.#strict);
    if (this.#compressing) this.reader.decompressWith(way.compression.createDecompressor());
  }

  async #step(stage: Stage): Promise<void> {
    switch (stage) {
      case "fresh":
        return;
      case "identified":
        this.sendRaw(encode(`${this.identification}\r\n`));
        return;
      case "exchanging":
        return await this.beginExchange();
      case "agreed":
        return await this.agree();
      case "service":
        return await this.useNewKeys();
      case "authenticating":
        return await this.#startService();
      case "connected":
        return await this.#authenticate();
    }
  }

  async #startService(): Promise<void> {
    if (this.role === "client") {
      this.send(encodeService(Msg.SERVICE_REQUEST, "ssh-userauth"));
      await this.until(Msg.SERVICE_ACCEPT);
    } else {
      await this.milestone(Msg.SERVICE_REQUEST);
      this.send(encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth"));
      await this.milestone(Msg.USERAUTH_REQUEST);
    }
  }

  async #authenticate(): Promise<void> {
    if (this.role === "client") {
      this.send(requestNone);
      await this.until(Msg.USERAUTH_SUCCESS);
    } else {
      this.send(Uint8Array.of(Msg.USERAUTH_SUCCESS));
      await this.settle();
      if (this.engine.closed !== null) throw new EngineSilentError("The engine has ended");
    }
    this.#compress();
  }

  /** The user is authenticated: delayed compression begins, in both directions. */
  #compress(): void {
    const { clientToServer, serverToClient } = this.#agreed();
    const isClient = this.role === "client";
    const [sending, receiving] = isClient
      ? [clientToServer, serverToClient]
      : [serverToClient, clientToServer];
    this.#compressing = true;
    this.writer.compressWith(sending.compression.createCompressor());
    this.reader.decompressWith(receiving.compression.createDecompressor());
  }

  #agreed(): NegotiatedAlgorithms {
    if (this.#negotiated === null) throw new Error("Nothing has been agreed on");
    return this.#negotiated;
  }

  #derive(hostKey: Uint8Array, fields: Uint8Array, secret: Uint8Array): Uint8Array {
    const { hash } = this.#agreed().kex;
    if (this.exchange === null) throw new Error("There is no exchange");
    const digest = exchangeHash(hash, this.exchange, hostKey, fields, secret);
    this.exchange = { ...this.exchange, hostKey, fields, secret, digest };
    this.#sessionId ??= digest;
    this.#material = { hash, secret, exchangeHash: digest, sessionId: this.#sessionId };
    return digest;
  }

  #keys({ cipher, mac }: DirectionAlgorithms, sender: Role): CipherKeys {
    const material = this.#material;
    if (material === null) throw new Error("There are no keys");
    const way = sender === "client" ? "CLIENT_TO_SERVER" : "SERVER_TO_CLIENT";
    return {
      key: deriveKey(material, KeyUse[`CIPHER_${way}`], cipher.keyBytes),
      iv: deriveKey(material, KeyUse[`IV_${way}`], cipher.ivBytes),
      ...(mac === null ? {} : {
        mac: { algorithm: mac, key: deriveKey(material, KeyUse[`MAC_${way}`], mac.keyBytes) },
      }),
    };
  }
}

/** USERAUTH_REQUEST by `none`. */
export const requestNone: Uint8Array = encodeUserauthRequest({
  user: "ada",
  service: "ssh-connection",
  method: "none",
  fields: new Uint8Array(0),
});

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A server offers what its host key can do, unless it lies about that. */
function offeredOf(options: HostilePeerOptions, hostKey: PrivateKey): Algorithms {
  const { role, algorithms = plainAlgorithms, claimedHostKey, sign } = options;
  const isHonest = role === "server" && claimedHostKey === undefined && sign === undefined;
  return isHonest ? withHostKeys(algorithms, [hostKey]) : algorithms;
}
