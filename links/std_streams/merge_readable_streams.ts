/** Stands in for `jsr:@std/streams/merge-readable-streams`. @module */

/**
 * One stream of all chunks of several, in the order in which they come.
 *
 * @typeParam T What the chunks are.
 * @param streams The streams; an error in one ends the result.
 * @returns The stream of them all.
 */
export function mergeReadableStreams<T>(...streams: ReadableStream<T>[]): ReadableStream<T> {
  const readers = streams.map((stream) => stream.getReader());
  const waiting = new Map<number, Promise<{ from: number; result: ReadableStreamReadResult<T> }>>();
  const ask = (reader: ReadableStreamDefaultReader<T>, from: number) =>
    waiting.set(from, reader.read().then((result) => ({ from, result })));
  return new ReadableStream<T>({
    start() {
      readers.forEach(ask);
    },
    async pull(controller) {
      while (waiting.size > 0) {
        const { from, result } = await Promise.race(waiting.values());
        waiting.delete(from);
        const reader = readers[from];
        if (result.done || !reader) continue;
        ask(reader, from);
        return controller.enqueue(result.value);
      }
      controller.close();
    },
    async cancel(reason) {
      await Promise.all(readers.map((reader) => reader.cancel(reason)));
    },
  });
}
