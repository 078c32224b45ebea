/**
 * Takes packets out of the bytes that arrive (RFC 4253 section 6).
 *
 * @module
 */

import type { PacketOpener } from "../../crypto/types.ts";
import type { ByteQueue } from "../../wire/byte_queue.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import type { Decompressor } from "./compression.ts";

/** The least that RFC 4253 section 6.1 asks of everybody. */
export const MIN_MAX_PACKET_BYTES = 35000;

/** A sequence number may never come round under one key: it is what no packet is without. */
const MAX_PACKETS_UNDER_KEYS = 2 ** 32;
const LENGTH_BYTES = 4;
const MIN_PADDING_BYTES = 4;

/** Parses, opens and inflates the packets of one direction, in order. */
export class PacketReader {
  readonly #queue: ByteQueue;
  #opener: PacketOpener;
  #decompressor: Decompressor | null = null;
  #sequence = 0;
  /** The length of the packet whose head has been opened; null before that. */
  #length: number | null = null;
  #bytes = 0;
  #packets = 0;
  /** The largest packet that is accepted, and the largest payload that one may inflate to. */
  maxPacketBytes: number = MIN_MAX_PACKET_BYTES;
  /** How many packets the same keys may open. */
  maxPackets: number = MAX_PACKETS_UNDER_KEYS;

  /** @param queue What has arrived and not been parsed. */
  constructor(queue: ByteQueue, opener: PacketOpener) {
    this.#queue = queue;
    this.#opener = opener;
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
   * The payload of the next packet, as a view that is valid until more bytes arrive; null when
   * the packet is not complete.
   *
   * @throws {ProtocolError} If the packet is malformed or its tag is wrong.
   */
  next(): Uint8Array | null {
    const opener = this.#opener;
    const queue = this.#queue;
    if (this.#length === null) {
      if (queue.length < opener.headBytes) return null;
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
    const total = LENGTH_BYTES + this.#length + opener.tagBytes;
    if (queue.length < total) return null;

    const packet = queue.peek(total);
    if (!opener.open(packet, this.#sequence)) {
      throw new ProtocolError(
        `Cannot open packet ${this.#sequence}: its authentication tag is wrong`,
        { code: DisconnectCode.MAC_ERROR },
      );
    }
    const paddingBytes = packet[LENGTH_BYTES] ?? 0;
    const payloadBytes = this.#length - 1 - paddingBytes;
    if (paddingBytes < MIN_PADDING_BYTES || payloadBytes < 1) {
      throw new ProtocolError(
        `Cannot read packet ${this.#sequence}: ${paddingBytes} bytes of padding ` +
          `in a packet of ${this.#length}`,
      );
    }
    queue.skip(total);
    this.#length = null;
    this.#bytes += total;
    this.#packets++;
    this.#sequence = (this.#sequence + 1) >>> 0;
    const payload = packet.subarray(LENGTH_BYTES + 1, LENGTH_BYTES + 1 + payloadBytes);
    if (this.#decompressor === null) return payload;
    return this.#inflate(this.#decompressor, payload);
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
        `Cannot inflate packet ${this.#sequence - 1}: its payload is empty`,
        { code: DisconnectCode.COMPRESSION_ERROR },
      );
    }
    return inflated;
  }
}
