/**
 * What scripted peers say while a user is authenticated, and what they look for.
 *
 * @module
 */

import {
  decodeUserauthFailure,
  decodeUserauthRequest,
  encodeChallenge,
  encodeUserauthFailure,
  type UserauthFailure,
} from "../../wire/auth_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Reader } from "../../wire/reader.ts";
import { encodeService } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import type { ClientAuthMethod, Engine } from "../../protocol/mod.ts";
import {
  type RawConnection,
  type RawOptions,
  rawServer,
  userauthRequest,
} from "./raw_channel_peer.ts";

/** SSH_MSG_USERAUTH_SUCCESS. */
export const SUCCESS: Uint8Array = Uint8Array.of(Msg.USERAUTH_SUCCESS);
/** No bytes, in place of a message that did not come. */
export const EMPTY: Uint8Array = new Uint8Array(0);

/** SSH_MSG_USERAUTH_FAILURE. */
export function failure(remaining: readonly string[], partial = false): Uint8Array {
  return encodeUserauthFailure({ remaining, partial });
}

/** What a failure says; fails if the message is none. */
export function failureIn(payload: Uint8Array | undefined): UserauthFailure {
  if (payload?.[0] !== Msg.USERAUTH_FAILURE) throw new Error("The message is no failure");
  return decodeUserauthFailure(payload);
}

/** SSH_MSG_USERAUTH_INFO_REQUEST. */
export function challenge(...prompts: string[]): Uint8Array {
  return encodeChallenge({
    name: "",
    instruction: "",
    prompts: prompts.map((prompt) => ({ prompt, echo: false })),
  });
}

/** A request with a password. */
export function passwordRequest(password: string, user = "ada"): Uint8Array {
  const fields = new Writer().boolean(false).string(password).finish();
  return userauthRequest("password", fields, { user });
}

/** A request for questions. */
export function keyboardInteractiveRequest(submethods = ""): Uint8Array {
  const fields = new Writer().string("").string(submethods).finish();
  return userauthRequest("keyboard-interactive", fields);
}

/** A client that tries methods, whose request for the service a raw server has accepted. */
export async function clientTrying(
  methods: readonly ClientAuthMethod[],
  options: Omit<RawOptions, "clientAuth"> = {},
): Promise<RawConnection & { first: Uint8Array[] }> {
  const connection = await rawServer({ ...options, clientAuth: { methods } });
  const late = await connection.exchange([encodeService(Msg.SERVICE_ACCEPT, "ssh-userauth")]);
  return Object.assign(connection, { first: [...connection.early, ...late] });
}

/** The methods of requests; fails if a message is none. */
export function methodsOf(payloads: readonly Uint8Array[]): string[] {
  return payloads.map((payload) => {
    if (payload[0] !== Msg.USERAUTH_REQUEST) throw new Error("The message is no request");
    return decodeUserauthRequest(payload).method;
  });
}

/** What the method adds to a request. */
export function fieldsOf(payload: Uint8Array | undefined): Reader {
  return new Reader(decodeUserauthRequest(payload ?? EMPTY).fields, "fields");
}

/** Why an engine has ended; fails if it has not. */
export function closedBecause({ engine }: { engine: Engine }): Error {
  if (engine.closed === null) throw new Error("The engine has not ended");
  return engine.closed;
}
