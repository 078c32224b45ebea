/**
 * A promise with its resolvers, for runtimes that have no `Promise.withResolvers`.
 *
 * @module
 */

/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason?: unknown) => void;
}

/**
 * V8 takes to allocating the objects of a busy literal as old ones; what they hold is then collected
 * with the old ones, which is dear. It does not so with instances.
 */
class Made<T> implements Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: Deferred<T>["resolve"];
  reject!: Deferred<T>["reject"];

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** Makes a promise that is settled from outside. */
export function deferred<T>(): Deferred<T> {
  return new Made<T>();
}
