/**
 * What a browser has a security key sign: W3C Web Authentication, and OpenSSH's PROTOCOL.u2f.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, equalBytes } from "@noble/curves/utils.js";
import { toBase64Url } from "../crypto/base64.ts";
import type { Reader } from "../wire/reader.ts";

/** What stands behind the counter in a signature that a browser had made. */
export interface WebauthnFields {
  /** Where the page came from that asked for the signature. */
  readonly origin: string;
  /** The JSON that the browser made, as bytes. */
  readonly clientData: Uint8Array;
  /** What extensions of the protocol had the key sign along. */
  readonly extensions: Uint8Array;
}

// W3C Web Authentication section 6.1
const ATTESTED_DATA = 0x40;
const EXTENSION_DATA = 0x80;

/** Reads the fields. */
export function readWebauthnFields(reader: Reader): WebauthnFields {
  return {
    origin: reader.text("origin"),
    clientData: reader.string("client data"),
    extensions: reader.string("extensions"),
  };
}

/**
 * What the key signed behind the counter.
 *
 * @param data What the browser was asked to have signed: it is in the client data.
 * @returns Null if the client data is about something else, or the flags do not fit.
 */
export function webauthnSignedHash(
  { origin, clientData, extensions }: WebauthnFields,
  flags: number,
  data: Uint8Array,
): Uint8Array | null {
  const hasExtensions = (flags & EXTENSION_DATA) !== 0;
  if ((flags & ATTESTED_DATA) !== 0 || hasExtensions !== extensions.length > 0) return null;
  // The origin goes in as it is: with a quote it could pretend to be more of the JSON.
  if (origin.includes('"')) return null;
  // Web Authentication section 5.8.1.1: browsers write the first members in this order, and so.
  const start = new TextEncoder().encode(
    `{"type":"webauthn.get","challenge":"${toBase64Url(data)}","origin":"${origin}"`,
  );
  if (!equalBytes(clientData.subarray(0, start.length), start)) return null;
  return concatBytes(extensions, sha256(clientData));
}
