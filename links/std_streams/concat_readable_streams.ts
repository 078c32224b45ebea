/** Stands in for `jsr:@std/streams/concat-readable-streams`. @module */

/**
 * One stream of all chunks of several, one stream after the other.
 *
 * @typeParam T What the chunks are.
 * @param streams The streams, in order; each is read when those before it have ended.
 * @returns The stream of them all.
 */
export function concatReadableStreams<T>(...streams: ReadableStream<T>[]): ReadableStream<T> {
  const readers = streams.map((stream) => stream.getReader());
  let at = 0;
  return new ReadableStream<T>({
    async pull(controller) {
      for (; at < readers.length; at++) {
        const result = await readers[at]?.read();
        if (result && !result.done) return controller.enqueue(result.value);
      }
      controller.close();
    },
    async cancel(reason) {
      const cancelled = await Promise.allSettled(
        readers.slice(at).map((reader) => reader.cancel(reason)),
      );
      for (const result of cancelled) if (result.status === "rejected") throw result.reason;
    },
  });
}
