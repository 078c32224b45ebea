/**
 * Flow control (RFC 4254 section 5.2): what the peer may send, and when it is told that it may
 * send more.
 *
 * The window is refilled by what the application has taken, never by what has arrived, so that
 * a slow reader holds its own peer back and nobody else's. It is refilled in batches of a quarter of
 * its size: often enough that a sender on a fast link does not run dry, nor pours out all that it
 * has at once; and seldom enough that a reader of single bytes does not send a message for each.
 *
 * @module
 */

import { ProtocolError } from "../../wire/errors.ts";
import { WindowGrowth } from "./window_growth.ts";

/** Windows count to here (RFC 4254 section 5.2). */
export const MAX_WINDOW_BYTES = 0xffffffff;
/** The most data in one packet that a peer can be allowed. */
export const MAX_PACKET_DATA_BYTES: number = 256 * 1024;

/** In how many batches a window is refilled: each is a packet, and a write of the flow. */
const BATCHES = 4;

/** How much the peer may still send. */
export class ReceiveWindow {
  readonly #maxPacketBytes: number;
  readonly #maxSizeBytes: number;
  readonly #now: () => number;
  /** Made by the first refill. */
  #growth: WindowGrowth | null = null;
  #sizeBytes: number;
  #remainingBytes: number;
  #takenBytes = 0;

  /**
   * @param limits.sizeBytes How much the peer may send before any is taken.
   * @param limits.maxSizeBytes How wide the window may become where it holds the peer up.
   * @param limits.maxPacketBytes How much data the peer may put into one packet.
   * @param now The time in milliseconds.
   * @throws {RangeError} If one of the sizes cannot be had.
   */
  constructor(
    limits: { sizeBytes: number; maxSizeBytes: number; maxPacketBytes: number },
    now: () => number,
  ) {
    const { sizeBytes, maxSizeBytes, maxPacketBytes } = limits;
    checkSize("window", sizeBytes, 0, MAX_WINDOW_BYTES);
    checkSize("largest window", maxSizeBytes, sizeBytes, MAX_WINDOW_BYTES);
    checkSize("maximum packet size", maxPacketBytes, 1, MAX_PACKET_DATA_BYTES);
    this.#maxSizeBytes = maxSizeBytes;
    this.#now = now;
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
    this.#growth?.arrived(bytes);
  }

  /**
   * Counts what the application has taken.
   *
   * @returns How many bytes the peer is now to be allowed in addition; 0 to tell it later.
   * @throws {RangeError} If so much has not arrived.
   */
  take(bytes: number): number {
    const waitingBytes = this.#sizeBytes - this.#remainingBytes - this.#takenBytes;
    checkSize("number of bytes that are taken", bytes, 0, waitingBytes);
    this.#takenBytes += bytes;
    if (this.#takenBytes * BATCHES < this.#sizeBytes) return 0;
    if (this.#sizeBytes < this.#maxSizeBytes) this.#growth ??= new WindowGrowth(this.#now);
    this.#growth?.refilled(this.#remainingBytes);
    const refill = this.#takenBytes + this.#grow(waitingBytes - bytes);
    this.#takenBytes = 0;
    this.#remainingBytes += refill;
    return refill;
  }

  /** Doubles a window that holds the peer up, if the application keeps up with what comes. */
  #grow(waitingBytes: number): number {
    const isNarrow = this.#growth?.takeNarrow() ?? false;
    if (!isNarrow || waitingBytes * 2 > this.#sizeBytes) return 0;
    // Whoever has widened it by hand may have passed the bound.
    const room = Math.max(this.#maxSizeBytes - this.#sizeBytes, 0);
    const growth = Math.min(this.#sizeBytes, room);
    this.#sizeBytes += growth;
    return growth;
  }

  /**
   * Widens the window for good.
   *
   * @throws {RangeError} If it would pass 2^32 - 1 bytes once all that has arrived is taken.
   */
  grow(bytes: number): void {
    checkSize("growth of the window", bytes, 0, MAX_WINDOW_BYTES - this.#sizeBytes);
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

function checkSize(what: string, bytes: number, least: number, most: number): void {
  if (Number.isInteger(bytes) && bytes >= least && bytes <= most) return;
  throw new RangeError(`Cannot have a ${what} of ${bytes} bytes: it has to be ${least} to ${most}`);
}
