/**
 * A flow made of its two directions: what is the same for every medium.
 *
 * @module
 */

import { FlowClosedError } from "../wire/errors.ts";
import type { Failure, Inlet, Outlet } from "./_direction.ts";
import type { Eof, Flow } from "./flow.ts";

/** A flow over an inlet and an outlet. */
export class Duplex implements Flow {
  readonly #incoming: Inlet;
  readonly #outgoing: Outlet;
  readonly #release: (reason: unknown) => void;
  readonly lend: Flow["lend"];
  readonly reuse: Flow["reuse"];
  readonly gathers: Flow["gathers"];
  #closing: Promise<void> | null = null;
  #closed = false;
  #aborted = false;

  /**
   * @param incoming What the peer sends.
   * @param outgoing What goes to the peer.
   * @param release Drops whatever is behind the two, when the flow is aborted.
   * @param buffers What {@linkcode Flow.lend} and {@linkcode Flow.reuse} do, if they can be done, and
   *   whether the flow gathers.
   */
  constructor(
    incoming: Inlet,
    outgoing: Outlet,
    release: (reason: unknown) => void,
    buffers: Pick<Flow, "lend" | "reuse" | "gathers"> = {},
  ) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#release = release;
    this.lend = buffers.lend;
    this.reuse = buffers.reuse;
    this.gathers = buffers.gathers;
  }

  read(): Promise<Uint8Array | typeof Eof> {
    return this.#incoming.read();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#outgoing.write([data]);
  }

  writev(data: readonly Uint8Array[]): Promise<void> {
    return this.#outgoing.write(data);
  }

  async closeWrite(): Promise<void> {
    try {
      await this.#outgoing.end();
    } catch (error) {
      if (this.#outgoing.writeFailure) this.#outgoing.writeFailure.told = true;
      throw error;
    }
  }

  close(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed || this.#aborted) return Promise.resolve();
    this.#closing ??= this.#close();
    const closing = this.#closing;
    const { signal } = options;
    if (!signal) return closing;
    const onAbort = () => this.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    return closing.finally(() => signal.removeEventListener("abort", onAbort));
  }

  abort(reason: unknown = new FlowClosedError("Cannot go on: the flow was aborted")): void {
    if (this.#closed || this.#aborted) return;
    this.#aborted = true;
    const failure: Failure = { error: reason, told: false };
    this.#incoming.failReads(failure);
    this.#outgoing.failWrites(failure);
    this.#release(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      // Both at once: a peer that does the same must not wait for us to read.
      await Promise.all([this.#outgoing.finish(), this.#incoming.discard()]);
      this.#closed = true;
    } catch (error) {
      if (this.#aborted) throw error;
      const told = this.#incoming.readFailure?.told || this.#outgoing.writeFailure?.told;
      this.abort(error);
      if (!told) throw error;
    }
  }
}
