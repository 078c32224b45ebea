/**
 * What comes on a connection. The first byte says the role.
 *
 * @module
 */

import {
  encodeChannelMessage,
  encodeChannelOpenFailure,
  encodeWindowAdjust,
} from "../../../wire/connection_messages.ts";
import { concat, utf8 } from "../../helpers/bytes.ts";
import {
  channelData,
  channelRequest,
  confirmation,
  debug,
  globalRequest,
  ignore,
  openSession,
  ping,
  wellFormed,
} from "../../helpers/messages.ts";
import { fromPayloads } from "../_input.ts";

const close = (id: number): Uint8Array => encodeChannelMessage(97, id);
const eof = (id: number): Uint8Array => encodeChannelMessage(96, id);
const success = (id: number): Uint8Array => encodeChannelMessage(99, id);
const refused = encodeChannelOpenFailure({ recipientChannel: 1, reason: 1, description: "no" });

const dialogues = [
  [openSession, channelRequest(2), channelData(2, utf8("data")), eof(2), close(2)],
  [confirmation(0), success(0), channelData(0, utf8("data"), 1), encodeWindowAdjust(0, 100)],
  [confirmation(0), refused, close(0), Uint8Array.of(82)],
  [confirmation(1), confirmation(0), success(1), eof(1), eof(0), close(1), close(0)],
  [globalRequest("a"), globalRequest("b", false), Uint8Array.of(81), ping, ignore, debug],
  [openSession, openSession, openSession, channelData(3, utf8("x")), close(2), close(3)],
  [wellFormed(20), wellFormed(30), wellFormed(21), openSession],
  [wellFormed(255), wellFormed(3), wellFormed(193), wellFormed(50), wellFormed(1)],
];

/** Dialogues in both roles: channels 0 and 1 are those that the engine has asked for. */
export const corpus: readonly Uint8Array[] = [0, 1].flatMap((role) =>
  dialogues.map((payloads) => concat([Uint8Array.of(role), fromPayloads(...payloads)]))
);
