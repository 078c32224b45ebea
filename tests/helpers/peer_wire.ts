/**
 * How a scripted peer sends to the engine under test and hears from it: the framing, and nothing
 * that judges.
 *
 * @module
 */

import { plainOpener, plainSealer } from "../../crypto/plaintext.ts";
import type { RandomSource } from "../../crypto/types.ts";
import type { Engine } from "../../protocol/engine.ts";
import { PacketReader } from "../../protocol/transport/packet_reader.ts";
import { PacketWriter } from "../../protocol/transport/packet_writer.ts";
import { ByteQueue } from "../../wire/byte_queue.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import { decodeDisconnect, type Disconnect } from "../../wire/transport_messages.ts";
import { concat } from "./bytes.ts";

/** The engine under test has ended the connection, or has nothing more to say. */
export class EngineSilentError extends Error {}

/** What an engine sends by itself, once. */
const MILESTONES: readonly number[] = [
  Msg.KEXINIT,
  Msg.NEWKEYS,
  Msg.SERVICE_REQUEST,
  Msg.USERAUTH_REQUEST,
];

/** What is between a scripted peer and an engine. */
export class PeerWire {
  readonly engine: Engine;
  /** The engine's identification, without CR LF. */
  readonly engineVersion: string;
  /** Every payload that the engine has sent, in order, as far as they have been read. */
  readonly received: Uint8Array[] = [];
  readonly writer: PacketWriter;
  readonly reader: PacketReader;
  readonly #inbox = new ByteQueue();
  /** Messages of the engine that lead on, and have been passed over: they are not sent twice. */
  readonly #milestones = new Map<number, Uint8Array>();

  constructor(engine: Engine, random: RandomSource) {
    this.engine = engine;
    this.writer = new PacketWriter(random, plainSealer, { onOutput() {}, onError() {} });
    this.reader = new PacketReader(this.#inbox, plainOpener, { onOpened() {}, onError() {} });
    this.reader.maxPacketBytes = 2 ** 20;
    this.engineVersion = this.#readIdentification();
  }

  /** The engine has sent NEWKEYS: what comes is sealed with other keys. */
  protected onNewKeys(): void {}

  /** Sends bytes as they are. */
  sendRaw(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) this.engine.receive(chunk.slice());
  }

  /** Seals payloads with the present keys, and keeps them. */
  seal(...payloads: Uint8Array[]): Uint8Array {
    for (const payload of payloads) this.writer.writePacket(payload);
    return concat(this.writer.takeOutput());
  }

  /** Sends payloads, each in a packet of its own. */
  send(...payloads: Uint8Array[]): void {
    for (const payload of payloads) this.sendRaw(this.seal(payload));
  }

  /** Waits until the engine has done all that it can do with what it was sent. */
  async settle(): Promise<void> {
    while (this.engine.parked !== null) await this.engine.parked;
  }

  /**
   * The engine's next message.
   *
   * @throws {EngineSilentError} If there is none.
   */
  async next(): Promise<Uint8Array> {
    while (true) {
      const payload = this.#takePacket();
      if (payload !== null) return payload;
      if (this.#pump()) continue;
      if (this.engine.parked === null) {
        throw new EngineSilentError("The engine is silent", { cause: this.engine.closed });
      }
      await this.engine.parked;
    }
  }

  /** The engine's next message of a number; those before it are passed over. */
  async until(number: number): Promise<Uint8Array> {
    while (true) {
      const payload = await this.next();
      if (payload[0] === number) return payload;
      if (payload[0] === Msg.DISCONNECT) {
        const { description } = decodeDisconnect(payload);
        throw new EngineSilentError(`Not ${messageName(number)}, but DISCONNECT: ${description}`);
      }
    }
  }

  /** All that the engine has sent and that has not been read. */
  async rest(): Promise<Uint8Array[]> {
    const start = this.received.length;
    try {
      while (true) await this.next();
    } catch (error) {
      if (!(error instanceof EngineSilentError)) throw error;
    }
    return this.received.slice(start);
  }

  /** The DISCONNECT that the engine has sent; null if it has not. */
  async disconnect(): Promise<Disconnect | null> {
    await this.rest();
    const payload = this.received.find(([number]) => number === Msg.DISCONNECT);
    return payload === undefined ? null : decodeDisconnect(payload);
  }

  /** A message that leads on: it may have been read already. */
  async milestone(number: number): Promise<Uint8Array> {
    const payload = this.#milestones.get(number) ?? await this.until(number);
    this.#milestones.delete(number);
    return payload;
  }

  /** Takes over what the engine has put out. */
  #pump(): boolean {
    const chunks = this.engine.takeOutput();
    for (const chunk of chunks) this.#inbox.push(chunk);
    return chunks.length > 0;
  }

  #takePacket(): Uint8Array | null {
    const payload = this.reader.next()?.slice() ?? null;
    if (payload === null) return null;
    this.received.push(payload);
    const [number = 0] = payload;
    if (MILESTONES.includes(number)) this.#milestones.set(number, payload);
    if (number === Msg.NEWKEYS) this.onNewKeys();
    return payload;
  }

  /** The engine sends its identification at once. */
  #readIdentification(): string {
    this.#pump();
    const line = this.#inbox.peek(this.#inbox.length);
    const end = line.indexOf(0x0a);
    this.#inbox.skip(end + 1);
    return new TextDecoder().decode(line.subarray(0, end - 1));
  }
}
