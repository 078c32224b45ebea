/**
 * A well-formed message of each number, so that only its time can be wrong.
 *
 * @module
 */

import {
  encodeBanner,
  encodePublicKeyOk,
  encodeResponses,
  encodeUserauthFailure,
} from "../../wire/auth_messages.ts";
import {
  encodeChannelMessage,
  encodeChannelOpen,
  encodeChannelOpenConfirmation,
  encodeChannelOpenFailure,
  encodeChannelRequest,
  encodeGlobalRequest,
  encodeWindowAdjust,
} from "../../wire/connection_messages.ts";
import { encodeGroupRequest, encodeKexReply, encodeKexShare } from "../../wire/kex_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import {
  encodeDebug,
  encodeDisconnect,
  encodeExtInfo,
  encodeIgnore,
  encodeKexInit,
  encodePing,
  encodeService,
  encodeUnimplemented,
} from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import { requestNone } from "./hostile_peer.ts";

const NOTHING = new Uint8Array(0);
const SHARE = new Uint8Array(32).fill(9);
const WINDOW = { windowBytes: 1000, maxPacketBytes: 1000 };

/** IGNORE. */
export const ignore: Uint8Array = encodeIgnore(new Uint8Array(3));
/** DEBUG. */
export const debug: Uint8Array = encodeDebug({ alwaysDisplay: false, message: "hush" });
/** UNIMPLEMENTED. */
export const unimplemented: Uint8Array = encodeUnimplemented(0);
/** PING. */
export const ping: Uint8Array = encodePing(Msg.PING, new Uint8Array(8));
/** CHANNEL_OPEN of a session. */
export const openSession: Uint8Array = encodeChannelOpen({
  type: "session",
  senderChannel: 0,
  ...WINDOW,
  extra: NOTHING,
});
/** CHANNEL_OPEN_CONFIRMATION for a channel. */
export function confirmation(recipientChannel: number): Uint8Array {
  return encodeChannelOpenConfirmation({
    recipientChannel,
    senderChannel: 0,
    ...WINDOW,
    extra: NOTHING,
  });
}
/** CHANNEL_DATA or CHANNEL_EXTENDED_DATA for a channel. */
export function channelData(recipientChannel: number, data: Uint8Array, type = 0): Uint8Array {
  const writer = type === 0
    ? new Writer().uint8(Msg.CHANNEL_DATA).uint32(recipientChannel)
    : new Writer().uint8(Msg.CHANNEL_EXTENDED_DATA).uint32(recipientChannel).uint32(type);
  return writer.string(data).finish();
}
/** CHANNEL_REQUEST for a channel. */
export function channelRequest(recipientChannel: number, wantReply = true): Uint8Array {
  return encodeChannelRequest({ recipientChannel, name: "shell", wantReply, payload: NOTHING });
}
/** GLOBAL_REQUEST. */
export function globalRequest(name: string, wantReply = true): Uint8Array {
  return encodeGlobalRequest({ name, wantReply, payload: NOTHING });
}

const LIST = ["none"];

const WELL_FORMED: ReadonlyMap<number, Uint8Array> = new Map([
  encodeDisconnect({ code: 11, description: "bye" }),
  ignore,
  unimplemented,
  debug,
  encodeService(Msg.SERVICE_REQUEST, "ssh-userauth"),
  encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth"),
  encodeExtInfo(new Map([["server-sig-algs", "ssh-ed25519"]])),
  encodeKexInit({
    cookie: new Uint8Array(16),
    kex: LIST,
    hostKeys: LIST,
    ciphersClientToServer: LIST,
    ciphersServerToClient: LIST,
    macsClientToServer: LIST,
    macsServerToClient: LIST,
    compressionClientToServer: LIST,
    compressionServerToClient: LIST,
    firstKexPacketFollows: false,
  }),
  encodeKexShare(Msg.KEXDH_INIT, SHARE, "string"),
  encodeKexReply(
    Msg.KEXDH_REPLY,
    { hostKey: SHARE, share: SHARE, signature: SHARE },
    "string",
  ),
  encodeKexShare(Msg.KEX_DH_GEX_INIT, SHARE, "mpint"),
  encodeKexReply(
    Msg.KEX_DH_GEX_REPLY,
    { hostKey: SHARE, share: SHARE, signature: SHARE },
    "mpint",
  ),
  encodeGroupRequest({ min: 2048, preferred: 3072, max: 8192 }),
  requestNone,
  encodeUserauthFailure({ remaining: ["password"], partial: false }),
  encodeBanner({ message: "hello", language: "" }),
  encodePublicKeyOk("ssh-ed25519", SHARE),
  encodeResponses([]),
  globalRequest("tcpip-forward"),
  openSession,
  confirmation(0),
  encodeChannelOpenFailure({ recipientChannel: 0, reason: 1, description: "no" }),
  encodeWindowAdjust(0, 1),
  channelData(0, SHARE),
  channelData(0, SHARE, 1),
  encodeChannelMessage(Msg.CHANNEL_EOF, 0),
  encodeChannelMessage(Msg.CHANNEL_CLOSE, 0),
  channelRequest(0),
  encodeChannelMessage(Msg.CHANNEL_SUCCESS, 0),
  encodeChannelMessage(Msg.CHANNEL_FAILURE, 0),
  ping,
  encodePing(Msg.PONG, new Uint8Array(8)),
].map((payload) => [payload[0] ?? 0, payload]));

/** A well-formed message of a number; of one that has no body or no meaning, the number alone. */
export function wellFormed(number: number): Uint8Array {
  return WELL_FORMED.get(number) ?? Uint8Array.of(number);
}
