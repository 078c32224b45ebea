/**
 * Web Streams over a flow.
 *
 * @module
 */

import { Eof, type Flow } from "./flow.ts";

/** What {@linkcode toStreams} gives. */
export interface FlowStreams {
  /** What the peer sends; its chunks are not empty. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What goes to the peer. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * A pair of streams over a flow, which belongs to them from now on.
 *
 * Nothing is read ahead. Closing the writable is {@linkcode Flow.closeWrite}; aborting it aborts
 * the flow. Cancelling the readable discards what still comes, so that the peer is not held up,
 * and leaves the writable as it is. When both are done with, the flow is closed.
 *
 * @param flow The flow.
 * @returns The streams.
 *
 * @example
 * ```ts
 * import { flowPair, toStreams } from "@sshflow/ssh/flow";
 * import assert from "node:assert/strict";
 *
 * const [here, there] = flowPair();
 * const sending = ReadableStream.from(["hello"])
 *   .pipeThrough(new TextEncoderStream())
 *   .pipeTo(toStreams(here).writable);
 * assert.equal(await new Response(toStreams(there).readable).text(), "hello");
 * await sending;
 * ```
 */
export function toStreams(flow: Flow): FlowStreams {
  let openDirections = 2;
  const onEnd = () => {
    // Both ends know of it already: what goes wrong now concerns nobody.
    if (--openDirections === 0) flow.close().catch(() => {});
  };
  const readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const chunk = await readOrAbort(flow);
      if (chunk === Eof) {
        controller.close();
        onEnd();
      } else controller.enqueue(chunk);
    },
    cancel() {
      onEnd();
      discard(flow).catch(() => {});
    },
  }, { highWaterMark: 0 });
  const writable = new WritableStream<Uint8Array>({
    async write(chunk) {
      try {
        await flow.write(chunk);
      } catch (error) {
        onEnd();
        throw error;
      }
    },
    close: () => flow.closeWrite().finally(onEnd),
    abort: (reason) => flow.abort(reason),
  });
  return { readable, writable };
}

/** A flow that can no longer be read has nobody else to let go of it. */
async function readOrAbort(flow: Flow): Promise<Uint8Array<ArrayBuffer> | typeof Eof> {
  try {
    return await flow.read() as Uint8Array<ArrayBuffer> | typeof Eof;
  } catch (error) {
    flow.abort(error);
    throw error;
  }
}

async function discard(flow: Flow): Promise<void> {
  while (await flow.read() !== Eof);
}
