/**
 * How a server tells which host keys it has, and proves them, over a connection that was made by
 * one of them (OpenSSH's PROTOCOL section 2.5).
 *
 * @module
 */

import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";

/** The global request by which a server tells its host keys. */
export const HOST_KEYS_REQUEST = "hostkeys-00@openssh.com";
/** The global request by which a client has it prove that they are its own. */
export const HOST_KEYS_PROVE_REQUEST = "hostkeys-prove-00@openssh.com";

/** No server has as many: there would be no end to proofs. */
const MAX_KEYS = 32;

/** What a server signs to prove a key: bound to the session, so that no proof serves twice. */
export function hostKeyProofData(sessionId: Uint8Array, blob: Uint8Array): Uint8Array {
  return new Writer().string(HOST_KEYS_PROVE_REQUEST).string(sessionId).string(blob).finish();
}

/** What is specific to both requests, and to the answer: keys, or signatures. */
export function encodeProofStrings(strings: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  for (const string of strings) writer.string(string);
  return writer.finish();
}

/**
 * Reads keys, or signatures.
 *
 * @param what What they are, for messages.
 * @throws {ProtocolError} If they cannot be read, or there are more than 32.
 */
export function decodeProofStrings(payload: Uint8Array, what: string): Uint8Array[] {
  const reader = new Reader(payload, what);
  const strings: Uint8Array[] = [];
  while (reader.remaining > 0) {
    if (strings.length === MAX_KEYS) throw reader.error(`there are more than ${MAX_KEYS}`);
    strings.push(reader.string("one of them").slice());
  }
  return strings;
}
