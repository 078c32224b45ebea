/**
 * Flows over WebSockets.
 *
 * @module
 */

import { FlowClosedError, printable } from "../wire/errors.ts";
import { asBytes } from "./_bytes.ts";
import { Duplex } from "./_duplex.ts";
import { PumpedOutlet, type Sink } from "./_endpoint.ts";
import { Pipe } from "./_pipe.ts";
import type { Flow } from "./flow.ts";

/** What of a `WebSocket` is used. */
export interface WebSocketLike {
  /** In which form messages are given: it is set to `arraybuffer`. */
  binaryType: string;
  /** 0 while it connects, 1 when it is open, 2 while it closes, 3 when it is closed. */
  readonly readyState: number;
  /** How many bytes were given to `send` that the network has not taken. */
  readonly bufferedAmount: number;
  /** Sends a binary frame. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Listens to `open`, `message`, `error` and `close`. */
  addEventListener(type: string, listener: (event: Event) => void): void;
}

/** How {@linkcode fromWebSocket} makes a flow. */
export interface WebSocketFlowOptions {
  /** How many bytes may wait to be read before the flow breaks: 64 MiB, unless given. */
  maxUnreadBytes?: number;
}

/** RFC 6455 section 7.4.1: the codes that end a connection as it should be. */
const CleanCloseCodes: readonly number[] = [
  1000, // normal closure
  1001, // going away
  1005, // no code was sent
];
const NORMAL_CLOSURE = 1000;
/** RFC 6455 section 7.4.2: the first of the codes for private use; says that input is missing. */
const ABORTED = 4000;

const CONNECTING = 0;
const OPEN = 1;

/** How many bytes the socket may hold that the network has not taken. */
const HIGH_WATER_BYTES = 1 << 20;
/** How often that is looked at, for there is no event that tells. */
const POLL_MS = 4;

const DEFAULT_MAX_UNREAD_BYTES = 1 << 26;

/**
 * A flow over the binary frames of a WebSocket, opened or still opening, of a client or a server:
 * what a relay to TCP, such as websockify, expects. Boundaries of frames mean nothing.
 *
 * - A WebSocket cannot be closed in one direction only. {@linkcode Flow.closeWrite} delivers what
 *   was written and then closes the socket, as `WebSocketStream` does: what has arrived can still
 *   be read, what the peer sends afterwards may be lost.
 * - There is no way to tell a peer to wait, so input that is not read piles up in memory. The
 *   windows of SSH keep it small; where they do not, the flow breaks at `maxUnreadBytes`.
 * - A text frame, and any close but a normal one, breaks the flow: input may be missing. A flow
 *   that is aborted closes with code 4000.
 *
 * @param socket The WebSocket, which is the flow's from now on.
 * @param options How much input may wait to be read.
 * @returns The flow. Writes wait until the socket is open.
 *
 * @example
 * ```ts ignore
 * import { fromWebSocket } from "@sshflow/ssh/flow";
 *
 * const flow = fromWebSocket(new WebSocket("wss://relay.example.org/ssh"));
 * ```
 */
export function fromWebSocket(socket: WebSocketLike, options: WebSocketFlowOptions = {}): Flow {
  const { maxUnreadBytes = DEFAULT_MAX_UNREAD_BYTES } = options;
  socket.binaryType = "arraybuffer";
  const incoming = new Pipe(Infinity);
  const sink = new WebSocketSink(socket);
  const outgoing = new PumpedOutlet(sink);
  let cause: unknown;

  const breakWith = (message: string) => {
    const error = new FlowClosedError(message, cause === undefined ? {} : { cause });
    incoming.failReads({ error, told: false });
    outgoing.failWrites({ error, told: false });
  };
  const onMessage = ({ data }: MessageEvent) => {
    const bytes = asBytes(data);
    if (!bytes) {
      const what = typeof data === "string" ? "a text frame" : "a frame of another type";
      breakWith(`Cannot read: the peer sent ${what}, and not a binary one`);
      sink.drop(what);
      return;
    }
    // Rejects after the end or an abort, when nobody wants it.
    incoming.write([bytes]).catch(() => {});
    if (incoming.queuedBytes > maxUnreadBytes) {
      breakWith(`Cannot read: more than ${maxUnreadBytes} bytes came before they were read`);
      sink.drop("too much");
    }
  };
  const onClose = ({ code, reason }: CloseEvent) => {
    sink.onClose();
    // Deno says 0 when a frame arrives after its own close: the peer has had all of ours.
    if (CleanCloseCodes.includes(code) || code === 0 && sink.hasEnded) {
      incoming.end();
      // What was not sent by now makes it reject.
      outgoing.end().catch(() => {});
      return;
    }
    const text = reason ? `: ${printable(reason)}` : "";
    breakWith(`Cannot go on: the WebSocket was closed with code ${code}${text}`);
  };

  socket.addEventListener("open", () => sink.onOpen());
  socket.addEventListener("message", (event) => onMessage(event as MessageEvent));
  socket.addEventListener("error", (event) => {
    // A close always follows.
    cause = (event as ErrorEvent).error ?? (event as ErrorEvent).message;
  });
  socket.addEventListener("close", (event) => onClose(event as CloseEvent));
  if (socket.readyState > OPEN) {
    sink.onClose();
    breakWith("Cannot make use of the WebSocket: it is closed already");
  }
  return new Duplex(incoming, outgoing, () => sink.drop("aborted"));
}

class WebSocketSink implements Sink {
  readonly #socket: WebSocketLike;
  /** Resolves when writes can be tried: the socket is open, or never will be. */
  readonly #settled: Promise<void>;
  readonly #closed: Promise<void>;
  #hasEnded = false;
  #dropped: string | null = null;
  #onOpen: () => void = () => {};
  #onClosed: () => void = () => {};

  constructor(socket: WebSocketLike) {
    this.#socket = socket;
    this.#settled = new Promise((resolve) => this.#onOpen = resolve);
    this.#closed = new Promise((resolve) => this.#onClosed = resolve);
    if (socket.readyState !== CONNECTING) this.onOpen();
  }

  /** Whether it was this end that closed the socket, and in the proper way. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  onOpen(): void {
    this.#onOpen();
    // A server's socket may open although it was closed before.
    if (this.#dropped !== null) this.#socket.close(ABORTED, this.#dropped);
  }

  onClose(): void {
    this.#onOpen();
    this.#onClosed();
  }

  async push(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#settled;
    if (this.#socket.readyState !== OPEN) throw closedError();
    for (const chunk of chunks) this.#socket.send(chunk as Uint8Array<ArrayBuffer>);
    while (this.#socket.readyState === OPEN && this.#socket.bufferedAmount > HIGH_WATER_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async end(): Promise<void> {
    await this.#settled;
    if (this.#socket.readyState !== OPEN && this.#socket.bufferedAmount > 0) throw closedError();
    this.#hasEnded = true;
    this.#socket.close(NORMAL_CLOSURE);
    // The peer confirms the close only after all frames that were sent before it.
    await this.#closed;
  }

  /** Closes the socket in a way that the peer does not take for a proper end. */
  drop(reason: string): void {
    this.#dropped = reason;
    this.#socket.close(ABORTED, reason);
  }
}

function closedError(): FlowClosedError {
  return new FlowClosedError("Cannot write: the WebSocket is closed");
}
