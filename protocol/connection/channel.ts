/**
 * A channel without I/O (RFC 4254 section 5): its numbers, windows and ends.
 *
 * @module
 */

import { ProtocolError } from "../../wire/errors.ts";
import {
  encodeChannelMessage,
  encodeChannelRequest,
  encodeDataHead,
  encodeWindowAdjust,
  readChannelRequestBody,
} from "../../wire/connection_messages.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import type { Reader } from "../../wire/reader.ts";
import type { DataStream } from "../transport/packet_writer.ts";
import { ReplyQueue } from "./replies.ts";
import { ReceiveWindow, SendWindow } from "./window.ts";

/** The type of ordinary data. */
export const DATA_NORMAL = 0;
/** The type of what a process writes to its standard error (RFC 4254 section 5.2). */
export const DATA_STDERR = 1;

/** The largest piece of data that is sent in one packet, however much a peer allows. */
const MAX_SEND_BYTES = 128 * 1024;

/** A request that the peer made on a channel. */
export interface IncomingChannelRequest {
  /** The request's name on the wire. */
  readonly name: string;
  /** Whether the peer waits for an answer. */
  readonly wantReply: boolean;
  /** What is specific to the request. */
  readonly payload: Uint8Array;
  /** Answers it, once. Replies go out in the order of the requests; without one wanted, none. */
  reply(success: boolean): void;
}

/** What a channel tells whoever uses it. */
export interface ChannelSink {
  /** The peer has confirmed the channel that we opened. */
  onOpen(extra: Uint8Array): void;
  /** The peer has refused the channel that we opened: see `ChannelOpenReason`. */
  onOpenFailure(reason: number, description: string): void;
  /** Data arrived; it is the sink's. It counts against the window until it is taken. */
  onData(data: Uint8Array<ArrayBuffer>, type: number): void;
  /** The peer will send no more data. */
  onEof(): void;
  /** The peer makes a request, which has to be answered, at any time, if a reply is wanted. */
  onRequest(request: IncomingChannelRequest): void;
  /** The window has become wider. */
  onWindow(): void;
  /** Both ends have closed it; or the connection has ended, for the reason given. */
  onClosed(reason: unknown): void;
}

/** What a channel needs of the connection that it is part of. */
export interface ChannelContext {
  /** Whether data may be sent now. */
  sendable(): boolean;
  /** Sends a message. */
  send(payload: Uint8Array): void;
  /** Sends channel data: what stands before it, the data, and what it may share packets with. */
  sendData(head: Uint8Array, data: Uint8Array, stream: DataStream | null): void;
  /** The time in milliseconds. */
  readonly now: () => number;
  /** Frees the channel's number. */
  release(channel: EngineChannel): void;
}

/** How a channel receives. */
export interface ChannelLimits {
  /** How many bytes the peer may send before any is taken. */
  readonly windowBytes: number;
  /**
   * How wide the window may become, by itself, where it holds up a peer far away, and what comes
   * is taken: not at all, unless given.
   */
  readonly maxWindowBytes?: number;
  /** How many bytes of data the peer may put into one packet. */
  readonly maxPacketBytes: number;
}

/** The peer's side of a channel. */
export interface RemoteEnd {
  /** The number by which the peer names the channel. */
  readonly id: number;
  /** How many bytes the peer takes before any has been consumed. */
  readonly windowBytes: number;
  /** How many bytes of data the peer takes in one packet. */
  readonly maxPacketBytes: number;
}

/** One channel, at one end. */
export class EngineChannel {
  /** The number by which the peer names it. */
  readonly localId: number;
  /** Its type, such as `session`. */
  readonly type: string;
  readonly #context: ChannelContext;
  /** Null when it is over: what still refers to the channel then keeps nothing else. */
  #sink: ChannelSink | null;
  readonly #receiveWindow: ReceiveWindow;
  readonly #owed = new ReplyQueue("channel request");
  #asked: ((success: boolean) => void)[] = [];
  #remote: { id: number; maxSendBytes: number; window: SendWindow } | null = null;
  #sentEof = false;
  #receivedEof = false;
  #sentClose = false;
  #closed = false;

  /** Channels are made by a `Multiplexer`. */
  constructor(
    context: ChannelContext,
    localId: number,
    type: string,
    limits: ChannelLimits,
    sink: ChannelSink,
  ) {
    this.#context = context;
    this.localId = localId;
    this.type = type;
    this.#sink = sink;
    const { windowBytes, maxPacketBytes, maxWindowBytes = windowBytes } = limits;
    this.#receiveWindow = new ReceiveWindow(
      { sizeBytes: windowBytes, maxSizeBytes: maxWindowBytes, maxPacketBytes },
      context.now,
    );
  }

  /** Whether both ends have agreed on the channel. */
  get isOpen(): boolean {
    return this.#remote !== null && !this.#closed;
  }

  /** The number by which we name it to the peer; null before the channel is open. */
  get remoteId(): number | null {
    return this.#remote?.id ?? null;
  }

  /** How many bytes the peer may still send. */
  get receiveWindowBytes(): number {
    return this.#receiveWindow.remainingBytes;
  }

  /** How many bytes the peer's window has room for; 0 once EOF or CLOSE has been sent. */
  get sendWindowBytes(): number {
    if (this.#remote === null || this.#sentEof || this.#sentClose || this.#closed) return 0;
    return this.#remote.window.remainingBytes;
  }

  /** How many bytes can be sent at once right now, in one packet: none during a key exchange. */
  get sendableBytes(): number {
    if (!this.#context.sendable()) return 0;
    return Math.min(this.sendWindowBytes, this.#remote?.maxSendBytes ?? 0);
  }

  /**
   * Sends data, at most {@linkcode sendableBytes} of it.
   *
   * @throws {RangeError} If it is more.
   */
  sendData(data: Uint8Array, type: number = DATA_NORMAL): void {
    if (data.length === 0) return;
    const remote = this.#remote;
    if (remote === null || data.length > this.sendableBytes) {
      throw new RangeError(
        `Cannot send ${data.length} bytes: ${this.sendableBytes} can be sent now`,
      );
    }
    remote.window.spend(data.length);
    const head = encodeDataHead(remote.id, type, data.length);
    this.#context.sendData(head, data, type === DATA_NORMAL ? remote : null);
  }

  /** Says that we will send no more data. */
  sendEof(): void {
    const remote = this.#remote;
    if (remote === null || this.#sentEof || this.#sentClose || this.#closed) return;
    this.#sentEof = true;
    this.#context.send(encodeChannelMessage(Msg.CHANNEL_EOF, remote.id));
  }

  /** Closes our end; the channel is closed when the peer has closed its own. */
  sendClose(): void {
    const remote = this.#remote;
    if (remote === null || this.#sentClose || this.#closed) return;
    this.#sentClose = true;
    this.#owed.clear();
    this.#context.send(encodeChannelMessage(Msg.CHANNEL_CLOSE, remote.id));
  }

  /**
   * Makes a request.
   *
   * @param onReply Given the reply, unless the channel is closed first; null if none is wanted.
   * @returns Whether it was sent: not on a channel that is not open, or that we have closed.
   */
  sendRequest(
    name: string,
    payload: Uint8Array,
    onReply: ((success: boolean) => void) | null,
  ): boolean {
    const remote = this.#remote;
    if (remote === null || this.#sentClose || this.#closed) return false;
    if (onReply !== null) this.#asked.push(onReply);
    this.#context.send(
      encodeChannelRequest({
        recipientChannel: remote.id,
        name,
        wantReply: onReply !== null,
        payload,
      }),
    );
    return true;
  }

  /** Counts what the application has taken, and lets the peer send as much again. */
  take(bytes: number): void {
    const refill = this.#receiveWindow.take(bytes);
    if (refill > 0) this.#sendAdjust(refill);
  }

  /**
   * Lets the peer send more, for good. It has to know the channel by then.
   *
   * @throws {RangeError} If the window would pass 2^32 - 1 bytes.
   */
  growWindow(bytes: number): void {
    if (!this.isOpen) throw new TypeError("Cannot widen the window: the channel is not open");
    this.#receiveWindow.grow(bytes);
    this.#sendAdjust(bytes);
  }

  /** The channel is open: takes what the peer said of its end. */
  confirm(remote: RemoteEnd): void {
    this.#remote = {
      id: remote.id,
      maxSendBytes: Math.min(remote.maxPacketBytes, MAX_SEND_BYTES),
      window: new SendWindow(remote.windowBytes),
    };
  }

  /** The peer has confirmed the channel that we opened. */
  handleConfirmation(remote: RemoteEnd, extra: Uint8Array): void {
    this.confirm(remote);
    this.#sink?.onOpen(extra);
  }

  /** The peer has refused the channel that we opened. */
  handleFailure(reason: number, description: string): void {
    this.#closed = true;
    this.#sink?.onOpenFailure(reason, description);
  }

  /**
   * Takes a message for this channel, whose buffer nobody else has.
   *
   * @param reader Stands behind the recipient channel's number.
   */
  handle(number: number, reader: Reader): void {
    switch (number) {
      case Msg.CHANNEL_WINDOW_ADJUST:
        return this.#handleAdjust(reader);
      case Msg.CHANNEL_DATA:
      case Msg.CHANNEL_EXTENDED_DATA:
        return this.#handleData(number, reader);
      case Msg.CHANNEL_EOF:
        reader.end();
        return this.#handleEof();
      case Msg.CHANNEL_CLOSE:
        reader.end();
        return this.#handleClose();
      case Msg.CHANNEL_REQUEST:
        return this.#handleRequest(reader);
      case Msg.CHANNEL_SUCCESS:
      case Msg.CHANNEL_FAILURE:
        reader.end();
        return this.#handleReply(number);
    }
  }

  /** The connection has ended. */
  end(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#asked = [];
    this.#owed.clear();
    const sink = this.#sink;
    this.#sink = null;
    sink?.onClosed(reason);
  }

  #handleAdjust(reader: Reader): void {
    const bytes = reader.uint32("bytes to add");
    reader.end();
    this.#remote?.window.adjust(bytes);
    if (bytes > 0 && !this.#sentClose) this.#sink?.onWindow();
  }

  #handleData(number: number, reader: Reader): void {
    let type = DATA_NORMAL;
    if (number === Msg.CHANNEL_EXTENDED_DATA) {
      type = reader.uint32("data type code");
      if (type !== DATA_STDERR) throw reader.error(`there is no extended data type ${type}`);
    }
    const data = reader.string("data") as Uint8Array<ArrayBuffer>;
    reader.end();
    if (this.#receivedEof) {
      throw new ProtocolError(`Cannot accept data on channel ${this.localId} after its EOF`);
    }
    this.#receiveWindow.receive(data.length);
    // Whoever closed the channel does not want what was under way.
    if (data.length > 0 && !this.#sentClose) this.#sink?.onData(data, type);
  }

  #handleEof(): void {
    if (this.#receivedEof) {
      throw new ProtocolError(`Cannot accept a second EOF on channel ${this.localId}`);
    }
    this.#receivedEof = true;
    if (!this.#sentClose) this.#sink?.onEof();
  }

  #handleClose(): void {
    this.sendClose();
    this.#context.release(this);
    this.end(null);
  }

  #handleRequest(reader: Reader): void {
    const { name, wantReply, payload } = readChannelRequestBody(reader);
    if (this.#sentClose) return;
    const answer = wantReply ? this.#owed.reserve(payload.length) : null;
    const reply = (success: boolean): void => answer?.(() => this.#sendReply(success));
    this.#sink?.onRequest({ name, wantReply, payload, reply });
  }

  #handleReply(number: number): void {
    const onReply = this.#asked.shift();
    if (onReply === undefined) {
      throw new ProtocolError(
        `Cannot accept ${messageName(number)} on channel ${this.localId}: no request waits for it`,
      );
    }
    onReply(number === Msg.CHANNEL_SUCCESS);
  }

  #sendReply(success: boolean): void {
    const remote = this.#remote;
    if (remote === null || this.#sentClose || this.#closed) return;
    const number = success ? Msg.CHANNEL_SUCCESS : Msg.CHANNEL_FAILURE;
    this.#context.send(encodeChannelMessage(number, remote.id));
  }

  #sendAdjust(bytes: number): void {
    const remote = this.#remote;
    if (remote === null || this.#receivedEof || this.#sentClose || this.#closed) return;
    this.#context.send(encodeWindowAdjust(remote.id, bytes));
  }
}
