/**
 * The messages of the connection protocol: RFC 4254 sections 4 and 5.
 *
 * @module
 */

import { Msg } from "./message_numbers.ts";
import { messageReader } from "./message_reader.ts";
import type { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** SSH_MSG_GLOBAL_REQUEST (RFC 4254 section 4). */
export interface GlobalRequestMessage {
  readonly name: string;
  readonly wantReply: boolean;
  /** What is specific to the request. */
  readonly payload: Uint8Array;
}

/** SSH_MSG_CHANNEL_OPEN (RFC 4254 section 5.1). */
export interface ChannelOpen {
  readonly type: string;
  readonly senderChannel: number;
  readonly windowBytes: number;
  readonly maxPacketBytes: number;
  /** What is specific to the channel's type. */
  readonly extra: Uint8Array;
}

/** SSH_MSG_CHANNEL_OPEN_CONFIRMATION (RFC 4254 section 5.1). */
export interface ChannelOpenConfirmation {
  readonly recipientChannel: number;
  readonly senderChannel: number;
  readonly windowBytes: number;
  readonly maxPacketBytes: number;
  /** What is specific to the channel's type. */
  readonly extra: Uint8Array;
}

/** SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254 section 5.1). */
export interface ChannelOpenFailure {
  readonly recipientChannel: number;
  readonly reason: number;
  readonly description: string;
}

/** SSH_MSG_CHANNEL_REQUEST (RFC 4254 section 5.4). */
export interface ChannelRequestMessage {
  readonly recipientChannel: number;
  readonly name: string;
  readonly wantReply: boolean;
  /** What is specific to the request. */
  readonly payload: Uint8Array;
}

const MAX_NAME_BYTES = 256;

/** Encodes SSH_MSG_GLOBAL_REQUEST. */
export function encodeGlobalRequest(request: GlobalRequestMessage): Uint8Array {
  return begin().uint8(Msg.GLOBAL_REQUEST).string(request.name).boolean(request.wantReply)
    .raw(request.payload).finish();
}

/** Decodes SSH_MSG_GLOBAL_REQUEST. */
export function decodeGlobalRequest(payload: Uint8Array): GlobalRequestMessage {
  const reader = messageReader(payload, "GLOBAL_REQUEST");
  const name = reader.name("request name", MAX_NAME_BYTES);
  const wantReply = reader.boolean("want reply");
  return { name, wantReply, payload: reader.rest() };
}

/** Encodes SSH_MSG_REQUEST_SUCCESS. */
export function encodeRequestSuccess(payload: Uint8Array): Uint8Array {
  return begin().uint8(Msg.REQUEST_SUCCESS).raw(payload).finish();
}

/** Encodes SSH_MSG_CHANNEL_OPEN. */
export function encodeChannelOpen(open: ChannelOpen): Uint8Array {
  return begin().uint8(Msg.CHANNEL_OPEN).string(open.type).uint32(open.senderChannel)
    .uint32(open.windowBytes).uint32(open.maxPacketBytes).raw(open.extra).finish();
}

/** Decodes SSH_MSG_CHANNEL_OPEN. */
export function decodeChannelOpen(payload: Uint8Array): ChannelOpen {
  const reader = messageReader(payload, "CHANNEL_OPEN");
  const type = reader.name("channel type", MAX_NAME_BYTES);
  const senderChannel = reader.uint32("sender channel");
  const windowBytes = reader.uint32("initial window size");
  const maxPacketBytes = reader.uint32("maximum packet size");
  return { type, senderChannel, windowBytes, maxPacketBytes, extra: reader.rest() };
}

/** Encodes SSH_MSG_CHANNEL_OPEN_CONFIRMATION. */
export function encodeChannelOpenConfirmation(message: ChannelOpenConfirmation): Uint8Array {
  return begin().uint8(Msg.CHANNEL_OPEN_CONFIRMATION).uint32(message.recipientChannel)
    .uint32(message.senderChannel).uint32(message.windowBytes).uint32(message.maxPacketBytes)
    .raw(message.extra).finish();
}

/** Decodes SSH_MSG_CHANNEL_OPEN_CONFIRMATION. */
export function decodeChannelOpenConfirmation(payload: Uint8Array): ChannelOpenConfirmation {
  const reader = messageReader(payload, "CHANNEL_OPEN_CONFIRMATION");
  const recipientChannel = reader.uint32("recipient channel");
  const senderChannel = reader.uint32("sender channel");
  const windowBytes = reader.uint32("initial window size");
  const maxPacketBytes = reader.uint32("maximum packet size");
  return { recipientChannel, senderChannel, windowBytes, maxPacketBytes, extra: reader.rest() };
}

/** Encodes SSH_MSG_CHANNEL_OPEN_FAILURE. */
export function encodeChannelOpenFailure(failure: ChannelOpenFailure): Uint8Array {
  return begin().uint8(Msg.CHANNEL_OPEN_FAILURE).uint32(failure.recipientChannel)
    .uint32(failure.reason).string(failure.description).string("").finish();
}

/** Decodes SSH_MSG_CHANNEL_OPEN_FAILURE. Some peers leave the texts out. */
export function decodeChannelOpenFailure(payload: Uint8Array): ChannelOpenFailure {
  const reader = messageReader(payload, "CHANNEL_OPEN_FAILURE");
  const recipientChannel = reader.uint32("recipient channel");
  const reason = reader.uint32("reason code");
  const description = reader.remaining > 0 ? reader.looseText("description") : "";
  return { recipientChannel, reason, description };
}

/** Encodes a message that is nothing but a channel's number: EOF, CLOSE, SUCCESS, FAILURE. */
export function encodeChannelMessage(number: number, recipientChannel: number): Uint8Array {
  return begin().uint8(number).uint32(recipientChannel).finish();
}

/** Encodes SSH_MSG_CHANNEL_WINDOW_ADJUST (RFC 4254 section 5.2). */
export function encodeWindowAdjust(recipientChannel: number, bytes: number): Uint8Array {
  return begin().uint8(Msg.CHANNEL_WINDOW_ADJUST).uint32(recipientChannel).uint32(bytes).finish();
}

/**
 * Encodes what stands before the data in SSH_MSG_CHANNEL_DATA, or with a type other than 0 in
 * SSH_MSG_CHANNEL_EXTENDED_DATA (RFC 4254 section 5.2).
 */
export function encodeDataHead(recipientChannel: number, type: number, length: number): Uint8Array {
  const head = begin().uint8(type === 0 ? Msg.CHANNEL_DATA : Msg.CHANNEL_EXTENDED_DATA)
    .uint32(recipientChannel);
  if (type !== 0) head.uint32(type);
  return head.uint32(length).finish();
}

/** Encodes SSH_MSG_CHANNEL_REQUEST. */
export function encodeChannelRequest(request: ChannelRequestMessage): Uint8Array {
  return begin().uint8(Msg.CHANNEL_REQUEST).uint32(request.recipientChannel)
    .string(request.name).boolean(request.wantReply).raw(request.payload).finish();
}

/** Decodes SSH_MSG_CHANNEL_REQUEST. */
export function decodeChannelRequest(payload: Uint8Array): ChannelRequestMessage {
  const reader = messageReader(payload, "CHANNEL_REQUEST");
  const recipientChannel = reader.uint32("recipient channel");
  return { recipientChannel, ...readChannelRequestBody(reader) };
}

/** Reads what stands behind the recipient channel's number in SSH_MSG_CHANNEL_REQUEST. */
export function readChannelRequestBody(
  reader: Reader,
): Omit<ChannelRequestMessage, "recipientChannel"> {
  const name = reader.name("request type", MAX_NAME_BYTES);
  const wantReply = reader.boolean("want reply");
  return { name, wantReply, payload: reader.rest() };
}

/**
 * Messages share buffers, for they are copied into packets, and nothing else is done with them: on
 * runtimes that keep no array's bytes in the heap of objects, a buffer of its own costs as much as
 * all else that a small message takes.
 */
let shared = new Writer(0);

function begin(): Writer {
  // Most messages fit into 256 bytes; others may have to get a buffer of their own.
  if (shared.room < 256) shared = new Writer(16 * 1024);
  return shared.begin();
}
