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
  #isSettled = false;
  #value: T | undefined;
  #why: (() => unknown) | null = null;

  /** The promise. */
  get promise(): Promise<T> {
    if (this.#deferred === null) {
      this.#deferred = deferred();
      this.#deferred.promise.catch(ignore);
      if (this.#isSettled) this.#settle();
    }
    return this.#deferred.promise;
  }

  /** Fulfils it, unless it has been settled. */
  resolve(value: T): void {
    if (this.#isSettled) return;
    this.#value = value;
    this.#settle();
  }

  /**
   * Rejects it, unless it has been settled.
   *
   * @param why Gives the reason, when the promise is made.
   */
  reject(why: () => unknown): void {
    if (this.#isSettled) return;
    this.#why = why;
    this.#settle();
  }

  #settle(): void {
    this.#isSettled = true;
    if (this.#why === null) this.#deferred?.resolve(this.#value as T);
    else this.#deferred?.reject(this.#why());
  }
}

const ignore = (): void => {};
