/**
 * Lets key exchange and authentication read as straight code, while the engine that feeds them
 * stays synchronous.
 *
 * @module
 */

import { deferred } from "../wire/deferred.ts";
import { ProtocolError } from "../wire/errors.ts";
import { messageName } from "../wire/message_numbers.ts";

/**
 * One side of a dialogue of messages. The code that drives it awaits {@linkcode next}; whenever
 * it waits for anything else, the conversation is busy, and the engine parks.
 */
export class Conversation {
  readonly #what: string;
  readonly #send: (payload: Uint8Array) => void;
  readonly #onIdle: () => void;
  #waiting: {
    numbers: readonly number[];
    resolve: (payload: Uint8Array) => void;
    reject: (reason: unknown) => void;
  } | null = null;
  /** Why it has ended; `done` if by itself. */
  #ended: { reason: unknown } | "done" | null = null;
  #busy = false;

  /**
   * Begins with nothing that has arrived.
   *
   * @param options.what What is being talked about, for messages.
   * @param options.send Sends a payload to the peer.
   * @param options.onIdle Told when a busy conversation waits for the peer, or has ended.
   */
  constructor(
    options: { what: string; send: (payload: Uint8Array) => void; onIdle: () => void },
  ) {
    this.#what = options.what;
    this.#send = options.send;
    this.#onIdle = options.onIdle;
  }

  /** Whether the code that drives it is at work, so that nothing more may be delivered. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Runs the code that drives it. What goes wrong is given to `onError`. */
  run(drive: () => Promise<void>, onError: (reason: unknown) => void): void {
    this.#busy = true;
    drive().catch(onError).finally(() => {
      this.#ended ??= "done";
      this.#setIdle();
    });
  }

  /** Sends a payload, unless the conversation has been ended meanwhile. */
  send(payload: Uint8Array): void {
    this.throwIfEnded();
    this.#send(payload);
  }

  /** Throws the reason if it has been ended: what else was waited for may have come too late. */
  throwIfEnded(): void {
    if (this.#ended !== null) throw this.#reason(this.#ended);
  }

  /**
   * Waits for the peer's next message.
   *
   * @param numbers The message numbers that may come; any other is a protocol error.
   * @returns The message's payload, which is the caller's.
   * @throws {TypeError} If it is waited for already: a dialogue has one thread.
   */
  next(...numbers: number[]): Promise<Uint8Array> {
    if (this.#ended !== null) return Promise.reject(this.#reason(this.#ended));
    if (this.#waiting !== null) {
      return Promise.reject(
        new TypeError(`Cannot wait twice at once for a message of the ${this.#what}`),
      );
    }
    const { promise, resolve, reject } = deferred<Uint8Array>();
    this.#waiting = { numbers, resolve, reject };
    this.#setIdle();
    return promise;
  }

  /** Whether it waits for such a message. */
  expects(number: number): boolean {
    return this.#waiting?.numbers.includes(number) ?? false;
  }

  /**
   * Hands over a message that arrived.
   *
   * @throws {ProtocolError} If it is not one that is waited for.
   */
  deliver(payload: Uint8Array): void {
    const number = payload[0] ?? 0;
    const waiting = this.#waiting;
    if (waiting === null || !this.expects(number)) {
      const expected = waiting?.numbers.map(messageName).join(" or ") ?? "nothing";
      throw new ProtocolError(
        `Cannot go on with the ${this.#what}: ${messageName(number)} came, ` +
          `but ${expected} was expected`,
      );
    }
    this.#waiting = null;
    this.#busy = true;
    waiting.resolve(payload.slice());
  }

  /** Ends it: whatever waits or will wait is rejected with the reason. */
  end(reason: unknown): void {
    this.#ended ??= { reason };
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(reason);
  }

  #reason(ended: { reason: unknown } | "done"): unknown {
    return ended === "done" ? new ProtocolError(`The ${this.#what} has ended`) : ended.reason;
  }

  #setIdle(): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#onIdle();
  }
}
