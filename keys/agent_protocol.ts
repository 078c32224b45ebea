/**
 * The messages of agents (draft-ietf-sshm-ssh-agent, OpenSSH's PROTOCOL.agent), as typed values.
 *
 * @module
 */

import { ProtocolError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { type AgentKeyFields, readAgentKey, writeAgentKey } from "./_agent_key.ts";
import {
  type AgentDestination,
  destinationConstraint,
  readAgentDestinations,
  writeAgentDestinations,
} from "./agent_destinations.ts";

export type { AgentKeyFields } from "./_agent_key.ts";

/** The numbers of an agent's messages (draft-ietf-sshm-ssh-agent section 6.1). */
export const AgentMessage = {
  FAILURE: 5,
  SUCCESS: 6,
  REQUEST_IDENTITIES: 11,
  IDENTITIES_ANSWER: 12,
  SIGN_REQUEST: 13,
  SIGN_RESPONSE: 14,
  ADD_IDENTITY: 17,
  REMOVE_IDENTITY: 18,
  REMOVE_ALL_IDENTITIES: 19,
  LOCK: 22,
  UNLOCK: 23,
  ADD_ID_CONSTRAINED: 25,
  EXTENSION: 27,
  EXTENSION_FAILURE: 28,
  EXTENSION_RESPONSE: 29,
} as const;

/** Which hash an RSA key is to sign with (draft-ietf-sshm-ssh-agent section 6.4). */
export const AgentSignFlags = { RSA_SHA2_256: 2, RSA_SHA2_512: 4 } as const;

/** Under which constraints an agent is to keep a key. */
export interface AgentConstraints {
  /** How long, in whole seconds; for ever, unless given. */
  readonly lifetimeSeconds?: number;
  /** Whether the user is to be asked at every signature. */
  readonly confirm?: boolean;
  /** The ways that it may be used: whatever is not one of these is refused. All, unless given. */
  readonly destinations?: readonly AgentDestination[];
  /**
   * A constraint of a vendor's, which has to be the last one. Where its details end can only tell
   * who knows it: they are all that is left.
   */
  readonly extension?: { readonly name: string; readonly details: Uint8Array };
}

/** What an agent is asked for. */
export type AgentRequest =
  /** Which keys there are. */
  | { readonly type: "list" }
  /** A signature; `flags` are {@linkcode AgentSignFlags}. */
  | {
    readonly type: "sign";
    readonly key: Uint8Array;
    readonly data: Uint8Array;
    readonly flags: number;
  }
  /** To keep a key. */
  | { readonly type: "add"; readonly constraints: AgentConstraints } & AgentKeyFields
  /** To forget a key. */
  | { readonly type: "remove"; readonly key: Uint8Array }
  /** To forget all keys. */
  | { readonly type: "remove-all" }
  /** To do nothing until it is unlocked with the same passphrase. */
  | { readonly type: "lock" | "unlock"; readonly passphrase: Uint8Array }
  /** Whatever a vendor has thought of. */
  | { readonly type: "extension"; readonly name: string; readonly payload: Uint8Array }
  /** Any other: only its number is known. */
  | { readonly type: "unknown"; readonly number: number };

/** A key that an agent tells of. */
export interface AgentIdentity {
  /** The public key, in the encoding of RFC 4253 section 6.6. */
  readonly blob: Uint8Array;
  /** What people know it by. */
  readonly comment: string;
}

/** What an agent answers. */
export type AgentResponse =
  | { readonly type: "failure" | "extension-failure" }
  /** Some extensions answer with more than that it was done; otherwise `payload` is empty. */
  | { readonly type: "success"; readonly payload: Uint8Array }
  | { readonly type: "identities"; readonly identities: readonly AgentIdentity[] }
  | { readonly type: "signature"; readonly signature: Uint8Array }
  | { readonly type: "extension"; readonly name: string; readonly payload: Uint8Array };

/** As OpenSSH's client: an agent with more keys is none to try one after the other. */
const MAX_IDENTITIES = 2048;
const MAX_NAME_BYTES = 256;
const MAX_PASSPHRASE_BYTES = 4096;
const Constraint = { LIFETIME: 1, CONFIRM: 2, EXTENSION: 255 } as const;

/**
 * Encodes a request, without the length that goes before it: see `frameAgentMessage`.
 *
 * @throws {RangeError} If a lifetime is no uint32, or 0; or destinations cannot be what they are.
 */
export function encodeAgentRequest(request: AgentRequest): Uint8Array<ArrayBuffer> {
  const writer = new Writer(1024);
  switch (request.type) {
    case "list":
      return writer.uint8(AgentMessage.REQUEST_IDENTITIES).finish();
    case "sign":
      return writer.uint8(AgentMessage.SIGN_REQUEST)
        .string(request.key).string(request.data).uint32(request.flags).finish();
    case "add":
      return encodeAdd(request, writer);
    case "remove":
      return writer.uint8(AgentMessage.REMOVE_IDENTITY).string(request.key).finish();
    case "remove-all":
      return writer.uint8(AgentMessage.REMOVE_ALL_IDENTITIES).finish();
    case "lock":
      return writer.uint8(AgentMessage.LOCK).string(request.passphrase).finish();
    case "unlock":
      return writer.uint8(AgentMessage.UNLOCK).string(request.passphrase).finish();
    case "extension":
      return encodeAgentExtension(request.name, request.payload);
    case "unknown":
      return writer.uint8(request.number).finish();
  }
}

/**
 * Encodes a request for an extension alone, as {@linkcode encodeAgentRequest} does: whoever makes no
 * other does without the rest of the protocol.
 */
export function encodeAgentExtension(name: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Writer(1024).uint8(AgentMessage.EXTENSION).string(name).raw(payload).finish();
}

/**
 * Decodes a request.
 *
 * @param message The message without its length; what is decoded has views of it.
 * @throws {ProtocolError} If the message is malformed.
 * @throws {KeyFormatError} If a key to be added is none that is supported.
 */
export function decodeAgentRequest(message: Uint8Array): AgentRequest {
  const reader = new Reader(message, "agent request");
  const number = reader.uint8("type");
  const request = readRequest(number, reader);
  reader.end();
  return request;
}

/** Encodes an answer, without the length that goes before it: see `frameAgentMessage`. */
export function encodeAgentResponse(response: AgentResponse): Uint8Array<ArrayBuffer> {
  const writer = new Writer(1024);
  switch (response.type) {
    case "failure":
      return writer.uint8(AgentMessage.FAILURE).finish();
    case "extension-failure":
      return writer.uint8(AgentMessage.EXTENSION_FAILURE).finish();
    case "success":
      return writer.uint8(AgentMessage.SUCCESS).raw(response.payload).finish();
    case "identities":
      writer.uint8(AgentMessage.IDENTITIES_ANSWER).uint32(response.identities.length);
      for (const { blob, comment } of response.identities) writer.string(blob).string(comment);
      return writer.finish();
    case "signature":
      return writer.uint8(AgentMessage.SIGN_RESPONSE).string(response.signature).finish();
    case "extension":
      return writer.uint8(AgentMessage.EXTENSION_RESPONSE).string(response.name)
        .raw(response.payload).finish();
  }
}

/**
 * Decodes an answer.
 *
 * @param message The message without its length; what is decoded has views of it.
 * @throws {ProtocolError} If the message is malformed, or none that agents answer with.
 */
export function decodeAgentResponse(message: Uint8Array): AgentResponse {
  const reader = new Reader(message, "agent's answer");
  const number = reader.uint8("type");
  const response = readResponse(number, reader);
  reader.end();
  return response;
}

function encodeAdd(
  request: AgentRequest & { type: "add" },
  writer: Writer,
): Uint8Array<ArrayBuffer> {
  const { lifetimeSeconds, confirm = false, destinations, extension } = request.constraints;
  const constrained = lifetimeSeconds !== undefined || confirm || destinations !== undefined ||
    extension !== undefined;
  writer.uint8(constrained ? AgentMessage.ADD_ID_CONSTRAINED : AgentMessage.ADD_IDENTITY);
  writeAgentKey(request, writer);
  if (lifetimeSeconds !== undefined) {
    if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > 0xffffffff) {
      throw new RangeError(
        `Cannot add a key to an agent: a lifetime of ${lifetimeSeconds} seconds is not 1 to 2^32-1`,
      );
    }
    writer.uint8(Constraint.LIFETIME).uint32(lifetimeSeconds);
  }
  if (confirm) writer.uint8(Constraint.CONFIRM);
  if (destinations !== undefined) {
    writer.uint8(Constraint.EXTENSION).string(destinationConstraint);
    writeAgentDestinations(destinations, writer);
  }
  if (extension !== undefined) {
    writer.uint8(Constraint.EXTENSION).string(extension.name).raw(extension.details);
  }
  return writer.finish();
}

function readRequest(number: number, reader: Reader): AgentRequest {
  switch (number) {
    case AgentMessage.REQUEST_IDENTITIES:
      return { type: "list" };
    case AgentMessage.SIGN_REQUEST: {
      const key = reader.string("key");
      const data = reader.string("data");
      return { type: "sign", key, data, flags: reader.uint32("flags") };
    }
    case AgentMessage.ADD_IDENTITY:
    case AgentMessage.ADD_ID_CONSTRAINED: {
      const { rest, ...key } = readAgentKey(reader.rest());
      const constrained = number === AgentMessage.ADD_ID_CONSTRAINED;
      const constraints = constrained ? readConstraints(rest) : {};
      rest.end();
      return { type: "add", ...key, constraints };
    }
    case AgentMessage.REMOVE_IDENTITY:
      return { type: "remove", key: reader.string("key") };
    case AgentMessage.REMOVE_ALL_IDENTITIES:
      return { type: "remove-all" };
    case AgentMessage.LOCK:
    case AgentMessage.UNLOCK: {
      const passphrase = reader.string("passphrase", MAX_PASSPHRASE_BYTES);
      return { type: number === AgentMessage.LOCK ? "lock" : "unlock", passphrase };
    }
    case AgentMessage.EXTENSION: {
      const name = reader.name("extension", MAX_NAME_BYTES);
      return { type: "extension", name, payload: reader.rest() };
    }
  }
  reader.rest();
  return { type: "unknown", number };
}

function readConstraints(reader: Reader): AgentConstraints {
  let lifetimeSeconds: number | undefined;
  let confirm = false;
  let destinations: readonly AgentDestination[] | undefined;
  let extension: AgentConstraints["extension"];
  while (reader.remaining > 0) {
    const type = reader.uint8("constraint");
    if (type === Constraint.LIFETIME && lifetimeSeconds === undefined) {
      lifetimeSeconds = reader.uint32("lifetime");
      if (lifetimeSeconds === 0) throw reader.error("a lifetime of 0 seconds");
    } else if (type === Constraint.CONFIRM && !confirm) {
      confirm = true;
    } else if (type === Constraint.EXTENSION) {
      const name = reader.name("constraint extension", MAX_NAME_BYTES);
      if (name !== destinationConstraint) {
        extension = { name, details: reader.rest() };
      } else if (destinations === undefined) {
        destinations = readAgentDestinations(reader);
      } else {
        throw reader.error("its destinations are there twice");
      }
    } else {
      throw reader.error(`constraint ${type} is there twice, or not one of 1, 2, 255`);
    }
  }
  return {
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
    ...(confirm && { confirm }),
    ...(destinations !== undefined && { destinations }),
    ...(extension !== undefined && { extension }),
  };
}

function readResponse(number: number, reader: Reader): AgentResponse {
  switch (number) {
    case AgentMessage.FAILURE:
      return { type: "failure" };
    case AgentMessage.EXTENSION_FAILURE:
      return { type: "extension-failure" };
    case AgentMessage.SUCCESS:
      return { type: "success", payload: reader.rest() };
    case AgentMessage.IDENTITIES_ANSWER:
      return { type: "identities", identities: readIdentities(reader) };
    case AgentMessage.SIGN_RESPONSE:
      return { type: "signature", signature: reader.string("signature") };
    case AgentMessage.EXTENSION_RESPONSE: {
      const name = reader.name("extension", MAX_NAME_BYTES);
      return { type: "extension", name, payload: reader.rest() };
    }
  }
  throw new ProtocolError(`Cannot read agent's answer: message ${number} is no answer`);
}

function readIdentities(reader: Reader): readonly AgentIdentity[] {
  const count = reader.uint32("number of keys");
  if (count > MAX_IDENTITIES) {
    throw reader.error(`${count} keys, but at most ${MAX_IDENTITIES} are allowed`);
  }
  const identities: AgentIdentity[] = [];
  const decoder = new TextDecoder();
  for (let i = 0; i < count; i++) {
    const blob = reader.string("key");
    // A comment is for people; one in an old encoding must not lock the key away.
    identities.push({ blob, comment: decoder.decode(reader.string("comment")) });
  }
  return identities;
}
