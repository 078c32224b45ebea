/**
 * The messages of key exchange methods: RFC 4253 section 8, RFC 5656 section 4 and RFC 4419
 * section 3. A share is written as `string` or as `mpint`, as the method has it.
 *
 * @module
 */

import { Msg } from "./message_numbers.ts";
import { messageReader } from "./message_reader.ts";
import type { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** How a share or a secret is written. */
export type ShareEncoding = "string" | "mpint";

/** What the server answers to a client's share. */
export interface KexReply {
  /** The server's public host key: K_S. */
  readonly hostKey: Uint8Array;
  /** The server's share. */
  readonly share: Uint8Array;
  /** The signature of the exchange hash. */
  readonly signature: Uint8Array;
}

/** The sizes in bits of the group that a client asks for (RFC 4419 section 3). */
export interface GroupSizes {
  readonly min: number;
  readonly preferred: number;
  readonly max: number;
}

/** Writes a share or a secret. */
export function writeShare(writer: Writer, share: Uint8Array, encoding: ShareEncoding): Writer {
  return encoding === "mpint" ? writer.mpint(share) : writer.string(share);
}

/** Encodes a message that is nothing but the client's share. */
export function encodeKexShare(
  number: number,
  share: Uint8Array,
  encoding: ShareEncoding,
): Uint8Array {
  return writeShare(new Writer(share.length + 8).uint8(number), share, encoding).finish();
}

/** Decodes a message that is nothing but the client's share. */
export function decodeKexShare(payload: Uint8Array, encoding: ShareEncoding): Uint8Array {
  const reader = messageReader(payload, "the client's key exchange share");
  const share = readShare(reader, encoding);
  reader.end();
  return share;
}

/** Encodes the server's share, key and signature. */
export function encodeKexReply(
  number: number,
  reply: KexReply,
  encoding: ShareEncoding,
): Uint8Array {
  const capacity = reply.hostKey.length + reply.share.length + reply.signature.length + 32;
  const writer = new Writer(capacity).uint8(number).string(reply.hostKey);
  return writeShare(writer, reply.share, encoding).string(reply.signature).finish();
}

/** Decodes the server's share, key and signature. */
export function decodeKexReply(payload: Uint8Array, encoding: ShareEncoding): KexReply {
  const reader = messageReader(payload, "the server's key exchange reply");
  const hostKey = reader.string("host key");
  const share = readShare(reader, encoding);
  const signature = reader.string("signature");
  reader.end();
  return { hostKey, share, signature };
}

/** Encodes SSH_MSG_KEX_DH_GEX_REQUEST. */
export function encodeGroupRequest(sizes: GroupSizes): Uint8Array {
  return new Writer().uint8(Msg.KEX_DH_GEX_REQUEST)
    .uint32(sizes.min).uint32(sizes.preferred).uint32(sizes.max).finish();
}

/** Decodes SSH_MSG_KEX_DH_GEX_REQUEST. */
export function decodeGroupRequest(payload: Uint8Array): GroupSizes {
  const reader = messageReader(payload, "KEX_DH_GEX_REQUEST");
  const min = reader.uint32("min");
  const preferred = reader.uint32("n");
  const max = reader.uint32("max");
  reader.end();
  return { min, preferred, max };
}

/** Encodes SSH_MSG_KEX_DH_GEX_GROUP. */
export function encodeGroup(group: { p: Uint8Array; g: Uint8Array }): Uint8Array {
  return new Writer().uint8(Msg.KEX_DH_GEX_GROUP).mpint(group.p).mpint(group.g).finish();
}

/** Decodes SSH_MSG_KEX_DH_GEX_GROUP. */
export function decodeGroup(payload: Uint8Array): { p: Uint8Array; g: Uint8Array } {
  const reader = messageReader(payload, "KEX_DH_GEX_GROUP");
  const p = reader.mpint("p", 1025);
  const g = reader.mpint("g", 1025);
  reader.end();
  return { p, g };
}

function readShare(reader: Reader, encoding: ShareEncoding): Uint8Array {
  return encoding === "mpint" ? reader.mpint("share") : reader.string("share");
}
