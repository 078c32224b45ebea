/**
 * Every message of the wire: how it is made up, written and read.
 *
 * @module
 */

import fc from "fast-check";
import * as auth from "../../wire/auth_messages.ts";
import * as requests from "../../wire/channel_requests.ts";
import * as connection from "../../wire/connection_messages.ts";
import * as kex from "../../wire/kex_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeTerminalModes, encodeTerminalModes } from "../../wire/terminal_modes.ts";
import * as transport from "../../wire/transport_messages.ts";

/** A message's two directions. */
export interface Codec {
  readonly name: string;
  /** Messages to try. */
  readonly values: fc.Arbitrary<unknown>;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (payload: Uint8Array) => unknown;
  /** Whether it may be cut off, or go on, and still be read. */
  readonly open?: boolean;
}

function codec<T>(
  name: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (payload: Uint8Array) => unknown,
  open = false,
): Codec {
  return {
    name,
    values,
    encode: (value) => encode(value as T),
    // Views are compared after what they show may have been written over.
    decode: (payload) => structuredClone(decode(payload)),
    open,
  };
}

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const bytes = fc.uint8Array({ maxLength: 100 });
const text = fc.string({ unit: "grapheme", maxLength: 40 });
/** Text that a decoder that tolerates bad UTF-8 gives back: without a mark at its beginning. */
const looseText = text.filter((value) => !value.startsWith("\ufeff"));
const name = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
const listed = name.filter((value) => value !== "" && !value.includes(","));
const names = fc.array(listed, { maxLength: 5 });
const magnitude = bytes.filter(([first]) => first !== 0);

const size = { columns: uint32, rows: uint32, width: uint32, height: uint32 };
const modes = fc.dictionary(
  fc.constantFrom("VINTR", "ECHO", "TTY_OP_OSPEED", "110"),
  uint32,
  { noNullPrototype: true },
);

/** All of them. */
export const codecs: readonly Codec[] = [
  codec(
    "DISCONNECT",
    fc.record({ code: uint32, description: looseText }),
    transport.encodeDisconnect,
    transport.decodeDisconnect,
    true,
  ),
  codec(
    "DEBUG",
    fc.record({ alwaysDisplay: fc.boolean(), message: looseText }),
    transport.encodeDebug,
    transport.decodeDebug,
    true,
  ),
  codec(
    "SERVICE_REQUEST",
    name,
    (service) => transport.encodeService(Msg.SERVICE_REQUEST, service),
    transport.decodeService,
  ),
  codec(
    "EXT_INFO",
    fc.dictionary(name, text, { maxKeys: 5, noNullPrototype: true }),
    (extensions) => transport.encodeExtInfo(new Map(Object.entries(extensions))),
    (payload) => {
      const pairs = [...transport.decodeExtInfo(payload)]
        .map((
          [key, value],
        ): [string, string] => [key, new TextDecoder("utf-8", { ignoreBOM: true }).decode(value)]);
      return Object.fromEntries(pairs);
    },
  ),
  codec(
    "KEXINIT",
    fc.record({
      cookie: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      kex: names,
      hostKeys: names,
      ciphersClientToServer: names,
      ciphersServerToClient: names,
      macsClientToServer: names,
      macsServerToClient: names,
      compressionClientToServer: names,
      compressionServerToClient: names,
      firstKexPacketFollows: fc.boolean(),
    }),
    transport.encodeKexInit,
    transport.decodeKexInit,
  ),
  codec(
    "PING",
    bytes,
    (data) => transport.encodePing(Msg.PING, data),
    transport.decodePing,
  ),
  ...(["string", "mpint"] as const).flatMap((encoding) => {
    const share = encoding === "mpint" ? magnitude : bytes;
    return [
      codec(
        `KEXDH_INIT, as ${encoding}`,
        share,
        (value) => kex.encodeKexShare(Msg.KEXDH_INIT, value, encoding),
        (payload) => kex.decodeKexShare(payload, encoding),
      ),
      codec(
        `KEXDH_REPLY, as ${encoding}`,
        fc.record({ hostKey: bytes, share, signature: bytes }),
        (value) => kex.encodeKexReply(Msg.KEXDH_REPLY, value, encoding),
        (payload) => kex.decodeKexReply(payload, encoding),
      ),
    ];
  }),
  codec(
    "KEX_DH_GEX_REQUEST",
    fc.record({ min: uint32, preferred: uint32, max: uint32 }),
    kex.encodeGroupRequest,
    kex.decodeGroupRequest,
  ),
  codec(
    "KEX_DH_GEX_GROUP",
    fc.record({ p: magnitude, g: magnitude }),
    kex.encodeGroup,
    kex.decodeGroup,
  ),
  codec(
    "USERAUTH_REQUEST",
    fc.record({ user: text, service: name, method: name, fields: bytes }),
    auth.encodeUserauthRequest,
    auth.decodeUserauthRequest,
    true,
  ),
  codec(
    "USERAUTH_FAILURE",
    fc.record({ remaining: names, partial: fc.boolean() }),
    auth.encodeUserauthFailure,
    auth.decodeUserauthFailure,
  ),
  codec(
    "USERAUTH_BANNER",
    fc.record({ message: looseText, language: looseText }),
    auth.encodeBanner,
    auth.decodeBanner,
  ),
  codec(
    "USERAUTH_PASSWD_CHANGEREQ",
    text,
    auth.encodePasswordChangeRequest,
    auth.decodePasswordChangeRequest,
  ),
  codec(
    "USERAUTH_PK_OK",
    fc.record({ algorithm: name, key: bytes }),
    ({ algorithm, key }) => auth.encodePublicKeyOk(algorithm, key),
    auth.decodePublicKeyOk,
  ),
  codec(
    "USERAUTH_INFO_REQUEST",
    fc.record({
      name: text,
      instruction: text,
      prompts: fc.array(fc.record({ prompt: text, echo: fc.boolean() }), { maxLength: 5 }),
    }),
    auth.encodeChallenge,
    auth.decodeChallenge,
  ),
  codec(
    "USERAUTH_INFO_RESPONSE",
    fc.tuple(text, text),
    auth.encodeResponses,
    (payload) => auth.decodeResponses(payload, 2),
  ),
  codec(
    "GLOBAL_REQUEST",
    fc.record({ name, wantReply: fc.boolean(), payload: bytes }),
    connection.encodeGlobalRequest,
    connection.decodeGlobalRequest,
    true,
  ),
  codec(
    "CHANNEL_OPEN",
    fc.record({
      type: name,
      senderChannel: uint32,
      windowBytes: uint32,
      maxPacketBytes: uint32,
      extra: bytes,
    }),
    connection.encodeChannelOpen,
    connection.decodeChannelOpen,
    true,
  ),
  codec(
    "CHANNEL_OPEN_CONFIRMATION",
    fc.record({
      recipientChannel: uint32,
      senderChannel: uint32,
      windowBytes: uint32,
      maxPacketBytes: uint32,
      extra: bytes,
    }),
    connection.encodeChannelOpenConfirmation,
    connection.decodeChannelOpenConfirmation,
    true,
  ),
  codec(
    "CHANNEL_OPEN_FAILURE",
    fc.record({ recipientChannel: uint32, reason: uint32, description: looseText }),
    connection.encodeChannelOpenFailure,
    connection.decodeChannelOpenFailure,
    true,
  ),
  codec(
    "CHANNEL_REQUEST",
    fc.record({ recipientChannel: uint32, name, wantReply: fc.boolean(), payload: bytes }),
    connection.encodeChannelRequest,
    connection.decodeChannelRequest,
    true,
  ),
  codec(
    "pty-req",
    fc.record({ term: text, ...size, modes }),
    requests.encodePtyRequest,
    requests.decodePtyRequest,
  ),
  codec(
    "window-change",
    fc.record(size),
    requests.encodeWindowChange,
    requests.decodeWindowChange,
  ),
  codec(
    "env",
    fc.record({ name: text, value: text }),
    (env) => requests.encodeEnv(env.name, env.value),
    requests.decodeEnv,
  ),
  codec("exec", text, requests.encodeText, requests.decodeExec),
  codec("subsystem", text, requests.encodeText, requests.decodeSubsystem),
  codec("signal", text, requests.encodeText, requests.decodeSignal),
  codec("exit-status", uint32, requests.encodeUint32, requests.decodeExitStatus),
  codec("break", uint32, requests.encodeUint32, requests.decodeBreak),
  codec(
    "exit-signal",
    fc.record({ name, coreDumped: fc.boolean(), message: looseText, language: looseText }),
    requests.encodeExitSignal,
    requests.decodeExitSignal,
  ),
  codec("xon-xoff", fc.boolean(), requests.encodeXonXoff, requests.decodeXonXoff),
  codec("terminal modes", modes, encodeTerminalModes, decodeTerminalModes, true),
];
