/**
 * The connection protocol without I/O (RFC 4254): global requests, and the table of channels.
 *
 * @module
 */

import {
  decodeChannelOpen,
  decodeChannelOpenConfirmation,
  decodeChannelOpenFailure,
  decodeGlobalRequest,
  encodeChannelOpen,
  encodeChannelOpenConfirmation,
  encodeChannelOpenFailure,
  encodeGlobalRequest,
  encodeRequestSuccess,
} from "../../wire/connection_messages.ts";
import { EMPTY } from "../../wire/empty.ts";
import { ChannelOpenReason, ProtocolError } from "../../wire/errors.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import { messageReader } from "../../wire/message_reader.ts";
import type { Reader } from "../../wire/reader.ts";
import {
  type ChannelContext,
  type ChannelLimits,
  type ChannelSink,
  EngineChannel,
} from "./channel.ts";
import { ReplyQueue } from "./replies.ts";

/** A channel that the peer wants to open. */
export interface IncomingChannelOpen {
  /** Its type, such as `session`. */
  readonly type: string;
  /** What is specific to the type. */
  readonly extra: Uint8Array;
  /**
   * Opens it. Exactly one of `accept` and `reject` is to be called. If the connection has ended
   * meanwhile, the sink is told so before this returns.
   *
   * @throws {RangeError} If the limits cannot be had; it can then be accepted with others.
   */
  accept(sink: ChannelSink, limits: ChannelLimits, extra?: Uint8Array): EngineChannel;
  /** Refuses it: see `ChannelOpenReason`. */
  reject(reason: number, description: string): void;
}

/** A global request that the peer made. */
export interface IncomingGlobalRequest {
  /** The request's name on the wire. */
  readonly name: string;
  /** Whether the peer waits for an answer. */
  readonly wantReply: boolean;
  /** What is specific to the request. */
  readonly payload: Uint8Array;
  /** Grants it; replies go out in the order of the requests. */
  succeed(payload?: Uint8Array): void;
  /** Denies it. */
  fail(): void;
}

/** A reply to a global request of ours: what is specific to it, or null for failure. */
export type GlobalReply = Uint8Array | null;

/** More than this does not describe a channel: the longest descriptions are paths and hosts. */
const MAX_EXTRA_BYTES = 32 * 1024;

/** What the connection protocol needs, and whom it tells. */
export interface MultiplexerOptions {
  /** How many channels may be open at once, pending ones counted. */
  readonly maxChannels: number;
  /** The time in milliseconds; it never goes back. */
  readonly now: () => number;
  /** Whether channel data may be sent now. */
  readonly sendable: () => boolean;
  /** Sends a message. */
  readonly send: (payload: Uint8Array) => void;
  /** Sends channel data: what stands before it, the data, and what it may share packets with. */
  readonly sendData: ChannelContext["sendData"];
  /** The peer wants to open a channel. */
  readonly onChannelOpen: (open: IncomingChannelOpen) => void;
  /** The peer makes a global request. */
  readonly onGlobalRequest: (request: IncomingGlobalRequest) => void;
}

/** All channels and global requests of a connection, at one end. */
export class Multiplexer {
  readonly #options: MultiplexerOptions;
  readonly #context: ChannelContext;
  readonly #channels = new Map<number, EngineChannel>();
  readonly #owed = new ReplyQueue("global request");
  #asked: ((reply: GlobalReply) => void)[] = [];
  /** Channels that the peer wants, and nobody has decided on. */
  #undecided = 0;
  #nextId = 0;
  #ended: { readonly reason: unknown } | null = null;

  /** Begins without any channel. */
  constructor(options: MultiplexerOptions) {
    this.#options = options;
    const release = (channel: EngineChannel): boolean => this.#channels.delete(channel.localId);
    this.#context = { ...options, release };
  }

  /** How many channels there are, pending ones counted. */
  get channelCount(): number {
    return this.#channels.size + this.#undecided;
  }

  /** Opens a channel; the sink is told what becomes of it. */
  open(type: string, extra: Uint8Array, limits: ChannelLimits, sink: ChannelSink): EngineChannel {
    const channel = this.#create(type, limits, sink);
    this.#options.send(
      encodeChannelOpen({
        type,
        senderChannel: channel.localId,
        windowBytes: limits.windowBytes,
        maxPacketBytes: limits.maxPacketBytes,
        extra,
      }),
    );
    return channel;
  }

  /**
   * Makes a global request.
   *
   * @param onReply Given the reply; null if none is wanted.
   */
  request(
    name: string,
    payload: Uint8Array,
    onReply: ((reply: GlobalReply) => void) | null,
  ): void {
    if (onReply !== null) this.#asked.push(onReply);
    this.#options.send(encodeGlobalRequest({ name, wantReply: onReply !== null, payload }));
  }

  /** Takes a message, whose buffer nobody else has. */
  handle(number: number, payload: Uint8Array): void {
    switch (number) {
      case Msg.GLOBAL_REQUEST:
        return this.#handleGlobalRequest(payload);
      case Msg.REQUEST_SUCCESS:
      case Msg.REQUEST_FAILURE:
        return this.#handleGlobalReply(number, payload);
      case Msg.CHANNEL_OPEN:
        return this.#handleOpen(payload);
      case Msg.CHANNEL_OPEN_CONFIRMATION:
        return this.#handleConfirmation(payload);
      case Msg.CHANNEL_OPEN_FAILURE:
        return this.#handleFailure(payload);
    }
    const reader = messageReader(payload, messageName(number));
    const channel = this.#find(number, reader);
    if (!channel.isOpen) throw noChannel(number, channel.localId);
    channel.handle(number, reader);
  }

  /** The connection has ended. */
  end(reason: unknown): void {
    this.#ended = { reason };
    this.#undecided = 0;
    this.#asked = [];
    this.#owed.clear();
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) channel.end(reason);
  }

  #create(type: string, limits: ChannelLimits, sink: ChannelSink): EngineChannel {
    while (this.#channels.has(this.#nextId)) this.#nextId = (this.#nextId + 1) >>> 0;
    const channel = new EngineChannel(this.#context, this.#nextId, type, limits, sink);
    this.#channels.set(channel.localId, channel);
    this.#nextId = (this.#nextId + 1) >>> 0;
    return channel;
  }

  #find(number: number, reader: Reader): EngineChannel {
    const id = reader.uint32("recipient channel");
    const channel = this.#channels.get(id);
    if (channel === undefined) throw noChannel(number, id);
    return channel;
  }

  /** The channel that we asked for, and that is neither confirmed nor refused. */
  #findPending(number: number, payload: Uint8Array): EngineChannel {
    const channel = this.#find(number, messageReader(payload, messageName(number)));
    if (channel.isOpen) {
      throw new ProtocolError(
        `Cannot accept ${messageName(number)}: channel ${channel.localId} is open already`,
      );
    }
    return channel;
  }

  #handleConfirmation(payload: Uint8Array): void {
    const channel = this.#findPending(Msg.CHANNEL_OPEN_CONFIRMATION, payload);
    const { senderChannel, windowBytes, maxPacketBytes, extra } = decodeChannelOpenConfirmation(
      payload,
    );
    if (maxPacketBytes === 0) throw zeroPacket();
    channel.handleConfirmation({ id: senderChannel, windowBytes, maxPacketBytes }, extra);
  }

  #handleFailure(payload: Uint8Array): void {
    const channel = this.#findPending(Msg.CHANNEL_OPEN_FAILURE, payload);
    const { reason, description } = decodeChannelOpenFailure(payload);
    this.#channels.delete(channel.localId);
    channel.handleFailure(reason, description);
  }

  #handleOpen(payload: Uint8Array): void {
    const open = decodeChannelOpen(payload);
    const reject = (reason: number, description: string): void => {
      if (this.#ended !== null) return;
      this.#options.send(
        encodeChannelOpenFailure({ recipientChannel: open.senderChannel, reason, description }),
      );
    };
    if (this.channelCount >= this.#options.maxChannels) {
      reject(ChannelOpenReason.RESOURCE_SHORTAGE, "too many channels are open");
      return;
    }
    if (open.extra.length > MAX_EXTRA_BYTES) {
      reject(ChannelOpenReason.RESOURCE_SHORTAGE, "the channel's description is too long");
      return;
    }
    if (open.maxPacketBytes === 0) throw zeroPacket();
    this.#undecided++;
    let decided = false;
    const checkUndecided = (): void => {
      if (decided) throw new TypeError(`The channel ${open.type} has been decided on already`);
    };
    const decide = (): void => {
      checkUndecided();
      decided = true;
      if (this.#ended === null) this.#undecided--;
    };
    this.#options.onChannelOpen({
      type: open.type,
      extra: open.extra,
      accept: (sink, limits, extra = EMPTY) => {
        checkUndecided();
        const channel = this.#create(open.type, limits, sink);
        decide();
        this.#confirm(channel, open, limits, extra);
        return channel;
      },
      reject: (reason, description) => {
        decide();
        reject(reason, description);
      },
    });
  }

  #confirm(
    channel: EngineChannel,
    open: ReturnType<typeof decodeChannelOpen>,
    limits: ChannelLimits,
    extra: Uint8Array,
  ): void {
    if (this.#ended !== null) {
      this.#channels.delete(channel.localId);
      channel.end(this.#ended.reason);
      return;
    }
    channel.confirm({
      id: open.senderChannel,
      windowBytes: open.windowBytes,
      maxPacketBytes: open.maxPacketBytes,
    });
    this.#options.send(
      encodeChannelOpenConfirmation({
        recipientChannel: open.senderChannel,
        senderChannel: channel.localId,
        windowBytes: limits.windowBytes,
        maxPacketBytes: limits.maxPacketBytes,
        extra,
      }),
    );
  }

  #handleGlobalRequest(payload: Uint8Array): void {
    const { name, wantReply, payload: specific } = decodeGlobalRequest(payload);
    const answer = wantReply ? this.#owed.reserve(specific.length) : null;
    this.#options.onGlobalRequest({
      name,
      wantReply,
      payload: specific,
      succeed: (reply = EMPTY) => answer?.(() => this.#options.send(encodeRequestSuccess(reply))),
      fail: () => answer?.(() => this.#options.send(Uint8Array.of(Msg.REQUEST_FAILURE))),
    });
  }

  #handleGlobalReply(number: number, payload: Uint8Array): void {
    const onReply = this.#asked.shift();
    if (onReply === undefined) {
      throw new ProtocolError(`Cannot accept ${messageName(number)}: no request waits for it`);
    }
    onReply(number === Msg.REQUEST_SUCCESS ? payload.slice(1) : null);
  }
}

function zeroPacket(): ProtocolError {
  return new ProtocolError("Cannot open a channel whose maximum packet size is 0");
}

function noChannel(number: number, id: number): ProtocolError {
  return new ProtocolError(`Cannot accept ${messageName(number)}: there is no channel ${id}`);
}
