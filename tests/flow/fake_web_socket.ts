/**
 * Two WebSockets in memory, with the rules of the real ones: no message is delivered once the
 * socket is closing, and each end of the closing handshake is told of a code.
 *
 * @module
 */

import type { WebSocketLike } from "../../flow/mod.ts";

/** How a connection ends. */
export interface CloseInfo {
  code: number;
  reason: string;
}

/** One end. */
export class FakeWebSocket extends EventTarget implements WebSocketLike {
  binaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  /** What was given to `send`. */
  readonly sent: Uint8Array[] = [];
  /** What was given to `close`, the first time. */
  closedWith: CloseInfo | null = null;
  /** Whether frames stay in `bufferedAmount`, as on a slow network. */
  stalled = false;
  #peer: FakeWebSocket | null = null;
  #held: (() => void)[] = [];

  /** Two ends that are connected, but not yet open. */
  static pair(): [FakeWebSocket, FakeWebSocket] {
    const [one, other] = [new FakeWebSocket(), new FakeWebSocket()];
    one.#peer = other;
    other.#peer = one;
    return [one, other];
  }

  /** Opens this end. */
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState === 0) throw new Error("still connecting");
    if (this.readyState > 1) {
      this.bufferedAmount += data.length;
      return;
    }
    this.sent.push(data);
    // As the real one: what is sent is what was there at the time of the call.
    const copy = data.slice().buffer;
    this.bufferedAmount += copy.byteLength;
    this.#transmit(() => {
      this.bufferedAmount -= copy.byteLength;
      this.#peer?.deliver(copy);
    });
  }

  close(code = 1005, reason = ""): void {
    if (this.readyState >= 2) return;
    this.closedWith = { code, reason };
    const wasConnecting = this.readyState === 0;
    this.readyState = 2;
    if (wasConnecting) setTimeout(() => this.end({ code: 1006, reason: "" }));
    else this.#transmit(() => this.#peer?.onCloseFrame({ code, reason }));
  }

  /** Gives a message of this data to the application. */
  deliver(data: unknown): void {
    if (this.readyState !== 1) return;
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** Answers the other end's frame. */
  onCloseFrame(info: CloseInfo): void {
    if (this.readyState === 3) return;
    this.readyState = 2;
    this.#transmit(() => this.#peer?.end(info));
    this.end(info);
  }

  /** Ends the connection, here only. */
  end(info: CloseInfo): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", info));
  }

  /** Lets go of what was held. */
  resume(): void {
    this.stalled = false;
    for (const action of this.#held.splice(0)) setTimeout(action);
  }

  #transmit(action: () => void): void {
    if (this.stalled) this.#held.push(action);
    else setTimeout(action);
  }
}
