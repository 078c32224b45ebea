/**
 * What an application writes to a channel, on its way through the peer's window.
 *
 * @module
 */

import type { EngineChannel } from "../protocol/connection/channel.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";
import type { Sender, SendScheduler } from "./send_scheduler.ts";

interface Write {
  readonly data: Uint8Array;
  readonly type: number;
  readonly done: Deferred<void>;
  sent: number;
}

/** The writes of one channel, in order. */
export class Outbox implements Sender {
  readonly #scheduler: SendScheduler;
  #channel: EngineChannel | null = null;
  #writes: Write[] = [];
  #drained: Deferred<void> | null = null;

  constructor(scheduler: SendScheduler) {
    this.#scheduler = scheduler;
  }

  /** Writes go out through this channel from now on. */
  attach(channel: EngineChannel): void {
    this.#channel = channel;
  }

  /** Whether nothing waits to be sent. */
  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  /** Resolves when nothing waits to be sent. */
  get drained(): Promise<void> {
    if (this.#writes.length === 0) return Promise.resolve();
    this.#drained ??= deferred();
    return this.#drained.promise;
  }

  /** Writes data; resolves when all of it has been sent, or put where it will be. */
  write(data: Uint8Array, type: number): Promise<void> {
    const done = deferred<void>();
    this.#writes.push({ data, type, done, sent: 0 });
    if (this.#writes.length === 1) this.#scheduler.add(this);
    return done.promise;
  }

  /** The peer's window has become wider. */
  goOn(): void {
    if (this.#writes.length > 0) this.#scheduler.add(this);
  }

  /** Drops what was not sent. */
  fail(reason: unknown): void {
    this.#scheduler.remove(this);
    const writes = this.#writes;
    this.#writes = [];
    for (const { done } of writes) done.reject(reason);
    this.#drained?.resolve();
    this.#drained = null;
  }

  sendNext(): boolean {
    const write = this.#writes[0];
    const channel = this.#channel;
    if (write === undefined || channel === null) return false;
    const left = write.data.length - write.sent;
    const bytes = Math.min(left, channel.sendableBytes);
    if (bytes > 0) {
      channel.sendData(write.data.subarray(write.sent, write.sent + bytes), write.type);
      write.sent += bytes;
    }
    // A key exchange that begins meanwhile ends by itself: only a window has to be waited for.
    if (bytes < left) return channel.sendWindowBytes > 0;
    this.#writes.shift();
    write.done.resolve();
    if (this.#writes.length > 0) return true;
    this.#drained?.resolve();
    this.#drained = null;
    return false;
  }
}
