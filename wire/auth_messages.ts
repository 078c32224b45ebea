/**
 * The messages of user authentication: RFC 4252 and RFC 4256.
 *
 * @module
 */

import { Msg } from "./message_numbers.ts";
import { messageReader } from "./message_reader.ts";
import { Writer } from "./writer.ts";

/** The head of SSH_MSG_USERAUTH_REQUEST (RFC 4252 section 5). */
export interface UserauthRequest {
  readonly user: string;
  readonly service: string;
  readonly method: string;
  /** What the method adds. */
  readonly fields: Uint8Array;
}

/** SSH_MSG_USERAUTH_FAILURE (RFC 4252 section 5.1). */
export interface UserauthFailure {
  readonly remaining: readonly string[];
  readonly partial: boolean;
}

/** One question of keyboard-interactive authentication. */
export interface Prompt {
  /** The question. */
  readonly prompt: string;
  /** Whether what the user types may be shown. */
  readonly echo: boolean;
}

/** SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256 section 3.2): one round of questions. */
export interface Challenge {
  /** What is asked about; it may be empty. */
  readonly name: string;
  /** What the user is to be told; it may be empty. */
  readonly instruction: string;
  /** The questions; there may be none. */
  readonly prompts: readonly Prompt[];
}

/** SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4). */
export interface Banner {
  /** What is to be shown. */
  readonly message: string;
  /** The language tag of the message (RFC 3066). */
  readonly language: string;
}

/** How long the texts of authentication may be, in bytes. */
const MAX_TEXT_BYTES = 8192;

/** Encodes SSH_MSG_USERAUTH_REQUEST. */
export function encodeUserauthRequest(request: UserauthRequest): Uint8Array {
  return new Writer().uint8(Msg.USERAUTH_REQUEST).string(request.user).string(request.service)
    .string(request.method).raw(request.fields).finish();
}

/** Decodes SSH_MSG_USERAUTH_REQUEST, but not what the method adds. */
export function decodeUserauthRequest(payload: Uint8Array): UserauthRequest {
  const reader = messageReader(payload, "USERAUTH_REQUEST");
  const user = reader.text("user name", 1024);
  const service = reader.name("service name", 256);
  const method = reader.name("method name", 256);
  return { user, service, method, fields: reader.rest() };
}

/** Encodes SSH_MSG_USERAUTH_FAILURE. */
export function encodeUserauthFailure(failure: UserauthFailure): Uint8Array {
  return new Writer().uint8(Msg.USERAUTH_FAILURE).nameList(failure.remaining)
    .boolean(failure.partial).finish();
}

/** Decodes SSH_MSG_USERAUTH_FAILURE. */
export function decodeUserauthFailure(payload: Uint8Array): UserauthFailure {
  const reader = messageReader(payload, "USERAUTH_FAILURE");
  const remaining = reader.nameList("authentications that can continue", 100);
  const partial = reader.boolean("partial success");
  reader.end();
  return { remaining, partial };
}

/** Encodes SSH_MSG_USERAUTH_BANNER. */
export function encodeBanner(banner: Banner): Uint8Array {
  return new Writer().uint8(Msg.USERAUTH_BANNER).string(banner.message)
    .string(banner.language).finish();
}

/** Decodes SSH_MSG_USERAUTH_BANNER. */
export function decodeBanner(payload: Uint8Array): Banner {
  const reader = messageReader(payload, "USERAUTH_BANNER");
  const message = reader.looseText("message");
  const language = reader.looseText("language tag");
  reader.end();
  return { message, language };
}

/** Encodes SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 section 8). */
export function encodePasswordChangeRequest(prompt: string): Uint8Array {
  return new Writer().uint8(Msg.USERAUTH_PASSWD_CHANGEREQ).string(prompt).string("").finish();
}

/** Decodes SSH_MSG_USERAUTH_PASSWD_CHANGEREQ: the prompt. */
export function decodePasswordChangeRequest(payload: Uint8Array): string {
  const reader = messageReader(payload, "USERAUTH_PASSWD_CHANGEREQ");
  const prompt = reader.text("prompt", MAX_TEXT_BYTES);
  reader.string("language tag");
  reader.end();
  return prompt;
}

/** Encodes SSH_MSG_USERAUTH_PK_OK (RFC 4252 section 7). */
export function encodePublicKeyOk(algorithm: string, key: Uint8Array): Uint8Array {
  return new Writer().uint8(Msg.USERAUTH_PK_OK).string(algorithm).string(key).finish();
}

/** Decodes SSH_MSG_USERAUTH_PK_OK. */
export function decodePublicKeyOk(payload: Uint8Array): { algorithm: string; key: Uint8Array } {
  const reader = messageReader(payload, "USERAUTH_PK_OK");
  const algorithm = reader.name("algorithm name");
  const key = reader.string("public key");
  reader.end();
  return { algorithm, key };
}

/** Encodes SSH_MSG_USERAUTH_INFO_REQUEST. */
export function encodeChallenge(challenge: Challenge): Uint8Array {
  const writer = new Writer().uint8(Msg.USERAUTH_INFO_REQUEST).string(challenge.name)
    .string(challenge.instruction).string("").uint32(challenge.prompts.length);
  for (const { prompt, echo } of challenge.prompts) writer.string(prompt).boolean(echo);
  return writer.finish();
}

/** Decodes SSH_MSG_USERAUTH_INFO_REQUEST. */
export function decodeChallenge(payload: Uint8Array): Challenge {
  const reader = messageReader(payload, "USERAUTH_INFO_REQUEST");
  const name = reader.text("name", MAX_TEXT_BYTES);
  const instruction = reader.text("instruction", MAX_TEXT_BYTES);
  reader.string("language tag");
  const count = reader.uint32("num-prompts");
  if (count > 100) throw reader.error(`${count} prompts, but at most 100 are allowed`);
  const prompts: Prompt[] = [];
  for (let i = 0; i < count; i++) {
    prompts.push({ prompt: reader.text("prompt", MAX_TEXT_BYTES), echo: reader.boolean("echo") });
  }
  reader.end();
  return { name, instruction, prompts };
}

/** Encodes SSH_MSG_USERAUTH_INFO_RESPONSE (RFC 4256 section 3.4). */
export function encodeResponses(responses: readonly string[]): Uint8Array {
  const writer = new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(responses.length);
  for (const response of responses) writer.string(response);
  return writer.finish();
}

/** Decodes SSH_MSG_USERAUTH_INFO_RESPONSE: as many responses as there were prompts. */
export function decodeResponses(payload: Uint8Array, expected: number): string[] {
  const reader = messageReader(payload, "USERAUTH_INFO_RESPONSE");
  const count = reader.uint32("num-responses");
  if (count !== expected) throw reader.error(`${count} responses to ${expected} prompts`);
  const responses: string[] = [];
  for (let i = 0; i < count; i++) responses.push(reader.text("response", MAX_TEXT_BYTES));
  reader.end();
  return responses;
}
