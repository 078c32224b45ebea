/**
 * Takes packets out of the bytes that arrive (RFC 4253 section 6).
 *
 * @module
 */

import { weigh } from "../../crypto/collector.ts";
import type { PacketOpener } from "../../crypto/types.ts";
import type { ByteQueue } from "../../wire/byte_queue.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import type { Decompressor } from "./compression.ts";

/** The least that RFC 4253 section 6.1 asks of everybody. */
export const MIN_MAX_PACKET_BYTES = 35000;

/** A sequence number may never come round under one key: it is what no packet is without. */
const MAX_PACKETS_UNDER_KEYS = 2 ** 32;
/** What may be at the cipher at once: enough to keep a second core at work. */
const MAX_OPENING_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;
const MIN_PADDING_BYTES = 4;

/** A packet that has been given to the cipher. */
interface Opening {
  /** The packet's length. */
  readonly bytes: number;
  readonly sequence: number;
  /** From the padding length on; null if the tag is wrong, undefined until that is known. */
  body: Uint8Array | null | undefined;
}

/** What is told of a packet reader. */
export interface PacketReaderHandlers {
  /** The packet that was waited for is back from the cipher. */
  onOpened(): void;
  /** The cipher has failed, though not for a wrong tag. */
  onError(reason: unknown): void;
}

/** Parses, opens and inflates the packets of one direction, in order. */
export class PacketReader {
  readonly #queue: ByteQueue;
  readonly #handlers: PacketReaderHandlers;
  #opener: PacketOpener;
  #decompressor: Decompressor | null = null;
  #sequence = 0;
  /** The length of the packet whose head has been opened; null before that. */
  #length: number | null = null;
  #bytes = 0;
  #packets = 0;
  #lastSequence = 0;
  /** Packets at the cipher, or behind one that is. */
  #opening: Opening[] = [];
  #openingBytes = 0;
  /**
   * Whether packets may be opened before those ahead of them have been looked at: not while one
   * of them may change the keys.
   */
  readAhead = false;
  /** The largest packet that is accepted, and the largest payload that one may inflate to. */
  maxPacketBytes: number = MIN_MAX_PACKET_BYTES;
  /** How many packets the same keys may open. */
  maxPackets: number = MAX_PACKETS_UNDER_KEYS;

  /** @param queue What has arrived and not been parsed. */
  constructor(queue: ByteQueue, opener: PacketOpener, handlers: PacketReaderHandlers) {
    this.#queue = queue;
    this.#opener = opener;
    this.#handlers = handlers;
  }

  /** Whether the next packet is at the cipher: it is waited for. */
  get isOpening(): boolean {
    const first = this.#opening[0];
    return first !== undefined && first.body === undefined;
  }

  /** Whether the next packet is at the cipher, and no other can be given to it before that is back. */
  get isFull(): boolean {
    return this.isOpening && (!this.readAhead || this.#openingBytes >= MAX_OPENING_BYTES);
  }

  /** The sequence number of the packet that was given out last. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** The sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How many bytes have been opened with the present keys. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many packets have been opened with the present keys. */
  get packets(): number {
    return this.#packets;
  }

  /** Takes new keys into use: the next packet is opened with them. */
  rekey(opener: PacketOpener, resetSequence: boolean): void {
    if (this.#opening.length > 0) {
      throw new ProtocolError("Cannot take new keys into use: NEWKEYS came before it could");
    }
    this.#opener = opener;
    this.#bytes = 0;
    this.#packets = 0;
    if (resetSequence) this.#sequence = 0;
  }

  /** Inflates the payloads from the next packet on. */
  decompressWith(decompressor: Decompressor | null): void {
    this.#decompressor = decompressor;
  }

  /**
   * The payload of the next packet, in a buffer of its own; null when the packet is not complete,
   * or still at the cipher.
   *
   * @throws {ProtocolError} If the packet is malformed or its tag is wrong.
   */
  next(): Uint8Array | null {
    while (this.#mayOpen()) {
      if (!this.#openNext()) break;
    }
    const first = this.#opening[0];
    if (first === undefined || first.body === undefined) return null;
    this.#opening.shift();
    this.#openingBytes -= first.bytes;
    this.#lastSequence = first.sequence;
    return this.#payloadOf(first.body);
  }

  /** One packet at a time; or several, while the first of them is at the cipher. */
  #mayOpen(): boolean {
    const first = this.#opening[0];
    if (first === undefined) return true;
    return first.body === undefined && this.readAhead && this.#openingBytes < MAX_OPENING_BYTES;
  }

  /** Gives the next packet to the cipher, if it is complete. */
  #openNext(): boolean {
    const opener = this.#opener;
    const queue = this.#queue;
    if (this.#length === null) {
      if (queue.length < opener.headBytes) return false;
      if (this.#packets >= this.maxPackets) {
        throw new ProtocolError(
          `Cannot open packet ${this.#sequence}: the keys have opened ${this.#packets} packets, ` +
            `and the peer does not exchange them`,
        );
      }
      const length = opener.openLength(queue.peek(opener.headBytes), this.#sequence);
      this.#checkLength(length);
      this.#length = length;
    }
    const bytes = LENGTH_BYTES + this.#length + opener.tagBytes;
    if (queue.length < bytes) return false;

    const opening: Opening = { bytes, sequence: this.#sequence, body: undefined };
    const body = opener.open(queue.take(bytes), this.#sequence);
    weigh(bytes);
    if (body instanceof Promise) {
      body.then((body) => this.#finish(opening, body), this.#handlers.onError);
    } else opening.body = body;
    this.#opening.push(opening);
    this.#openingBytes += bytes;
    this.#length = null;
    this.#bytes += bytes;
    this.#packets++;
    this.#sequence = (this.#sequence + 1) >>> 0;
    return true;
  }

  #finish(opening: Opening, body: Uint8Array | null): void {
    opening.body = body;
    if (this.#opening[0] === opening) this.#handlers.onOpened();
  }

  #payloadOf(body: Uint8Array | null): Uint8Array {
    if (body === null) {
      throw new ProtocolError(
        `Cannot open packet ${this.#lastSequence}: its authentication tag is wrong`,
        { code: DisconnectCode.MAC_ERROR },
      );
    }
    const paddingBytes = body[0] ?? 0;
    const payloadBytes = body.length - 1 - paddingBytes;
    if (paddingBytes < MIN_PADDING_BYTES || payloadBytes < 1) {
      throw new ProtocolError(
        `Cannot read packet ${this.#lastSequence}: ${paddingBytes} bytes of padding ` +
          `in a packet of ${body.length}`,
      );
    }
    const payload = body.subarray(1, 1 + payloadBytes);
    return this.#decompressor === null ? payload : this.#inflate(this.#decompressor, payload);
  }

  #checkLength(length: number): void {
    const { blockBytes, padsLength } = this.#opener;
    const padded = padsLength ? length + LENGTH_BYTES : length;
    if (length > this.maxPacketBytes) {
      throw new ProtocolError(
        `Cannot read packet ${this.#sequence}: it claims ${length} bytes, ` +
          `but at most ${this.maxPacketBytes} are allowed`,
      );
    }
    if (length < 1 + MIN_PADDING_BYTES + 1 || padded < blockBytes || padded % blockBytes !== 0) {
      throw new ProtocolError(
        `Cannot read packet ${this.#sequence}: a length of ${length} bytes ` +
          `does not fit blocks of ${blockBytes}`,
      );
    }
  }

  #inflate(decompressor: Decompressor, payload: Uint8Array): Uint8Array {
    const inflated = decompressor.decompress(payload, this.maxPacketBytes);
    if (inflated.length === 0) {
      throw new ProtocolError(
        `Cannot inflate packet ${this.#lastSequence}: its payload is empty`,
        { code: DisconnectCode.COMPRESSION_ERROR },
      );
    }
    return inflated;
  }
}
