/**
 * Builds and seals the packets that are sent, in order (RFC 4253 section 6). Sequence numbers and
 * cipher state are touched nowhere else.
 *
 * @module
 */

import { concatBytes } from "@noble/hashes/utils.js";
import type { PacketSealer, RandomSource } from "../../crypto/types.ts";
import type { Compressor } from "./compression.ts";
import { OutputQueue, type OutputQueueHandlers } from "./output_queue.ts";
import { EMPTY } from "../../wire/empty.ts";

const LENGTH_BYTES = 4;
const HEADER_BYTES = 5;
const MIN_PADDING_BYTES = 4;
const MIN_PACKET_BYTES = 16;
/** No packet has as many blocks of padding. */
const MAX_PADDING_BLOCKS = 3;
/** Padding is drawn from a pool, since asking for a few random bytes at a time is slow. */
const POOL_BYTES = 512;
/** Of a connection that is idle, or short, the pool is as small. */
const FIRST_POOL_BYTES = 24;
const FIRST_PACKETS = 16;
/** From here on what other buffers cost is less than what they save. */
const APART_BYTES = 8 * 1024;
/** From here on data comes as a stream. */
const LARGE_BYTES = 16 * 1024;
/** The largest data that a channel takes, with what goes around it. */
const WORKSPACE_BYTES = 260 * 1024;

/** Where packets are built that are sealed into other buffers; made when it is first needed. */
let workspace: Uint8Array | undefined;

/** The data of a channel that is of one kind. */
export interface DataStream {
  /** How much data is sent in one packet. */
  readonly maxSendBytes: number;
}

/** Builds, deflates and seals the packets of one direction, in order. */
export class PacketWriter {
  readonly #random: RandomSource;
  readonly #output: OutputQueue;
  readonly #gathers: boolean | undefined;
  readonly #onError: (reason: unknown) => void;
  #sealer: PacketSealer;
  #compressor: Compressor | null = null;
  #sequence = 0;
  #bytes = 0;
  #packets = 0;

  #pool: Uint8Array = EMPTY;
  #poolUsed = 0;

  /** The beginning of a packet that is not sealed yet, where it is sealed; null if there is none. */
  #packet: Uint8Array | null = null;
  /** Up to where its data is, if it is channel data. */
  #headBytes = 0;
  #dataBytes = 0;
  /** What more of can be added to it; null if nothing can. */
  #stream: DataStream | null = null;
  #sealApart: PacketSealer["sealApart"];

  /**
   * @param random Where padding comes from.
   * @param sealer What seals the first packets.
   * @param handlers Told of the output.
   * @param options.gathers Whether many small buffers of output are as good as a few large ones.
   */
  constructor(
    random: RandomSource,
    sealer: PacketSealer,
    handlers: OutputQueueHandlers,
    { gathers }: { gathers?: boolean | undefined } = {},
  ) {
    this.#random = random;
    this.#sealer = sealer;
    this.#output = new OutputQueue(handlers);
    this.#gathers = gathers;
    this.#onError = handlers.onError;
  }

  /** The sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How many bytes have been sealed with the present keys, or are about to be. */
  get bytes(): number {
    return this.#bytes + (this.#packet === null ? 0 : this.#headBytes + this.#dataBytes);
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

  /** Puts a packet into the output. Its payload is copied. */
  writePacket(payload: Uint8Array): void {
    this.writeData(payload, EMPTY, null);
  }

  /**
   * Puts channel data into the output, which is copied. It goes into the same packet as the data
   * before it, as long as that is not needed: to be taken, or for another packet to follow.
   *
   * @param head What the payload begins with; the data's length is the last of it, a uint32.
   * @param data The data, which is not empty.
   * @param stream What the data is of: no other can share its packet. Null for a packet of its own.
   */
  writeData(head: Uint8Array, data: Uint8Array, stream: DataStream | null): void {
    const bytes = this.#dataBytes + data.length;
    if (
      stream !== null && stream === this.#stream && bytes <= stream.maxSendBytes &&
      this.#output.extend(data.length, this.#maxEndBytes)
    ) {
      this.#packet?.set(data, this.#headBytes + this.#dataBytes);
      this.#dataBytes = bytes;
    } else this.#begin(head, data, stream);
    if (this.#stream === null || this.#dataBytes === stream?.maxSendBytes) this.#seal();
    else this.#output.commit();
  }

  /** Takes what can be sent, in order. The buffers are the caller's. */
  takeOutput(): Uint8Array[] {
    try {
      this.#seal();
    } catch (error) {
      this.#onError(error);
    }
    return this.#output.take();
  }

  /** Takes buffers of the output back that nobody needs any more. */
  takeBack(output: readonly Uint8Array[]): void {
    this.#output.takeBack(output);
  }

  /** Copies a payload to where it is sealed. */
  #begin(head: Uint8Array, tail: Uint8Array, stream: DataStream | null): void {
    this.#seal();
    if (this.#compressor !== null) {
      head = this.#compressor.compress(concatBytes(head, tail));
      tail = EMPTY;
    }
    const headBytes = HEADER_BYTES + head.length;
    const bytes = headBytes + tail.length;
    const sealApart =
      this.#gathers && bytes >= APART_BYTES && bytes + this.#maxEndBytes <= WORKSPACE_BYTES
        ? this.#sealer.sealApart
        : undefined;
    const isShared = stream !== null && this.#compressor === null && sealApart === undefined;
    // What is large already may become as large as can be.
    const more = isShared && tail.length >= LARGE_BYTES ? stream.maxSendBytes - tail.length : 0;
    const packet = sealApart === undefined
      ? this.#output.reserve(bytes, more + this.#maxEndBytes)
      : workspace ??= new Uint8Array(WORKSPACE_BYTES);
    packet.set(head, HEADER_BYTES);
    packet.set(tail, headBytes);
    this.#packet = packet;
    this.#headBytes = headBytes;
    this.#dataBytes = tail.length;
    this.#stream = isShared ? stream : null;
    this.#sealApart = sealApart;
  }

  /** Seals the packet that has been begun, if there is one. */
  #seal(): void {
    if (this.#packet === null) return;
    const { blockBytes, tagBytes, padsLength } = this.#sealer;
    const sealApart = this.#sealApart;
    const end = this.#headBytes + this.#dataBytes;
    const padded = padsLength ? end : end - LENGTH_BYTES;
    let paddingBytes = blockBytes - (padded % blockBytes);
    if (paddingBytes < MIN_PADDING_BYTES) paddingBytes += blockBytes;
    if (end + paddingBytes < MIN_PACKET_BYTES) paddingBytes += blockBytes;
    const sealedBytes = end + paddingBytes;
    if (sealApart === undefined) this.#output.extend(paddingBytes + tagBytes);

    const packet = this.#packet.subarray(0, sealedBytes + (sealApart === undefined ? tagBytes : 0));
    setUint32(packet, 0, sealedBytes - LENGTH_BYTES);
    packet[LENGTH_BYTES] = paddingBytes;
    if (this.#stream !== null) setUint32(packet, this.#headBytes - LENGTH_BYTES, this.#dataBytes);
    this.#packet = this.#stream = null;
    this.#pad(packet, end, sealedBytes);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    this.#bytes += sealedBytes + tagBytes;
    this.#packets++;
    try {
      if (sealApart === undefined) this.#output.commit(this.#sealer.seal(packet, sequence));
      else this.#output.give(sealApart(packet, sequence));
    } catch (error) {
      this.#output.break();
      throw error;
    }
  }

  /** The most bytes that come behind a payload. */
  get #maxEndBytes(): number {
    return MAX_PADDING_BLOCKS * this.#sealer.blockBytes + this.#sealer.tagBytes;
  }

  #pad(packet: Uint8Array, start: number, end: number): void {
    if (this.#poolUsed + end - start > this.#pool.length) {
      this.#pool = this.#random(this.#packets < FIRST_PACKETS ? FIRST_POOL_BYTES : POOL_BYTES);
      this.#poolUsed = 0;
    }
    for (let at = start; at < end; at++) packet[at] = this.#pool[this.#poolUsed++] as number;
  }
}

function setUint32(bytes: Uint8Array, at: number, value: number): void {
  for (let shift = 24; shift >= 0; shift -= 8) bytes[at++] = value >>> shift;
}
