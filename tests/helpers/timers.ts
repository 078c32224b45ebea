/**
 * Timers that are set and taken back.
 *
 * @module
 */

const { setTimeout, clearTimeout } = globalThis;

/** Sees the timers that are set from now on, until it is disposed of. */
export class TimerWatch implements Disposable {
  /** All that were set. */
  readonly set: unknown[] = [];
  /** All that were taken back. */
  readonly cleared: unknown[] = [];

  constructor() {
    globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
      const timer = setTimeout(...args);
      this.set.push(timer);
      return timer;
    }) as typeof setTimeout;
    globalThis.clearTimeout = (timer) => {
      this.cleared.push(timer);
      clearTimeout(timer);
    };
  }

  /** Those that were set, and not taken back. */
  get waiting(): unknown[] {
    return this.set.filter((timer) => !this.cleared.includes(timer));
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
