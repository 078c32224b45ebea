/**
 * A terminal's size, as it changes, for any number of consumers.
 *
 * @module
 */

import { AsyncQueue } from "../connection/async_queue.ts";
import type { TerminalSize } from "../wire/channel_requests.ts";

/** Sizes that may wait for a consumer; beyond that only the last one does. */
const MAX_WAITING = 64;

/** Gives each consumer the present size, then every later one. */
export class SizeFeed implements AsyncIterable<TerminalSize> {
  readonly #consumers = new Set<AsyncQueue<TerminalSize>>();
  #current: TerminalSize | null = null;
  #ended = false;

  /** The size is this from now on. */
  push(size: TerminalSize): void {
    this.#current = size;
    for (const queue of this.#consumers) {
      if (queue.length >= MAX_WAITING) queue.takeAll();
      queue.push(size);
    }
  }

  /** There will be no others. */
  end(): void {
    this.#ended = true;
    for (const queue of this.#consumers) queue.end();
    this.#consumers.clear();
  }

  [Symbol.asyncIterator](): AsyncIterator<TerminalSize> {
    const queue = new AsyncQueue<TerminalSize>(() => this.#consumers.delete(queue));
    if (this.#current !== null) queue.push(this.#current);
    if (this.#ended) queue.end();
    else this.#consumers.add(queue);
    return queue;
  }
}
