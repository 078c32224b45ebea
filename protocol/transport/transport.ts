/**
 * The transport layer (RFC 4253): identification, packets, key exchange, and the messages that
 * belong to no layer above. Everything that arrives passes the gate here.
 *
 * @module
 */

import type { RandomSource } from "../../crypto/types.ts";
import { plainOpener, plainSealer } from "../../crypto/plaintext.ts";
import { ByteQueue } from "../../wire/byte_queue.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { encodeLatin1 } from "../../wire/latin1.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import {
  type Debug,
  decodeDebug,
  decodeDisconnect,
  decodeExtInfo,
  decodePing,
  type Disconnect,
  encodeDisconnect,
  encodeExtInfo,
  encodePing,
  encodeUnimplemented,
} from "../../wire/transport_messages.ts";
import { judge, type Phase, type Role } from "../gate.ts";
import type { Algorithms } from "./algorithms.ts";
import { noCompression } from "./compression.ts";
import { IdentificationReader } from "./identification.ts";
import { type HostIdentity, KeyExchange } from "./key_exchange.ts";
import { PacketReader } from "./packet_reader.ts";
import { type DataStream, PacketWriter } from "./packet_writer.ts";

/** When keys have served long enough (RFC 4253 section 9). */
export interface RekeyLimits {
  /** Bytes in either direction. */
  readonly bytes: number;
  /** Packets in either direction; sequence numbers may never come round under one key. */
  readonly packets: number;
  /** Milliseconds. */
  readonly intervalMs: number;
}

/** What the transport tells the layers above. */
export interface TransportHandlers {
  /** The first keys are in use in both directions. */
  onEncrypted(): void;
  /** EXT_INFO, or a message of a layer above. The gate let it pass; nobody else has its buffer. */
  onMessage(number: number, payload: Uint8Array): void;
  /** The peer ended the connection. */
  onDisconnect(message: Disconnect): void;
  /** The connection cannot go on. */
  onError(reason: unknown): void;
  /** A step that was waited for is done. */
  onIdle(): void;
  /** There is output to take, and was none before. */
  onOutput(): void;
  /** Packets may be sent again that had to wait for new keys. */
  onSendable(): void;
  /** A deadline may be earlier than it was. */
  onDeadline(): void;
  /** A line before the server's identification. */
  onLine?: ((line: string) => void) | undefined;
  /** A DEBUG message. */
  onDebug?: ((message: Debug) => void) | undefined;
}

/** How a transport is set up. */
export interface TransportOptions {
  readonly identity: HostIdentity;
  readonly algorithms: Algorithms;
  readonly random: RandomSource;
  readonly now: () => number;
  /** Whether the output may come in many buffers. */
  readonly gathers?: boolean | undefined;
  /** Our identification, without CR LF. */
  readonly identification: string;
  readonly rekey: RekeyLimits;
  /** What we tell the peer in EXT_INFO. */
  readonly extensions: ReadonlyMap<string, string>;
  readonly handlers: TransportHandlers;
}

/** No honest peer needs as many packets for a first key exchange. */
const MAX_INITIAL_PACKETS = 1000;
/**
 * How long a peer may say nothing in the middle of a later exchange, in milliseconds: long enough
 * for our KEXINIT to get there over a slow link, behind all that is under way.
 */
const MAX_SILENCE_MS = 600_000;
/** What may wait for the end of a key exchange: replies, above all. */
const MAX_HELD_BYTES = 2 * 1024 * 1024;
/** What a message costs beside its bytes, so that many small ones are bounded as well. */
const HELD_MESSAGE_BYTES = 128;

/** One end's transport, without I/O. */
export class Transport {
  readonly role: Role;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers;
  readonly #queue = new ByteQueue();
  readonly #reader: PacketReader;
  readonly #writer: PacketWriter;
  readonly #identification: IdentificationReader;
  readonly #kex: KeyExchange;
  readonly #pings: ((data: Uint8Array) => void)[] = [];
  #peerVersion: string | null = null;
  #phase: Phase = "initial";
  #peerExtensions: ReadonlyMap<string, Uint8Array> = new Map();
  #extInfoMayCome = false;
  #extInfoBeforeSuccess = false;
  #compressing = false;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #keysSince = 0;
  /** When the peer said something, or we were done with what it had said. */
  #heardAt = 0;

  constructor(options: TransportOptions) {
    const handlers = options.handlers;
    this.role = options.identity.role;
    this.#options = options;
    this.#handlers = handlers;
    this.#reader = new PacketReader(this.#queue, plainOpener, {
      onOpened: () => handlers.onIdle(),
      onError: (reason) => handlers.onError(reason),
    });
    this.#writer = new PacketWriter(options.random, plainSealer, handlers, options);
    this.#identification = new IdentificationReader({
      linesAllowed: this.role === "client",
      onLine: handlers.onLine,
    });
    this.#kex = new KeyExchange({
      identity: options.identity,
      algorithms: options.algorithms,
      random: options.random,
      reader: this.#reader,
      writer: this.#writer,
      versions: () => this.#versions(),
      onStarted: () => this.#exchangeStarted(),
      onNewKeysSent: (first) => this.#newKeysSent(first),
      onDone: (first) => this.#keysDone(first),
      onError: handlers.onError,
      onIdle: () => {
        this.#heardAt = options.now();
        handlers.onIdle();
      },
    });
  }

  /** Key exchange and what came out of it. */
  get kex(): KeyExchange {
    return this.#kex;
  }

  /** How far the connection has come; the layers above move it on. */
  get phase(): Phase {
    return this.#phase;
  }

  set phase(phase: Phase) {
    this.#phase = phase;
    this.#reader.readAhead = phase === "connected";
  }

  /** The peer's identification; null before it has come. */
  get peerVersion(): string | null {
    return this.#peerVersion;
  }

  /** What the peer told of itself (RFC 8308). */
  get peerExtensions(): ReadonlyMap<string, Uint8Array> {
    return this.#peerExtensions;
  }

  /** When the peer said something, or we were done with what it had said. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Whether the next packet is at the cipher. */
  get isOpening(): boolean {
    return this.#reader.isOpening;
  }

  /** Whether the next packet is at the cipher, and there is no room for others. */
  get isFull(): boolean {
    return this.#reader.isFull;
  }

  /** While packets are being sealed: what to wait for. Null if there are none. */
  get sealing(): Promise<void> | null {
    return this.#writer.sealing;
  }

  /** How many bytes of output wait to be taken, those at the cipher included. */
  get outputBytes(): number {
    return this.#writer.outputBytes;
  }

  /** Whether payloads of the layers above go out at once: not during a key exchange. */
  get sendable(): boolean {
    return !this.#kex.sending;
  }

  /** Sends our identification and KEXINIT, together. */
  start(): void {
    this.#writer.writeRaw(encodeLatin1(`${this.#options.identification}\r\n`));
    this.#kex.start();
  }

  /** Adds bytes that arrived; the chunk belongs to the transport. */
  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#heardAt = this.#options.now();
  }

  /**
   * Lets go of the buffer of the chunk that was pushed last, unless much of it waits.
   *
   * @returns Whether its buffer is no longer needed.
   */
  letGo(chunk: Uint8Array): boolean {
    return this.#queue.letGo(chunk);
  }

  /**
   * Takes the next message from what has arrived and acts on it.
   *
   * @returns Whether there was one.
   */
  step(): boolean {
    if (this.#peerVersion === null) {
      this.#peerVersion = this.#identification.next(this.#queue);
      return this.#peerVersion !== null;
    }
    const payload = this.#reader.next();
    if (payload === null) return false;
    this.#dispatch(payload);
    return true;
  }

  /** Sends a payload of a layer above; during a key exchange it waits for the new keys. */
  send(payload: Uint8Array): void {
    if (this.sendable) {
      this.#writer.writePacket(payload);
      return;
    }
    this.#heldBytes += payload.length + HELD_MESSAGE_BYTES;
    if (this.#heldBytes > MAX_HELD_BYTES) {
      throw new ProtocolError(
        `Cannot hold more than ${MAX_HELD_BYTES} bytes back: ` +
          `the peer does not finish the key exchange`,
      );
    }
    // A copy: a small message may be a view of a buffer that is many times larger.
    this.#held.push(payload.slice());
  }

  /**
   * Sends channel data, which never waits here: to be called only while `sendable`.
   *
   * @param stream What it may share packets with; null for a packet of its own.
   */
  sendData(head: Uint8Array, data: Uint8Array, stream: DataStream | null): void {
    this.#writer.writeData(head, data, stream);
    // A sender with a wide window may hear nothing for long: its keys end by what it sends.
    const { bytes, packets } = this.#options.rekey;
    if (this.#writer.bytes >= bytes || this.#writer.packets >= packets) this.rekey();
  }

  /** Sends DISCONNECT, whatever is under way. */
  sendDisconnect(message: Disconnect): void {
    try {
      this.#writer.writePacket(encodeDisconnect(message));
    } catch {
      // Whatever keeps it from being sealed is what ends the connection, or comes too late to.
    }
  }

  /** Sends PING; the peer's answer is given to `onPong`. */
  sendPing(data: Uint8Array, onPong: (data: Uint8Array) => void): void {
    this.#pings.push(onPong);
    this.send(encodePing(Msg.PING, data));
  }

  /** All that waits to be sent, in order. */
  takeOutput(): Uint8Array[] {
    return this.#writer.takeOutput();
  }

  /** Takes buffers of the output back that nobody needs any more. */
  takeBack(output: readonly Uint8Array[]): void {
    this.#writer.takeBack(output);
  }

  /** Starts a key exchange, unless one is under way. */
  rekey(): void {
    this.#kex.start();
  }

  /** Starts a key exchange if the present keys have served long enough. */
  rekeyIfDue(now: number): void {
    if (this.#phase !== "connected" || this.#kex.sending || this.#kex.receiving) return;
    const { bytes, packets, intervalMs } = this.#options.rekey;
    const due = this.#writer.bytes >= bytes || this.#reader.bytes >= bytes ||
      this.#writer.packets >= packets || this.#reader.packets >= packets ||
      now - this.#keysSince >= intervalMs;
    if (due) this.#kex.start();
  }

  /** When the present keys will be too old; null while that does not count. */
  get rekeyDeadline(): number | null {
    if (this.#phase !== "connected" || this.#kex.sending || this.#kex.receiving) return null;
    return this.#keysSince + this.#options.rekey.intervalMs;
  }

  /**
   * When a peer that goes on saying nothing is given up, in the middle of a key exchange; null
   * while it is not its turn. Before the user is authenticated there is a deadline for all that.
   */
  get silenceDeadline(): number | null {
    const { sending, receiving, busy } = this.#kex;
    if (this.#phase !== "connected" || busy || !(sending || receiving)) return null;
    return this.#heardAt + MAX_SILENCE_MS;
  }

  /** The user is authenticated: delayed compression begins with the next packet. */
  startCompression(): void {
    this.#compressing = true;
    this.#compressSending();
    this.#compressReceiving();
  }

  /** Lets larger packets in, once it is known who sends them. */
  allowPackets(maxPacketBytes: number): void {
    this.#reader.maxPacketBytes = Math.max(this.#reader.maxPacketBytes, maxPacketBytes);
  }

  /** Ends what is under way, and drops what has arrived. */
  end(reason: unknown): void {
    this.#kex.end(reason);
    this.#queue.clear();
    this.#held = [];
  }

  #dispatch(payload: Uint8Array): void {
    const number = payload[0] ?? 0;
    const initial = this.#phase === "initial";
    const verdict = judge(number, {
      role: this.role,
      phase: this.#phase,
      exchanging: this.#kex.receiving,
      strictInitial: initial && this.#kex.strict,
    });
    if (verdict === "refuse") throw this.#refusal(number);
    if (initial && this.#reader.packets > MAX_INITIAL_PACKETS) {
      throw new ProtocolError(
        `Cannot exchange keys: ${this.#reader.packets} packets came before the first keys`,
      );
    }
    if (this.#extInfoBeforeSuccess && number !== Msg.USERAUTH_SUCCESS) {
      throw new ProtocolError(
        `Cannot accept ${messageName(number)}: after a second EXT_INFO ` +
          `only USERAUTH_SUCCESS may come (RFC 8308 section 2.4)`,
      );
    }
    this.#extInfoBeforeSuccess = false;
    if (number !== Msg.EXT_INFO) this.#extInfoMayCome = false;
    if (verdict === "ignore") return;
    if (verdict === "unknown") {
      this.send(encodeUnimplemented(this.#reader.lastSequence));
      return;
    }
    this.#handle(number, payload);
  }

  #handle(number: number, payload: Uint8Array): void {
    switch (number) {
      case Msg.DISCONNECT:
        return this.#handlers.onDisconnect(decodeDisconnect(payload));
      case Msg.IGNORE:
      case Msg.UNIMPLEMENTED:
        return;
      case Msg.DEBUG:
        return this.#handlers.onDebug?.(decodeDebug(payload));
      case Msg.EXT_INFO:
        this.#takeExtInfo(payload);
        break;
      case Msg.KEXINIT:
        this.#reader.readAhead = false;
        return this.#kex.handleKexInit(payload);
      case Msg.PING:
        return this.send(encodePing(Msg.PONG, decodePing(payload)));
      case Msg.PONG:
        return this.#takePong(payload);
    }
    if (number === Msg.NEWKEYS || (number >= 30 && number <= 49)) {
      this.#kex.handleMessage(payload);
    } else {
      this.#handlers.onMessage(number, payload);
    }
  }

  #refusal(number: number): ProtocolError {
    const during = this.#kex.receiving ? ", during a key exchange" : "";
    const when = {
      initial: "before the first keys",
      service: "before the authentication service was asked for",
      authenticating: "before the user was authenticated",
      connected: "on an authenticated connection",
    }[this.#phase];
    return new ProtocolError(
      `Cannot accept ${messageName(number)}: a ${this.role} may not be sent it ${when}${during}`,
    );
  }

  #takeExtInfo(payload: Uint8Array): void {
    if (this.#phase === "authenticating") {
      this.#extInfoBeforeSuccess = true;
    } else if (!this.#extInfoMayCome) {
      throw new ProtocolError(
        "Cannot accept EXT_INFO: it has to be the first message under the first keys " +
          "(RFC 8308 section 2.4)",
      );
    }
    this.#extInfoMayCome = false;
    // RFC 8308 section 2.4: a second one replaces the first.
    this.#peerExtensions = decodeExtInfo(payload);
  }

  #takePong(payload: Uint8Array): void {
    const onPong = this.#pings.shift();
    if (onPong === undefined) throw new ProtocolError("Cannot accept PONG: no PING was sent");
    onPong(decodePing(payload));
  }

  #versions(): { client: Uint8Array; server: Uint8Array } {
    const ours = encodeLatin1(this.#options.identification);
    const theirs = encodeLatin1(this.#peerVersion ?? "");
    return this.role === "client"
      ? { client: ours, server: theirs }
      : { client: theirs, server: ours };
  }

  #exchangeStarted(): void {
    if (this.#phase !== "connected") return;
    this.#heardAt = this.#options.now();
    this.#handlers.onDeadline();
  }

  #newKeysSent(first: boolean): void {
    this.#compressSending();
    if (first && this.#kex.peerTakesExtInfo && this.#options.extensions.size > 0) {
      this.#writer.writePacket(encodeExtInfo(this.#options.extensions));
    }
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const payload of held) this.#writer.writePacket(payload);
    this.#handlers.onSendable();
  }

  #keysDone(first: boolean): void {
    this.#compressReceiving();
    this.#reader.readAhead = this.#phase === "connected";
    this.#keysSince = this.#options.now();
    if (!first) {
      this.#handlers.onDeadline();
      return;
    }
    this.#phase = "service";
    this.#extInfoMayCome = true;
    this.#handlers.onEncrypted();
  }

  #compressSending(): void {
    const negotiated = this.#kex.negotiated;
    if (!this.#compressing || negotiated === null) return;
    const way = this.role === "client" ? negotiated.clientToServer : negotiated.serverToClient;
    const { compression } = way;
    this.#writer.compressWith(
      compression === noCompression ? null : compression.createCompressor(),
    );
  }

  #compressReceiving(): void {
    const negotiated = this.#kex.negotiated;
    if (!this.#compressing || negotiated === null) return;
    const way = this.role === "client" ? negotiated.serverToClient : negotiated.clientToServer;
    const { compression } = way;
    this.#reader.decompressWith(
      compression === noCompression ? null : compression.createDecompressor(),
    );
  }
}
