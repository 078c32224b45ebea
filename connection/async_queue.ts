/**
 * Events for one consumer, which takes them by `for await`.
 *
 * @module
 */

import { type Deferred, deferred } from "../wire/deferred.ts";

/** A queue that is bounded by whoever pushes: it tells how much waits. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #waiting: Deferred<IteratorResult<T>>[] = [];
  readonly #onReturn: (() => void) | undefined;
  #end: { readonly error: unknown } | "done" | null = null;

  /** @param onReturn Told when the consumer leaves its loop. */
  constructor(onReturn?: () => void) {
    this.#onReturn = onReturn;
  }

  /** How many items wait to be taken. */
  get length(): number {
    return this.#items.length;
  }

  /** Adds an item. */
  push(item: T): void {
    if (this.#end !== null) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve({ done: false, value: item });
    else this.#items.push(item);
  }

  /** Takes all items that wait. */
  takeAll(): T[] {
    return this.#items.splice(0);
  }

  /** No more items will come: the consumer's loop ends after those that wait. */
  end(): void {
    this.#finish("done");
  }

  /** No more items will come: the consumer's loop throws after those that wait. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** Waits for the next item. */
  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#end === "done") return Promise.resolve({ done: true, value: undefined });
    if (this.#end !== null) return Promise.reject(this.#end.error);
    const waiting = deferred<IteratorResult<T>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** The consumer leaves its loop. */
  return(): Promise<IteratorResult<T>> {
    this.#onReturn?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(end: { readonly error: unknown } | "done"): void {
    if (this.#end !== null) return;
    this.#end = end;
    for (const waiting of this.#waiting.splice(0)) {
      if (end === "done") waiting.resolve({ done: true, value: undefined });
      else waiting.reject(end.error);
    }
  }
}
