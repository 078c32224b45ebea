/**
 * What channels tell, written down.
 *
 * @module
 */

import type { ChannelSink, IncomingChannelRequest } from "../../protocol/mod.ts";

/** A channel's sink that writes down what it is told. */
export class ChannelLog implements ChannelSink {
  /** What was told, in order: `data 5`, `stderr 5`, `eof`, `request exec`, `closed`. */
  readonly events: string[] = [];
  readonly requests: IncomingChannelRequest[] = [];
  /** Why each end of the channel came; null for CLOSE. */
  readonly ends: unknown[] = [];
  /** The bytes that arrived, by their type. */
  readonly bytes: [number[], number[]] = [[], []];
  /** Told of everything, after it has been written down. */
  onEvent: (event: string) => void = () => {};

  onOpen(): void {
    this.#log("open");
  }
  onOpenFailure(reason: number, description: string): void {
    this.#log(`refused ${reason} ${description}`);
  }
  onData(data: Uint8Array, type: number): void {
    const bytes = this.bytes[type];
    for (const byte of data) bytes?.push(byte);
    this.#log(`${type === 0 ? "data" : "stderr"} ${data.length}`);
  }
  onEof(): void {
    this.#log("eof");
  }
  onRequest(request: IncomingChannelRequest): void {
    this.requests.push(request);
    this.#log(`request ${request.name}`);
  }
  onWindow(): void {
    this.#log("window");
  }
  onClosed(reason: unknown): void {
    this.ends.push(reason);
    this.#log("closed");
  }

  #log(event: string): void {
    this.events.push(event);
    this.onEvent(event);
  }
}
