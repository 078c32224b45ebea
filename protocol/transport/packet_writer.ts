/**
 * Builds and seals the packets that are sent, in order (RFC 4253 section 6). Sequence numbers and
 * cipher state are touched nowhere else.
 *
 * @module
 */

import type { PacketSealer, RandomSource } from "../../crypto/types.ts";
import type { Compressor } from "./compression.ts";
import { OutputQueue, type OutputQueueHandlers } from "./output_queue.ts";
import { EMPTY } from "../../wire/empty.ts";

const LENGTH_BYTES = 4;
const HEADER_BYTES = 5;
const MIN_PADDING_BYTES = 4;
const MIN_PACKET_BYTES = 16;
/** Padding is drawn from a pool, since asking for a few random bytes at a time is slow. */
const POOL_BYTES = 512;
/** Of a connection that is idle, or short, the pool is as small. */
const FIRST_POOL_BYTES = 24;
const FIRST_PACKETS = 16;
/** From here on what other buffers cost is less than what they save. */
const APART_BYTES = 8 * 1024;
/** The largest data that a channel takes, with what goes around it. */
const WORKSPACE_BYTES = 260 * 1024;

/** Where packets are built that are sealed into other buffers; made when it is first needed. */
let workspace: Uint8Array | undefined;

/** Builds, deflates and seals the packets of one direction, in order. */
export class PacketWriter {
  readonly #random: RandomSource;
  readonly #output: OutputQueue;
  #sealer: PacketSealer;
  #compressor: Compressor | null = null;
  #sequence = 0;
  #bytes = 0;
  #packets = 0;

  #pool: Uint8Array = EMPTY;
  #poolUsed = 0;

  /**
   * @param random Where padding comes from.
   * @param sealer What seals the first packets.
   * @param handlers Told of the output.
   * @param options What there is to say of the output.
   */
  constructor(
    random: RandomSource,
    sealer: PacketSealer,
    handlers: OutputQueueHandlers,
    options: { gathers?: boolean | undefined } = {},
  ) {
    this.#random = random;
    this.#sealer = sealer;
    this.#output = new OutputQueue(handlers, options);
  }

  /** The sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How many bytes have been sealed with the present keys. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many packets have been sealed with the present keys. */
  get packets(): number {
    return this.#packets;
  }

  /** How many bytes wait to be taken, those at the cipher included. */
  get outputBytes(): number {
    return this.#output.bytes;
  }

  /** While packets are at the cipher: what to wait for. Null if there are none. */
  get sealing(): Promise<void> | null {
    return this.#output.sealing;
  }

  /** Takes new keys into use: the next packet is sealed with them. */
  rekey(sealer: PacketSealer, resetSequence: boolean): void {
    this.#sealer = sealer;
    this.#bytes = 0;
    this.#packets = 0;
    if (resetSequence) this.#sequence = 0;
  }

  /** Deflates the payloads from the next packet on. */
  compressWith(compressor: Compressor | null): void {
    this.#compressor = compressor;
  }

  /** Puts bytes into the output as they are: the identification line. */
  writeRaw(bytes: Uint8Array): void {
    this.#output.reserve(bytes.length).set(bytes);
    this.#output.commit();
  }

  /** Puts a packet into the output. Its payload is `head` and then `tail`, which are copied. */
  writePacket(head: Uint8Array, tail: Uint8Array = EMPTY): void {
    if (this.#compressor !== null) {
      const payload = new Uint8Array(head.length + tail.length);
      payload.set(head);
      payload.set(tail, head.length);
      head = this.#compressor.compress(payload);
      tail = EMPTY;
    }
    const { blockBytes, tagBytes, padsLength } = this.#sealer;
    const payloadBytes = head.length + tail.length;
    const padded = payloadBytes + (padsLength ? HEADER_BYTES : 1);
    let paddingBytes = blockBytes - (padded % blockBytes);
    if (paddingBytes < MIN_PADDING_BYTES) paddingBytes += blockBytes;
    if (HEADER_BYTES + payloadBytes + paddingBytes < MIN_PACKET_BYTES) paddingBytes += blockBytes;
    const sealedBytes = HEADER_BYTES + payloadBytes + paddingBytes;

    const apart = sealedBytes >= APART_BYTES && sealedBytes <= WORKSPACE_BYTES
      ? this.#sealer.sealApart
      : undefined;
    const packet = apart === undefined
      ? this.#output.reserve(sealedBytes + tagBytes)
      : (workspace ??= new Uint8Array(WORKSPACE_BYTES)).subarray(0, sealedBytes);
    const length = sealedBytes - LENGTH_BYTES;
    packet[0] = length >>> 24;
    packet[1] = length >>> 16;
    packet[2] = length >>> 8;
    packet[3] = length;
    packet[4] = paddingBytes;
    packet.set(head, HEADER_BYTES);
    packet.set(tail, HEADER_BYTES + head.length);
    this.#pad(packet, HEADER_BYTES + payloadBytes, sealedBytes);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    this.#bytes += sealedBytes + tagBytes;
    this.#packets++;
    try {
      if (apart === undefined) this.#output.commit(this.#sealer.seal(packet, sequence));
      else this.#output.give(apart(packet, sequence));
    } catch (error) {
      this.#output.break();
      throw error;
    }
  }

  /** Takes what can be sent, in order. The buffers are the caller's. */
  takeOutput(): Uint8Array[] {
    return this.#output.take();
  }

  /** Takes buffers of the output back that nobody needs any more. */
  takeBack(output: readonly Uint8Array[]): void {
    this.#output.takeBack(output);
  }

  #pad(packet: Uint8Array, start: number, end: number): void {
    if (this.#poolUsed + end - start > this.#pool.length) {
      this.#pool = this.#random(this.#packets < FIRST_PACKETS ? FIRST_POOL_BYTES : POOL_BYTES);
      this.#poolUsed = 0;
    }
    for (let at = start; at < end; at++) packet[at] = this.#pool[this.#poolUsed++] as number;
  }
}
