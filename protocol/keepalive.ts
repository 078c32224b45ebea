/**
 * Finding out that the peer has gone without a word: a question after a time of silence, and an end
 * after too many of them.
 *
 * @module
 */

/** When a silent peer is asked for a sign of life, and when it is given up. */
export interface KeepaliveOptions {
  /** After how many milliseconds of silence the peer is asked; 0 for never. */
  readonly intervalMs: number;
  /**
   * How many questions in a row may stay without an answer: three, unless given. One interval after
   * the last of them the connection ends. With 0 it ends after the first, and nothing is asked.
   */
  readonly countMax?: number;
}

/** The question: whoever does not know it denies it, which is an answer. */
export const KEEPALIVE_REQUEST = "keepalive@openssh.com";

const DEFAULT_COUNT_MAX = 3;

/** What is to be done about a peer's silence. */
export type KeepaliveStep = "wait" | "ask" | "give up";

/** Counts one peer's silence. Whatever arrives ends it. */
export class Keepalive {
  readonly #intervalMs: number;
  readonly #countMax: number;
  /** When the interval has begun; null before it counts. */
  #since: number | null = null;
  #unanswered = 0;

  /** @throws {RangeError} If a number cannot be counted to. */
  constructor({ intervalMs, countMax = DEFAULT_COUNT_MAX }: KeepaliveOptions) {
    if (!(intervalMs >= 0)) {
      throw new RangeError(`Cannot keep alive every ${intervalMs} ms: it has to be 0 or more`);
    }
    if (!(countMax >= 0)) {
      throw new RangeError(`Cannot keep alive by ${countMax} questions: it has to be 0 or more`);
    }
    this.#intervalMs = intervalMs;
    this.#countMax = countMax;
  }

  /** How long the peer may be silent before it is given up, in milliseconds. */
  get patienceMs(): number {
    return this.#intervalMs * (this.#countMax + 1);
  }

  /** Begins, or begins anew: the peer is not to be blamed for the silence so far. */
  restart(now: number): void {
    if (this.#intervalMs === 0) return;
    this.#since = now;
    this.#unanswered = 0;
  }

  /**
   * When there is something to do next, if nothing arrives; null if there never will be.
   *
   * @param heardAt When something arrived last.
   */
  deadline(heardAt: number): number | null {
    return this.#since === null ? null : Math.max(this.#since, heardAt) + this.#intervalMs;
  }

  /**
   * What is due at a time. What it says to do counts as done.
   *
   * @param heardAt When something arrived last.
   */
  advance(now: number, heardAt: number): KeepaliveStep {
    if (this.#since === null) return "wait";
    if (heardAt >= this.#since) this.restart(heardAt);
    if (now < this.#since + this.#intervalMs) return "wait";
    if (this.#unanswered >= this.#countMax) return "give up";
    this.#unanswered++;
    this.#since = now;
    return "ask";
  }
}
