/**
 * What scripted peers say on channels. The peer's own channel is number 7.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ChannelLimits, EngineChannel } from "../../protocol/mod.ts";
import {
  type ChannelOpen,
  encodeChannelMessage,
  encodeChannelOpen,
  encodeChannelRequest,
  encodeDataHead,
} from "../../wire/connection_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { ChannelLog } from "./channel_log.ts";
import { rawClientLetIn, type RawConnection } from "./raw_channel_peer.ts";

/** How channels of tests receive. */
export const LIMITS: ChannelLimits = { windowBytes: 1000, maxPacketBytes: 100 };
/** No bytes. */
export const EMPTY: Uint8Array = new Uint8Array(0);

/** SSH_MSG_CHANNEL_DATA, or with a type other than 0 SSH_MSG_CHANNEL_EXTENDED_DATA. */
export function data(id: number, bytes: Uint8Array | number, type = 0): Uint8Array {
  const content = typeof bytes === "number" ? new Uint8Array(bytes) : bytes;
  return new Writer().raw(encodeDataHead(id, type, content.length)).raw(content).finish();
}

/** SSH_MSG_CHANNEL_EOF. */
export function eof(id: number): Uint8Array {
  return encodeChannelMessage(Msg.CHANNEL_EOF, id);
}

/** SSH_MSG_CHANNEL_CLOSE. */
export function close(id: number): Uint8Array {
  return encodeChannelMessage(Msg.CHANNEL_CLOSE, id);
}

/** SSH_MSG_CHANNEL_SUCCESS. */
export function success(id: number): Uint8Array {
  return encodeChannelMessage(Msg.CHANNEL_SUCCESS, id);
}

/** SSH_MSG_CHANNEL_FAILURE. */
export function failure(id: number): Uint8Array {
  return encodeChannelMessage(Msg.CHANNEL_FAILURE, id);
}

/** SSH_MSG_CHANNEL_REQUEST. */
export function request(id: number, name = "env", wantReply = true): Uint8Array {
  return encodeChannelRequest({ recipientChannel: id, name, wantReply, payload: EMPTY });
}

/** SSH_MSG_CHANNEL_OPEN of the peer's channel. */
export function open(changes: Partial<ChannelOpen> = {}): Uint8Array {
  return encodeChannelOpen({
    type: "session",
    senderChannel: 7,
    ...LIMITS,
    extra: EMPTY,
    ...changes,
  });
}

/** A connection with a channel that the peer has opened: number 0 at this end, 7 at the peer's. */
export async function withChannel(
  options: {
    readonly connect?: () => Promise<RawConnection>;
    /** What the peer says of its end. */
    readonly remote?: Partial<ChannelLimits>;
  } = {},
): Promise<RawConnection & { log: ChannelLog; channel: EngineChannel }> {
  const connection = await (options.connect ?? rawClientLetIn)();
  await connection.exchange([open(options.remote)]);
  const log = new ChannelLog();
  const channel = connection.sink.opens.shift()?.accept(log, LIMITS);
  assert.ok(channel !== undefined);
  await connection.settle();
  return Object.assign(connection, { log, channel });
}
