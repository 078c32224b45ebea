/**
 * Requests and their replies, which carry no numbers and so have to come in the order of the
 * requests (RFC 4254 sections 4 and 5.4).
 *
 * @module
 */

import { ProtocolError } from "../../wire/errors.ts";

/** More requests than this may not wait for their replies, */
const MAX_WAITING = 1000;
/** nor requests that are longer together: whoever has to answer keeps them as long. */
const MAX_WAITING_BYTES = 1024 * 1024;

interface Slot {
  readonly bytes: number;
  /** Sends the reply; null while it is not known. */
  send: (() => void) | null;
}

/** Keeps replies that we owe in the order in which they were asked for. */
export class ReplyQueue {
  readonly #what: string;
  #slots: Slot[] = [];
  #bytes = 0;

  /** @param what What the replies are to, for messages. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Takes a place in the order.
   *
   * @param bytes The length of the request.
   * @returns What gives the reply, once: it is sent when all before it have been.
   */
  reserve(bytes: number): (send: () => void) => void {
    const waiting = this.#slots.length;
    if (waiting >= MAX_WAITING || (waiting > 0 && this.#bytes + bytes > MAX_WAITING_BYTES)) {
      throw new ProtocolError(
        `Cannot take another ${this.#what}: ` +
          `${waiting} wait for their replies, with ${this.#bytes} bytes`,
      );
    }
    const slot: Slot = { bytes, send: null };
    this.#slots.push(slot);
    this.#bytes += bytes;
    return (send) => {
      slot.send ??= send;
      this.#sendInOrder();
    };
  }

  /** Drops all that is owed. */
  clear(): void {
    this.#slots = [];
    this.#bytes = 0;
  }

  #sendInOrder(): void {
    while (this.#slots[0]?.send) {
      const slot = this.#slots.shift();
      this.#bytes -= slot?.bytes ?? 0;
      slot?.send?.();
    }
  }
}
