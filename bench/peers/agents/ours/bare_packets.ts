/**
 * Packets that have a length, 32 KiB and a tag, and nothing else of SSH: what is the same on every
 * runtime.
 *
 * @module
 */

import type { Bare } from "../jobs.ts";

/** What a packet carries: as much as a packet of a channel. */
export const PAYLOAD_BYTES: number = 32 * 1024;
/** In front of what is encrypted. */
export const LENGTH_BYTES = 4;
/** Nonces and sequence numbers stay what they are: this is about speed, and hides nothing. */
export const GCM_NONCE: Uint8Array<ArrayBuffer> = new Uint8Array(12);
/** Where the counter of AES-CTR begins. */
export const CTR_START: Uint8Array<ArrayBuffer> = new Uint8Array(16);
/** What the MAC covers before the packet. */
export const SEQUENCE_NUMBER: Uint8Array<ArrayBuffer> = new Uint8Array(4);
export const GCM_TAG_BYTES = 16;
export const MAC_BYTES = 32;
/** What the end that has opened every packet says. */
export const DONE: Uint8Array<ArrayBuffer> = Uint8Array.of(1);

/** A new key for a cipher of SSH. */
export function makeCipherKey({ cipher }: Pick<Bare, "cipher">): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(cipher.startsWith("aes128") ? 16 : 32));
}

/** A new key for HMAC with SHA-256. */
export function makeMacKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(MAC_BYTES));
}

/** The length that every packet begins with. */
export function lengthField(): Uint8Array<ArrayBuffer> {
  const field = new Uint8Array(LENGTH_BYTES);
  new DataView(field.buffer).setUint32(0, PAYLOAD_BYTES);
  return field;
}

/** Finds the packets of a stream. */
export class Splitter {
  readonly #tagBytes: number;
  /** The beginning of a packet whose end has not come yet. */
  readonly #held: Uint8Array;
  #heldBytes = 0;

  constructor(tagBytes: number) {
    this.#tagBytes = tagBytes;
    this.#held = new Uint8Array(LENGTH_BYTES + PAYLOAD_BYTES + tagBytes);
  }

  /** The packets that end in a chunk. Each has to be used before the next is asked for. */
  *split(chunk: Uint8Array): Generator<Uint8Array, void> {
    for (let start = 0; start < chunk.length;) {
      if (this.#heldBytes === 0 && chunk.length - start >= LENGTH_BYTES) {
        const end = start + this.#packetBytes(chunk, start);
        if (end <= chunk.length) {
          yield chunk.subarray(start, end);
          start = end;
          continue;
        }
      }
      start += this.#hold(chunk, start);
      if (this.#heldBytes < LENGTH_BYTES) continue;
      const bytes = this.#packetBytes(this.#held, 0);
      if (this.#heldBytes < bytes) continue;
      this.#heldBytes = 0;
      yield this.#held.subarray(0, bytes);
    }
  }

  /** Takes as much as is known to be of the same packet, and gives how much that is. */
  #hold(chunk: Uint8Array, start: number): number {
    const wanted = this.#heldBytes < LENGTH_BYTES ? LENGTH_BYTES : this.#packetBytes(this.#held, 0);
    const part = chunk.subarray(start, start + wanted - this.#heldBytes);
    this.#held.set(part, this.#heldBytes);
    this.#heldBytes += part.length;
    return part.length;
  }

  #packetBytes(bytes: Uint8Array, start: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, LENGTH_BYTES);
    const length = view.getUint32(0);
    if (length > PAYLOAD_BYTES) throw new RangeError(`A packet says that it has ${length} bytes`);
    return LENGTH_BYTES + length + this.#tagBytes;
  }
}
