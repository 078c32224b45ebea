/**
 * Key exchange, the first one and all that follow (RFC 4253 sections 7 to 9).
 *
 * @module
 */

import type { CipherKeys, RandomSource } from "../../crypto/types.ts";
import { inspectSignature } from "../../keys/inspect_signature.ts";
import { parsePublicKey, samePublicKey } from "../../keys/public_key.ts";
import type { PublicKey, Signer } from "../../keys/types.ts";
import { DisconnectCode, KeyFormatError, ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeKexInit, encodeKexInit, type KexInit } from "../../wire/transport_messages.ts";
import { Conversation } from "../conversation.ts";
import type { Role } from "../gate.ts";
import { type Algorithms, withHostKeys } from "./algorithms.ts";
import { deriveKey, exchangeHash, type KeyMaterial, KeyUse } from "./key_derivation.ts";
import type { KexClientContext, KexContext, KexServerContext } from "./kex/types.ts";
import {
  type DirectionAlgorithms,
  guessedRight,
  kexInitOf,
  KexSignal,
  negotiate,
  type NegotiatedAlgorithms,
} from "./negotiation.ts";
import type { PacketReader } from "./packet_reader.ts";
import type { PacketWriter } from "./packet_writer.ts";

/** What is needed to prove or to verify the server's identity. */
export type HostIdentity =
  | {
    readonly role: "server";
    readonly hostKeys: readonly Signer[];
    /** The first KEXINIT where it has been made before; otherwise it is made when it is sent. */
    readonly kexInit?: KexInit | undefined;
  }
  | {
    readonly role: "client";
    /** Throws if the key, whose signature is right, is not to be trusted. */
    readonly verifyHostKey: (key: PublicKey) => Promise<void>;
  };

/** What an exchange needs from the transport around it. */
export interface KeyExchangeOptions {
  readonly identity: HostIdentity;
  readonly algorithms: Algorithms;
  readonly random: RandomSource;
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
  /** The identifications of both ends, without CR LF. */
  readonly versions: () => { client: Uint8Array; server: Uint8Array };
  /** Our KEXINIT has gone out. */
  readonly onStarted: () => void;
  /** New keys have been taken into use for sending. */
  readonly onNewKeysSent: (first: boolean) => void;
  /** Both directions have new keys. */
  readonly onDone: (first: boolean) => void;
  readonly onError: (reason: unknown) => void;
  readonly onIdle: () => void;
}

/** Runs one exchange after another on a connection. */
export class KeyExchange {
  readonly #options: KeyExchangeOptions;
  readonly #role: Role;
  readonly #algorithms: Algorithms;
  #ours: { message: KexInit; payload: Uint8Array } | null = null;
  #conversation: Conversation | null = null;
  #skipGuess = false;
  #sessionId: Uint8Array | null = null;
  #hostKey: PublicKey | null = null;
  #hostKeySignature: Uint8Array | null = null;
  #negotiated: NegotiatedAlgorithms | null = null;
  #strict = false;
  #peerTakesExtInfo = false;

  constructor(options: KeyExchangeOptions) {
    this.#options = options;
    this.#role = options.identity.role;
    this.#algorithms = options.identity.role === "server"
      ? withHostKeys(options.algorithms, options.identity.hostKeys)
      : options.algorithms;
  }

  /** Whether our KEXINIT has gone out, and our NEWKEYS not: nothing else may be sent. */
  get sending(): boolean {
    return this.#ours !== null;
  }

  /** Whether the peer's KEXINIT has come in, and its NEWKEYS not. */
  get receiving(): boolean {
    return this.#conversation !== null;
  }

  /** Whether a step of the exchange is at work: the engine parks. */
  get busy(): boolean {
    return this.#conversation?.busy ?? false;
  }

  /** Whether the first exchange was strict, as every one then is. */
  get strict(): boolean {
    return this.#strict;
  }

  /** Whether the peer wants to be told of extensions (RFC 8308 section 2.1). */
  get peerTakesExtInfo(): boolean {
    return this.#peerTakesExtInfo;
  }

  /** The first exchange hash; null before it is known. */
  get sessionId(): Uint8Array | null {
    return this.#sessionId;
  }

  /** The server's proven host key; null before that. */
  get hostKey(): PublicKey | null {
    return this.#hostKey;
  }

  /** The host key's signature of the first exchange hash; null before it is known. */
  get hostKeySignature(): Uint8Array | null {
    return this.#hostKeySignature;
  }

  /** What was agreed on last; null before the first exchange is under way. */
  get negotiated(): NegotiatedAlgorithms | null {
    return this.#negotiated;
  }

  /** Sends our KEXINIT, unless an exchange is under way already. */
  start(): void {
    if (this.#ours !== null || this.#conversation !== null) return;
    const { identity, random } = this.#options;
    const first = this.#sessionId === null;
    const prepared = first && identity.role === "server" ? identity.kexInit : undefined;
    const message = prepared ??
      kexInitOf(this.#algorithms, { cookie: random(16), role: this.#role, first });
    const payload = encodeKexInit(message);
    this.#ours = { message, payload };
    this.#options.writer.writePacket(payload);
    this.#options.onStarted();
  }

  /** Takes the peer's KEXINIT. */
  handleKexInit(payload: Uint8Array): void {
    const theirs = decodeKexInit(payload);
    this.start();
    const ours = this.#ours;
    if (ours === null) throw new ProtocolError("Cannot take KEXINIT: an exchange is under way");
    if (this.#sessionId === null) this.#takeSignals(theirs);

    const negotiated = negotiate(this.#role, this.#algorithms, ours.message, theirs);
    this.#negotiated = negotiated;
    this.#skipGuess = theirs.firstKexPacketFollows && !guessedRight(ours.message, theirs);
    const conversation = new Conversation({
      what: `key exchange ${negotiated.kex.name}`,
      send: (message) => this.#options.writer.writePacket(message),
      onIdle: this.#options.onIdle,
    });
    this.#conversation = conversation;
    conversation.run(
      () => this.#run(conversation, negotiated, ours.payload, payload),
      this.#options.onError,
    );
  }

  /** Takes a message of the exchange under way: NEWKEYS, or one of the method. */
  handleMessage(payload: Uint8Array): void {
    if (this.#skipGuess) {
      // RFC 4253 section 7: the guess is dropped; it is always a message of a method.
      this.#skipGuess = false;
      if (payload[0] !== Msg.NEWKEYS) return;
    }
    if (this.#conversation === null) throw new ProtocolError("No key exchange is under way");
    this.#conversation.deliver(payload);
  }

  /** Ends the exchange under way. */
  end(reason: unknown): void {
    this.#conversation?.end(reason);
  }

  /** Markers count in the first KEXINIT only: a later one cannot change what holds. */
  #takeSignals(theirs: KexInit): void {
    const peer = this.#role === "client" ? "server" : "client";
    this.#peerTakesExtInfo = theirs.kex.includes(KexSignal.EXT_INFO[peer]);
    this.#strict = theirs.kex.includes(KexSignal.STRICT[peer]);
    if (this.#strict && this.#options.reader.sequence !== 1) {
      throw new ProtocolError(
        "Cannot exchange keys: something came before the first KEXINIT, " +
          "which strict key exchange forbids",
      );
    }
  }

  async #run(
    conversation: Conversation,
    negotiated: NegotiatedAlgorithms,
    ours: Uint8Array,
    theirs: Uint8Array,
  ): Promise<void> {
    const { identity, random, reader, writer } = this.#options;
    const isClient = identity.role === "client";
    const versions = this.#options.versions();
    const transcript = {
      clientVersion: versions.client,
      serverVersion: versions.server,
      clientKexInit: isClient ? ours : theirs,
      serverKexInit: isClient ? theirs : ours,
    };
    let material: KeyMaterial | null = null;
    const derive = (hostKey: Uint8Array, fields: Uint8Array, secret: Uint8Array): Uint8Array => {
      const hash = negotiated.kex.hash;
      const digest = exchangeHash(hash, transcript, hostKey, fields, secret);
      material = { hash, secret, exchangeHash: digest, sessionId: this.#sessionId ?? digest };
      return digest;
    };
    const context: KexContext = {
      random,
      send: (payload) => conversation.send(payload),
      next: (number) => conversation.next(number),
    };
    if (identity.role === "client") {
      const verify: KexClientContext["verify"] = async (reply) => {
        const digest = derive(reply.hostKey, reply.fields, reply.secret);
        await this.#verify(negotiated.hostKey, reply.hostKey, reply.signature, digest, identity);
        this.#hostKeySignature ??= reply.signature;
      };
      await negotiated.kex.client({ ...context, verify });
    } else {
      const signer = signerFor(identity.hostKeys, negotiated.hostKey);
      const sign: KexServerContext["sign"] = async (fields, secret) => {
        const hostKey = signer.publicKey.blob;
        const signature = await signer.sign(negotiated.hostKey, derive(hostKey, fields, secret));
        this.#hostKeySignature ??= signature.slice();
        return { hostKey, signature };
      };
      await negotiated.kex.server({ ...context, sign });
      this.#hostKey = signer.publicKey;
    }
    if (material === null) throw new ProtocolError("The key exchange gave no keys");
    const keys: KeyMaterial = material;

    const first = this.#sessionId === null;
    this.#sessionId ??= keys.exchangeHash;
    conversation.send(Uint8Array.of(Msg.NEWKEYS));
    const sending = isClient ? negotiated.clientToServer : negotiated.serverToClient;
    const sealKeys = cipherKeys(keys, sending, isClient ? "client" : "server");
    writer.rekey(sending.cipher.createSealer(sealKeys), this.#strict);
    this.#ours = null;
    this.#options.onNewKeysSent(first);

    const newKeys = await conversation.next(Msg.NEWKEYS);
    if (newKeys.length !== 1) throw new ProtocolError("Cannot read NEWKEYS: it has a body");
    const receiving = isClient ? negotiated.serverToClient : negotiated.clientToServer;
    const openKeys = cipherKeys(keys, receiving, isClient ? "server" : "client");
    reader.rekey(receiving.cipher.createOpener(openKeys), this.#strict);
    this.#conversation = null;
    this.#options.onDone(first);
  }

  async #verify(
    algorithm: string,
    blob: Uint8Array,
    signature: Uint8Array,
    digest: Uint8Array,
    identity: Extract<HostIdentity, { role: "client" }>,
  ): Promise<void> {
    const key = parseHostKey(blob);
    if (!key.algorithms.includes(algorithm)) {
      throw refuse(`its host key is of type ${key.type}, but ${algorithm} was agreed on`);
    }
    // A host's security key is touched by nobody.
    if ((await inspectSignature(key, algorithm, digest, signature)) === null) {
      throw refuse(`its ${algorithm} signature of the key exchange is wrong`);
    }
    if (this.#hostKey === null) {
      await identity.verifyHostKey(key);
      this.#hostKey = key;
    } else if (!samePublicKey(this.#hostKey, key)) {
      throw refuse("it has another host key than before");
    }
  }
}

function parseHostKey(blob: Uint8Array): PublicKey {
  try {
    return parsePublicKey(blob);
  } catch (cause) {
    if (!(cause instanceof KeyFormatError)) throw cause;
    throw refuse(`its host key is not a valid one (${cause.message})`, cause);
  }
}

function refuse(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`Cannot verify the server: ${why}`, {
    code: DisconnectCode.KEY_EXCHANGE_FAILED,
    ...(cause === undefined ? {} : { cause }),
  });
}

function signerFor(signers: readonly Signer[], algorithm: string): Signer {
  const signer = signers.find(({ publicKey }) => publicKey.algorithms.includes(algorithm));
  if (signer === undefined) throw new ProtocolError(`There is no host key for ${algorithm}`);
  return signer;
}

/** The keys of the direction in which `sender` sends. */
function cipherKeys(
  material: KeyMaterial,
  { cipher, mac }: DirectionAlgorithms,
  sender: Role,
): CipherKeys {
  const way = sender === "client" ? "CLIENT_TO_SERVER" : "SERVER_TO_CLIENT";
  const iv = deriveKey(material, KeyUse[`IV_${way}`], cipher.ivBytes);
  const key = deriveKey(material, KeyUse[`CIPHER_${way}`], cipher.keyBytes);
  if (mac === null) return { key, iv };
  const macKey = deriveKey(material, KeyUse[`MAC_${way}`], mac.keyBytes);
  return { key, iv, mac: { algorithm: mac, key: macKey } };
}
