/**
 * Sealed bytes that wait to be sent, in order. Packets may still be at the cipher: what is behind
 * them waits for them.
 *
 * @module
 */

import { weigh } from "../../crypto/collector.ts";
import { type Deferred, deferred } from "../../wire/deferred.ts";

/**
 * Less than 1,024 bytes: for as many, and more, the malloc of most Linux systems puts all together
 * first that is free in small pieces, which costs more than the rest of a small packet.
 */
const FIRST_CHUNK_BYTES = 960;
/** Eight packets of 32 KiB of data, with what goes around that. */
const MAX_CHUNK_BYTES = 260 * 1024;
/** From here on output is a stream's, and gets the largest chunk at once, if those come back. */
const STREAM_BYTES = 8 * 1024;

/**
 * Chunks of the smallest and the largest size that wait to be filled again, by whatever connection:
 * memory that has been in use is quicker to write to than new memory, and makes no garbage.
 */
const spares: Readonly<Record<number, Uint8Array[]>> = {
  [FIRST_CHUNK_BYTES]: [],
  [MAX_CHUNK_BYTES]: [],
};
/** How many of each size. */
const MAX_SPARES = 16;

interface Chunk {
  readonly bytes: Uint8Array;
  filled: number;
  /** How many packets in it are at the cipher. */
  sealing: number;
}

/** What is told of an output queue. */
export interface OutputQueueHandlers {
  /** There is something to take, and was nothing before. */
  onOutput(): void;
  /** A packet could not be sealed. */
  onError(reason: unknown): void;
}

/** Chunks of output, many packets to each. */
export class OutputQueue {
  readonly #handlers: OutputQueueHandlers;
  #chunks: Chunk[] = [];
  #bytes = 0;
  #sealing = 0;
  #sealed: Deferred<void> | null = null;
  /** Whether chunks come back. */
  #areReturned = false;
  /** Whether it has been told that there is something to take. */
  #told = false;
  /** Whether a packet could not be sealed: then nothing more can be sent. */
  #broken = false;

  constructor(handlers: OutputQueueHandlers) {
    this.#handlers = handlers;
  }

  /** How many bytes wait, those at the cipher included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** While packets are at the cipher: what to wait for. Null if there are none. */
  get sealing(): Promise<void> | null {
    if (this.#sealing === 0) return null;
    this.#sealed ??= deferred();
    return this.#sealed.promise;
  }

  /**
   * Reserves room at the end, which has to be committed before anything else is put there.
   *
   * @param length How many bytes.
   * @param more How many bytes it has to be possible to extend it by.
   * @returns The room, with all that it can be extended by.
   */
  reserve(length: number, more = 0): Uint8Array {
    if (!this.extend(length, more)) {
      this.#addChunk(length + more, this.#chunks.at(-1)?.bytes.length ?? 0);
      this.extend(length);
    }
    const { bytes, filled } = this.#chunks.at(-1) as Chunk;
    return bytes.subarray(filled - length);
  }

  /**
   * Extends what was reserved last.
   *
   * @param more How many bytes it has to be possible to extend it by after that.
   * @returns Whether there is room.
   */
  extend(length: number, more = 0): boolean {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.filled + length + more > last.bytes.length) return false;
    last.filled += length;
    this.#bytes += length;
    return true;
  }

  /** Puts the pieces of a packet at the end as they are. They are the queue's from now on. */
  give(pieces: readonly Uint8Array[]): void {
    for (const bytes of pieces) {
      this.#chunks.push({ bytes, filled: bytes.length, sealing: 0 });
      this.#bytes += bytes.length;
      weigh(bytes.length);
    }
    this.#tell();
  }

  /**
   * The room reserved last has been filled: now, or when `sealing` settles. Not before that can it
   * be taken: nobody must see it in the clear.
   */
  commit(sealing: void | Promise<void>): void {
    if (sealing === undefined) {
      this.#tell();
      return;
    }
    // The room has gone if a packet before it could not be sealed, and still this is waited for.
    const chunk = this.#chunks.at(-1) ?? { sealing: 0 };
    chunk.sealing++;
    this.#sealing++;
    sealing.catch((reason) => {
      this.break();
      this.#handlers.onError(reason);
    }).then(() => {
      chunk.sealing--;
      this.#sealing--;
      this.#tell();
      if (this.#sealing > 0) return;
      this.#sealed?.resolve();
      this.#sealed = null;
    });
  }

  /** A packet could not be sealed: nobody must see it in the clear, and nothing fits behind it. */
  break(): void {
    this.#broken = true;
    this.#chunks = [];
    this.#bytes = 0;
  }

  /** Takes what can be sent, in order. The buffers are the caller's. */
  take(): Uint8Array[] {
    if (this.#broken) this.break();
    this.#told = false;
    const unsealed = this.#chunks.findIndex(({ sealing }) => sealing > 0);
    const taken = this.#chunks.splice(0, unsealed === -1 ? this.#chunks.length : unsealed);
    return taken.map(({ bytes, filled }) => {
      this.#bytes -= filled;
      return bytes.subarray(0, filled);
    });
  }

  /** Takes back what {@linkcode take} gave, when nobody needs it any more. */
  takeBack(output: readonly Uint8Array[]): void {
    this.#areReturned = true;
    for (const { buffer } of output) {
      const same = spares[buffer.byteLength];
      if (same !== undefined && same.length < MAX_SPARES) same.push(new Uint8Array(buffer));
    }
  }

  #addChunk(length: number, lastLength: number): void {
    // Chunks grow fourfold in a turn: a keystroke costs little, and a stream few allocations.
    const grown = Math.min(Math.max(lastLength * 4, FIRST_CHUNK_BYTES), MAX_CHUNK_BYTES);
    const wanted = Math.max(grown, length);
    const isStream = this.#areReturned && wanted > STREAM_BYTES && wanted < MAX_CHUNK_BYTES;
    const size = isStream ? MAX_CHUNK_BYTES : wanted;
    const bytes = spares[size]?.pop() ?? new Uint8Array(size);
    this.#chunks.push({ bytes, filled: 0, sealing: 0 });
  }

  #tell(): void {
    if (this.#told || this.#chunks[0]?.sealing !== 0) return;
    this.#told = true;
    this.#handlers.onOutput();
  }
}
