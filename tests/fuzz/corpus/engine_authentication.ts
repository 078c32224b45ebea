/**
 * Requests and answers of each method. The first byte says the role.
 *
 * @module
 */

import {
  encodeBanner,
  encodeChallenge,
  encodePasswordChangeRequest,
  encodePublicKeyOk,
  encodeResponses,
  encodeUserauthFailure,
  encodeUserauthRequest,
} from "../../../wire/auth_messages.ts";
import { Writer } from "../../../wire/writer.ts";
import { concat } from "../../helpers/bytes.ts";
import { testHostKey } from "../../helpers/engine_pair.ts";
import { requestNone } from "../../helpers/hostile_peer.ts";
import { ignore, wellFormed } from "../../helpers/messages.ts";
import { fromPayloads } from "../_input.ts";

const { blob } = (await testHostKey()).publicKey;

function request(method: string, fields: Writer): Uint8Array {
  const service = "ssh-connection";
  return encodeUserauthRequest({ user: "ada", service, method, fields: fields.finish() });
}

const key = (signed: boolean): Writer =>
  new Writer().boolean(signed).string("ssh-ed25519").string(blob);
const signature = new Writer().string("ssh-ed25519").string(new Uint8Array(64)).finish();

const ofClients = [
  [requestNone, requestNone],
  [request("publickey", key(false)), request("publickey", key(true).string(signature))],
  [
    request("publickey-hostbound-v00@openssh.com", key(false).string(blob)),
    request("publickey-hostbound-v00@openssh.com", key(true).string(blob).string(signature)),
  ],
  [
    request("password", new Writer().boolean(false).string("secret")),
    request("password", new Writer().boolean(true).string("secret").string("new")),
  ],
  [
    request("keyboard-interactive", new Writer().string("").string("pam")),
    encodeResponses(["one", "two"]),
    requestNone,
  ],
  [request("hostbased", new Writer().string("ssh-ed25519").string(blob).string("h").string("u"))],
  [request("gssapi-with-mic", new Writer().uint32(1).string("oid")), wellFormed(61)],
];

const prompts = [{ prompt: "Password: ", echo: false }];
const ofServers = [
  [encodeBanner({ message: "Hello", language: "" }), wellFormed(52)],
  [encodePublicKeyOk("ssh-ed25519", blob), encodeUserauthFailure(failure("keyboard-interactive"))],
  [
    encodeUserauthFailure(failure("keyboard-interactive", "password")),
    encodeChallenge({ name: "n", instruction: "i", prompts }),
    encodeChallenge({ name: "", instruction: "", prompts: [] }),
    encodeUserauthFailure(failure("password")),
    encodePasswordChangeRequest("Change it"),
    wellFormed(52),
  ],
  [encodeUserauthFailure({ remaining: ["password"], partial: true }), wellFormed(52)],
  [wellFormed(7), wellFormed(52), wellFormed(90)],
  [encodeUserauthFailure(failure())],
];

function failure(...remaining: string[]): { remaining: string[]; partial: boolean } {
  return { remaining, partial: false };
}

/** Dialogues in both roles. */
export const corpus: readonly Uint8Array[] = [
  ...ofClients.map((payloads) => concat([Uint8Array.of(0), fromPayloads(...payloads)])),
  ...ofServers.map((payloads) => concat([Uint8Array.of(1), fromPayloads(ignore, ...payloads)])),
];
