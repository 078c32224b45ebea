/**
 * Steps after a value that may have to be waited for, without waiting for one that is there.
 *
 * @module
 */

import type { MaybePromise } from "./types.ts";

/** Calls `next` with the value: at once, if it is there. */
export function whenReady<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
