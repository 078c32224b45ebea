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

/** Waits shorter than this may be a busy machine's, and cost little. */
const MIN_WAIT_MS = 10;
/** The part of a round trip that a peer has to have waited: a half. */
const WAIT_PART = 2;
/**
 * How often in a row it has to have waited: one wait may have another reason. A window that is
 * wider than it need be is not for nothing: OpenSSH takes in all that the window allows, at a cost
 * that grows faster than it.
 */
const WAITS = 2;

/** Watches what arrives, from one refill on, for as long as it takes to tell. */
export class WindowGrowth {
  readonly #now: () => number;
  #refill: { readonly limit: number; readonly sentAt: number } | null = null;
  #received = 0;
  #lastArrivalAt = 0;
  #waits = 0;

  /** @param now The time in milliseconds; it never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the peer has been seen to wait; asking begins anew. */
  takeNarrow(): boolean {
    const isNarrow = this.#waits >= WAITS;
    if (isNarrow) this.#waits = 0;
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
      const isLong = waited >= MIN_WAIT_MS && waited * WAIT_PART >= now - refill.sentAt;
      this.#waits = isLong ? this.#waits + 1 : 0;
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
