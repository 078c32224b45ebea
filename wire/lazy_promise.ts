/**
 * Promises that most of the time nobody asks for.
 *
 * @module
 */

import { type Deferred, deferred } from "./deferred.ts";

/**
 * A promise that is settled from outside, and is made when it is first asked for. If it is rejected
 * and nobody waits for it, nobody is told.
 */
export class LazyPromise<T> {
  #deferred: Deferred<T> | null = null;
  #settle: ((deferred: Deferred<T>) => void) | null = null;

  /** The promise. */
  get promise(): Promise<T> {
    if (this.#deferred === null) {
      this.#deferred = deferred();
      this.#deferred.promise.catch(() => {});
      this.#settle?.(this.#deferred);
    }
    return this.#deferred.promise;
  }

  /** Fulfils it, unless it has been settled. */
  resolve(value: T): void {
    this.#settleBy((deferred) => deferred.resolve(value));
  }

  /**
   * Rejects it, unless it has been settled.
   *
   * @param why Gives the reason, when the promise is made.
   */
  reject(why: () => unknown): void {
    this.#settleBy((deferred) => deferred.reject(why()));
  }

  #settleBy(settle: (deferred: Deferred<T>) => void): void {
    if (this.#settle !== null) return;
    this.#settle = settle;
    if (this.#deferred !== null) settle(this.#deferred);
  }
}
