/**
 * What the methods share that prove a key: publickey and hostbased (RFC 4252 sections 7 and 9).
 *
 * @module
 */

import { plainAlgorithm } from "../../keys/certificate_algorithms.ts";
import { parsePublicKey } from "../../keys/public_key.ts";
import type { PublicKey } from "../../keys/types.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import type { ClientAuthContext } from "./client.ts";

/** What is signed: the session, then the request up to the signature. */
export function signedData(
  context: Pick<ClientAuthContext, "user" | "service" | "sessionId">,
  method: string,
  fields: Uint8Array,
): Uint8Array {
  return new Writer(512).string(context.sessionId).uint8(Msg.USERAUTH_REQUEST)
    .string(context.user).string(context.service).string(method).raw(fields).finish();
}

/**
 * RFC 8308 section 3.1: a server that lists algorithms takes no others. Where there is no choice
 * the list is not asked, as with OpenSSH: ssh2's leaves out some that it takes.
 */
export function chooseAlgorithm(key: PublicKey, listed: Uint8Array | undefined): string | null {
  if (listed === undefined || key.algorithms.length === 1) return key.algorithms[0] ?? null;
  const names = new TextDecoder().decode(listed).split(",");
  // OpenSSH lists the names that keys have without certificates, for those too.
  const isListed = (name: string): boolean =>
    names.includes(name) || names.includes(plainAlgorithm(name));
  return key.algorithms.find(isListed) ?? null;
}

/** Reads a key that a client has sent; null if it is none that could be used. */
export function parseOrNull(blob: Uint8Array): PublicKey | null {
  try {
    return parsePublicKey(blob);
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}
