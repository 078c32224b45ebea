/**
 * The event loop's next turn, for many that wait for it.
 *
 * @module
 */

import { Held } from "./_held.ts";

/** What is to run in the next turn of the event loop. One timer serves it all: timers are dear. */
export class Turns {
  #waiting: Held<() => void>[] = [];
  /** How many of them have not been taken back. */
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /**
   * Runs something when all that is ready has run, what has arrived included.
   *
   * @returns What takes it back, as long as it has not run: nothing holds it any more then.
   */
  runNext(run: () => void): () => void {
    const held = new Held(run);
    this.#waiting.push(held);
    this.#count++;
    this.#timer ??= setTimeout(() => this.#runWaiting(), 0);
    return () => {
      if (held.value === null) return;
      held.value = null;
      this.#count--;
      if (this.#count === 0) this.#stop();
    };
  }

  /** Resolves when all that is ready has run, what has arrived included. */
  next(): Promise<void> {
    return new Promise((resolve) => this.runNext(resolve));
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
  }

  #runWaiting(): void {
    const waiting = this.#waiting;
    this.#timer = null;
    this.#waiting = [];
    for (const held of waiting) {
      // One that throws is reported, and does not keep the others from running.
      queueMicrotask(() => {
        const run = held.value;
        if (run === null) return;
        held.value = null;
        this.#count--;
        run();
      });
    }
  }
}
