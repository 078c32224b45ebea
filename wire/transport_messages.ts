/**
 * The messages of the transport layer: RFC 4253 sections 7, 10 and 11, RFC 8308, and PING and
 * PONG of OpenSSH's PROTOCOL section 1.9.
 *
 * @module
 */

import { Msg } from "./message_numbers.ts";
import { messageReader } from "./message_reader.ts";
import { Writer } from "./writer.ts";

/** SSH_MSG_DISCONNECT (RFC 4253 section 11.1). */
export interface Disconnect {
  readonly code: number;
  readonly description: string;
}

/** SSH_MSG_DEBUG (RFC 4253 section 11.3). */
export interface Debug {
  /** Whether the peer wants it shown in any case. */
  readonly alwaysDisplay: boolean;
  /** The text, as it came. */
  readonly message: string;
}

/** The ten name-lists and the guess of SSH_MSG_KEXINIT (RFC 4253 section 7.1). */
export interface KexInit {
  /** 16 random bytes. */
  readonly cookie: Uint8Array;
  /** `kex_algorithms` */
  readonly kex: readonly string[];
  /** `server_host_key_algorithms` */
  readonly hostKeys: readonly string[];
  /** `encryption_algorithms_client_to_server` */
  readonly ciphersClientToServer: readonly string[];
  /** `encryption_algorithms_server_to_client` */
  readonly ciphersServerToClient: readonly string[];
  /** `mac_algorithms_client_to_server` */
  readonly macsClientToServer: readonly string[];
  /** `mac_algorithms_server_to_client` */
  readonly macsServerToClient: readonly string[];
  /** `compression_algorithms_client_to_server` */
  readonly compressionClientToServer: readonly string[];
  /** `compression_algorithms_server_to_client` */
  readonly compressionServerToClient: readonly string[];
  /** `first_kex_packet_follows`: whether a guess comes next. */
  readonly firstKexPacketFollows: boolean;
}

/** Encodes SSH_MSG_DISCONNECT. */
export function encodeDisconnect(message: Disconnect): Uint8Array {
  return new Writer().uint8(Msg.DISCONNECT).uint32(message.code)
    .string(message.description).string("").finish();
}

/** Decodes SSH_MSG_DISCONNECT. Some peers leave the language tag out. */
export function decodeDisconnect(payload: Uint8Array): Disconnect {
  const reader = messageReader(payload, "DISCONNECT");
  const code = reader.uint32("reason code");
  const description = reader.looseText("description");
  if (reader.remaining > 0) reader.string("language tag");
  return { code, description };
}

/** Encodes SSH_MSG_IGNORE (RFC 4253 section 11.2). */
export function encodeIgnore(data: Uint8Array): Uint8Array {
  return new Writer().uint8(Msg.IGNORE).string(data).finish();
}

/** Encodes SSH_MSG_DEBUG. */
export function encodeDebug(message: Debug): Uint8Array {
  return new Writer().uint8(Msg.DEBUG).boolean(message.alwaysDisplay)
    .string(message.message).string("").finish();
}

/** Decodes SSH_MSG_DEBUG. */
export function decodeDebug(payload: Uint8Array): Debug {
  const reader = messageReader(payload, "DEBUG");
  const alwaysDisplay = reader.boolean("always_display");
  return { alwaysDisplay, message: reader.looseText("message") };
}

/** Encodes SSH_MSG_UNIMPLEMENTED (RFC 4253 section 11.4). */
export function encodeUnimplemented(sequence: number): Uint8Array {
  return new Writer().uint8(Msg.UNIMPLEMENTED).uint32(sequence).finish();
}

/** Encodes SSH_MSG_SERVICE_REQUEST or SSH_MSG_SERVICE_ACCEPT (RFC 4253 section 10). */
export function encodeService(
  number: typeof Msg.SERVICE_REQUEST | typeof Msg.SERVICE_ACCEPT,
  service: string,
): Uint8Array {
  return new Writer().uint8(number).string(service).finish();
}

/** Decodes SSH_MSG_SERVICE_REQUEST or SSH_MSG_SERVICE_ACCEPT: the service's name. */
export function decodeService(payload: Uint8Array): string {
  const reader = messageReader(payload, "service name");
  const service = reader.name("service name", 256);
  reader.end();
  return service;
}

/** Encodes SSH_MSG_EXT_INFO (RFC 8308 section 2.3). */
export function encodeExtInfo(extensions: ReadonlyMap<string, string>): Uint8Array {
  const writer = new Writer().uint8(Msg.EXT_INFO).uint32(extensions.size);
  for (const [name, value] of extensions) writer.string(name).string(value);
  return writer.finish();
}

/** Decodes SSH_MSG_EXT_INFO: the extensions' values, views of the payload, by their names. */
export function decodeExtInfo(payload: Uint8Array): Map<string, Uint8Array> {
  const reader = messageReader(payload, "EXT_INFO");
  const count = reader.uint32("nr-extensions");
  if (count > 256) throw reader.error(`${count} extensions, but at most 256 are allowed`);
  const extensions = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) {
    const name = reader.name("extension-name", 256);
    if (extensions.has(name)) throw reader.error(`extension ${name} twice`);
    extensions.set(name, reader.string("extension-value"));
  }
  reader.end();
  return extensions;
}

/** Encodes SSH_MSG_KEXINIT. */
export function encodeKexInit(message: KexInit): Uint8Array<ArrayBuffer> {
  // Most lists of algorithms fit, and malloc is quicker below 1,024 bytes.
  return new Writer(1000).uint8(Msg.KEXINIT).raw(message.cookie)
    .nameList(message.kex).nameList(message.hostKeys)
    .nameList(message.ciphersClientToServer).nameList(message.ciphersServerToClient)
    .nameList(message.macsClientToServer).nameList(message.macsServerToClient)
    .nameList(message.compressionClientToServer).nameList(message.compressionServerToClient)
    .nameList([]).nameList([])
    .boolean(message.firstKexPacketFollows).uint32(0).finish();
}

/** Decodes SSH_MSG_KEXINIT. */
export function decodeKexInit(payload: Uint8Array): KexInit {
  const reader = messageReader(payload, "KEXINIT");
  const cookie = reader.raw(16, "cookie");
  const kex = reader.nameList("kex_algorithms");
  const hostKeys = reader.nameList("server_host_key_algorithms");
  const ciphersClientToServer = reader.nameList("encryption_algorithms_client_to_server");
  const ciphersServerToClient = reader.nameList("encryption_algorithms_server_to_client");
  const macsClientToServer = reader.nameList("mac_algorithms_client_to_server");
  const macsServerToClient = reader.nameList("mac_algorithms_server_to_client");
  const compressionClientToServer = reader.nameList("compression_algorithms_client_to_server");
  const compressionServerToClient = reader.nameList("compression_algorithms_server_to_client");
  reader.string("languages_client_to_server");
  reader.string("languages_server_to_client");
  const firstKexPacketFollows = reader.boolean("first_kex_packet_follows");
  reader.uint32("reserved");
  reader.end();
  return {
    cookie,
    kex,
    hostKeys,
    ciphersClientToServer,
    ciphersServerToClient,
    macsClientToServer,
    macsServerToClient,
    compressionClientToServer,
    compressionServerToClient,
    firstKexPacketFollows,
  };
}

/** Encodes SSH2_MSG_PING or SSH2_MSG_PONG. */
export function encodePing(
  number: typeof Msg.PING | typeof Msg.PONG,
  data: Uint8Array,
): Uint8Array {
  return new Writer().uint8(number).string(data).finish();
}

/** Decodes SSH2_MSG_PING or SSH2_MSG_PONG: the data to be sent back. */
export function decodePing(payload: Uint8Array): Uint8Array {
  const reader = messageReader(payload, "PING");
  const data = reader.string("data");
  reader.end();
  return data;
}
