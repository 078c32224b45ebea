/**
 * Finds out whether a window is too narrow for the distance to the peer.
 *
 * A peer that has used its window up waits until it hears of a refill. So when data comes that
 * only the last refill has allowed, and nothing came for a good part of the time since that was
 * sent, then the peer was waiting, for one round trip, and a wider window would have kept it
 * going. On a short way the waits are too short to count.
 *
 * @module
 */

/** Waits shorter than this are the scheduler's, and cost little. */
const MIN_WAIT_MS = 2;
/** The part of a round trip that a peer has to have waited. */
const WAIT_PART = 4;

/** Watches what arrives, from one refill on, for as long as it takes to tell. */
export class WindowGrowth {
  readonly #now: () => number;
  #refill: { readonly limit: number; readonly sentAt: number } | null = null;
  #received = 0;
  #lastArrivalAt = 0;
  #isNarrow = false;

  /** @param now The time in milliseconds; it never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the peer has been seen to wait; asking begins anew. */
  takeNarrow(): boolean {
    const isNarrow = this.#isNarrow;
    this.#isNarrow = false;
    return isNarrow;
  }

  /** Data has arrived. */
  arrived(bytes: number): void {
    this.#received += bytes;
    const refill = this.#refill;
    if (refill === null) return;
    const now = this.#now();
    if (this.#received > refill.limit) {
      const waited = now - this.#lastArrivalAt;
      this.#isNarrow = waited >= MIN_WAIT_MS && waited * WAIT_PART >= now - refill.sentAt;
      this.#refill = null;
    }
    this.#lastArrivalAt = now;
  }

  /** A refill is being sent; before it, the peer could send so many bytes more. */
  refilled(remainingBytes: number): void {
    if (this.#refill !== null) return;
    const now = this.#now();
    this.#refill = { limit: this.#received + remainingBytes, sentAt: now };
    this.#lastArrivalAt = now;
  }
}
