/**
 * Which channel may send next: they take turns, a packet each, while there is room.
 *
 * @module
 */

/** Who has data to send. */
export interface Sender {
  /**
   * Sends one packet.
   *
   * @returns Whether to come back for more: not if all is sent, or the peer's window is used up.
   */
  sendNext(): boolean;
}

/** The senders of a connection that could send at once. */
export class SendScheduler {
  readonly #hasRoom: () => boolean;
  /** In the order of their turns. */
  readonly #ready = new Set<Sender>();
  #pumping = false;

  /** @param hasRoom Whether more may be sent now. */
  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** Gives a sender its turn, now if it can be. */
  add(sender: Sender): void {
    this.#ready.add(sender);
    this.pump();
  }

  /** Takes a sender off. */
  remove(sender: Sender): void {
    this.#ready.delete(sender);
  }

  /** Lets senders send, each a packet at a time, while there is room. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (const sender of this.#ready) {
        if (!this.#hasRoom()) return;
        this.#ready.delete(sender);
        // Behind all others: the loop comes to it again.
        if (sender.sendNext()) this.#ready.add(sender);
      }
    } finally {
      this.#pumping = false;
    }
  }
}
