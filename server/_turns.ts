/**
 * The event loop's next turn, for many that wait for it.
 *
 * @module
 */

/** What is to run in the next turn of the event loop. One timer serves it all: timers are dear. */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /**
   * Runs something when all that is ready has run, what has arrived included.
   *
   * @returns What takes it back, as long as it has not run: nothing holds it any more then.
   */
  runNext(run: () => void): () => void {
    const entry = (): void => run();
    this.#waiting.add(entry);
    this.#timer ??= setTimeout(() => this.#runWaiting(), 0);
    return () => {
      this.#waiting.delete(entry);
      if (this.#waiting.size > 0 || this.#timer === null) return;
      clearTimeout(this.#timer);
      this.#timer = null;
    };
  }

  /** Resolves when all that is ready has run, what has arrived included. */
  next(): Promise<void> {
    return new Promise((resolve) => this.runNext(resolve));
  }

  #runWaiting(): void {
    this.#timer = null;
    for (const run of [...this.#waiting]) {
      // One that throws is reported, and does not keep the others from running.
      queueMicrotask(() => {
        if (this.#waiting.delete(run)) run();
      });
    }
  }
}
