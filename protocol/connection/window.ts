/**
 * Flow control (RFC 4254 section 5.2): what the peer may send, and when it is told that it may
 * send more.
 *
 * The window is refilled by what the application has taken, never by what has arrived, so that
 * a slow reader holds its own peer back and nobody else's. It is refilled in batches of half its
 * size: often enough that a sender on a fast link does not run dry, and seldom enough that a
 * reader of single bytes does not send a message for each.
 *
 * @module
 */

import { ProtocolError } from "../../wire/errors.ts";

/** Windows count to here (RFC 4254 section 5.2). */
export const MAX_WINDOW_BYTES = 0xffffffff;

/** How much the peer may still send. */
export class ReceiveWindow {
  readonly #maxPacketBytes: number;
  #sizeBytes: number;
  #remainingBytes: number;
  #takenBytes = 0;

  constructor(sizeBytes: number, maxPacketBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#remainingBytes = sizeBytes;
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** How many bytes the peer may send now. */
  get remainingBytes(): number {
    return this.#remainingBytes;
  }

  /** Counts what has arrived, and holds the peer to its window. */
  receive(bytes: number): void {
    if (bytes > this.#maxPacketBytes) {
      throw new ProtocolError(
        `Cannot accept ${bytes} bytes of channel data in one packet: ` +
          `the maximum is ${this.#maxPacketBytes}`,
      );
    }
    if (bytes > this.#remainingBytes) {
      throw new ProtocolError(
        `Cannot accept ${bytes} bytes of channel data: the window is ${this.#remainingBytes}`,
      );
    }
    this.#remainingBytes -= bytes;
  }

  /**
   * Counts what the application has taken.
   *
   * @returns How many bytes the peer is now to be allowed in addition; 0 to tell it later.
   */
  take(bytes: number): number {
    this.#takenBytes += bytes;
    if (this.#takenBytes * 2 < this.#sizeBytes) return 0;
    const refill = this.#takenBytes;
    this.#takenBytes = 0;
    this.#remainingBytes += refill;
    return refill;
  }

  /** Widens the window for good. */
  grow(bytes: number): void {
    if (this.#remainingBytes + bytes > MAX_WINDOW_BYTES) {
      throw new RangeError(`Cannot widen the window by ${bytes} bytes: it would pass 2^32 - 1`);
    }
    this.#sizeBytes += bytes;
    this.#remainingBytes += bytes;
  }
}

/** How much we may still send. */
export class SendWindow {
  #remainingBytes: number;

  constructor(sizeBytes: number) {
    this.#remainingBytes = sizeBytes;
  }

  /** How many bytes may be sent now. */
  get remainingBytes(): number {
    return this.#remainingBytes;
  }

  /** Counts what is sent. */
  spend(bytes: number): void {
    if (bytes > this.#remainingBytes) {
      throw new RangeError(`Cannot send ${bytes} bytes: the window is ${this.#remainingBytes}`);
    }
    this.#remainingBytes -= bytes;
  }

  /** Takes the peer's SSH_MSG_CHANNEL_WINDOW_ADJUST. */
  adjust(bytes: number): void {
    if (this.#remainingBytes + bytes > MAX_WINDOW_BYTES) {
      throw new ProtocolError(
        `Cannot adjust the window of ${this.#remainingBytes} bytes by ${bytes}: ` +
          `it would pass 2^32 - 1`,
      );
    }
    this.#remainingBytes += bytes;
  }
}
