/**
 * What has to be waited for before it can be used, where there is something else until then.
 *
 * @module
 */

/** A value that comes later: null until then, and for good if there is none. */
export interface Later<T> {
  value: T | null;
}

/** Holds what a promise gives; one that rejects gives nothing. */
export function later<T>(promise: Promise<T | null>): Later<T> {
  const result: Later<T> = { value: null };
  promise.then((value) => result.value = value, () => {});
  return result;
}
