/**
 * Doing things several at a time.
 *
 * @module
 */

/** Does something so many times, with at most so many of them under way. */
export async function repeat(
  count: number,
  atOnce: number,
  action: () => Promise<void>,
): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, async () => {
    while (left-- > 0) await action();
  }));
}
