/**
 * Requests and their replies, which carry no numbers and so have to come in the order of the
 * requests (RFC 4254 sections 4 and 5.4).
 *
 * @module
 */

import { ProtocolError } from "../../wire/errors.ts";

/** More requests than this may not wait for their replies. */
const MAX_WAITING = 1000;

/** Keeps replies that we owe in the order in which they were asked for. */
export class ReplyQueue {
  readonly #what: string;
  #slots: { send: (() => void) | null }[] = [];

  /** @param what What the replies are to, for messages. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Takes a place in the order.
   *
   * @returns What gives the reply, once: it is sent when all before it have been.
   */
  reserve(): (send: () => void) => void {
    if (this.#slots.length >= MAX_WAITING) {
      throw new ProtocolError(
        `Cannot take another ${this.#what}: ${MAX_WAITING} wait for their replies`,
      );
    }
    const slot: { send: (() => void) | null } = { send: null };
    this.#slots.push(slot);
    return (send) => {
      slot.send ??= send;
      while (this.#slots[0]?.send) this.#slots.shift()?.send?.();
    };
  }

  /** Drops all that is owed. */
  clear(): void {
    this.#slots = [];
  }
}
