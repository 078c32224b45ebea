/**
 * Conversations with agents, of one side each: who hears it, how it is cut, and the messages.
 *
 * @module
 */

import {
  type AgentDestination,
  type AgentRequest,
  type AgentResponse,
  encodeAgentRequest,
  encodeAgentResponse,
  encodeSessionBinding,
  frameAgentMessage,
  parsePrivateKey,
  parsePublicKeyLine,
  sessionBindExtension,
} from "../../../keys/mod.ts";
import { Certificate } from "../../../keys/certificate.ts";
import { Writer } from "../../../wire/writer.ts";
import { concat, utf8 } from "../../helpers/bytes.ts";
import { certificates } from "../../keys/certificate_fixtures.ts";
import { privateKeys } from "../../keys/fixtures.ts";

const ed25519 = await parsePrivateKey(privateKeys.ed25519);
const ecdsa = await parsePrivateKey(privateKeys.ecdsa256);
const rsa = await parsePrivateKey(privateKeys.rsa);
const certificate = parsePublicKeyLine(certificates.ed25519);
const { blob } = ed25519.publicKey;

const add = { type: "add", certificate: null, comment: "ada" } as const;
const LIST: AgentRequest = { type: "list" };
const SIGN: AgentRequest = { type: "sign", key: blob, data: utf8("a message"), flags: 0 };

const hostKey = { blob: ecdsa.publicKey.blob, isCa: false };
const authority = { blob: rsa.publicKey.blob, isCa: true };
const DESTINATIONS: readonly AgentDestination[] = [
  { from: null, to: { hostname: "first", keys: [hostKey], user: "ad?" } },
  {
    from: { hostname: "first", keys: [hostKey, authority] },
    to: { hostname: "second", keys: [authority] },
  },
];
const sessionId = utf8("the first exchange hash");
const BIND: AgentRequest = {
  type: "extension",
  name: sessionBindExtension,
  payload: encodeSessionBinding({
    hostKey: hostKey.blob,
    sessionId,
    signature: await ecdsa.sign("ecdsa-sha2-nistp256", sessionId),
    forwarding: false,
  }),
};
const LOGIN = new Writer().string(sessionId).uint8(50).string("ada").string("ssh-connection")
  .string("publickey-hostbound-v00@openssh.com").uint8(1).string("ssh-ed25519").string(blob)
  .string(hostKey.blob).finish();

function heardByAgent(...requests: AgentRequest[]): Uint8Array {
  const frames = requests.map((request) => frameAgentMessage(encodeAgentRequest(request)));
  return concat([Uint8Array.of(0, 0), ...frames]);
}

function heardByClient(...answers: AgentResponse[]): Uint8Array {
  const frames = answers.map((answer) => frameAgentMessage(encodeAgentResponse(answer)));
  return concat([Uint8Array.of(1, 0), ...frames]);
}

/** Keys, constraints, certificates, a lock; lists, extensions, signatures. */
export const corpus: readonly Uint8Array[] = [
  heardByAgent({ ...add, key: ed25519, constraints: {} }, LIST, SIGN, {
    type: "remove",
    key: blob,
  }),
  heardByAgent({ ...add, key: ecdsa, constraints: { lifetimeSeconds: 60, confirm: true } }, LIST),
  heardByAgent(
    BIND,
    { ...add, key: ed25519, constraints: { destinations: DESTINATIONS, confirm: true } },
    LIST,
    SIGN,
    { ...SIGN, data: LOGIN },
    { type: "remove", key: blob },
  ),
  heardByAgent({ ...add, key: rsa, constraints: {} }, {
    type: "sign",
    key: rsa.publicKey.blob,
    data: utf8("x"),
    flags: 4,
  }),
  heardByAgent({
    ...add,
    key: ed25519,
    certificate: certificate instanceof Certificate ? certificate : null,
    constraints: { extension: { name: "x@example", details: utf8("details") } },
  }, { type: "remove-all" }),
  heardByAgent(
    { type: "lock", passphrase: utf8("sesame") },
    LIST,
    { type: "unlock", passphrase: utf8("sesame") },
  ),
  heardByAgent({ type: "extension", name: "query", payload: new Uint8Array(0) }, {
    type: "unknown",
    number: 9,
  }),
  heardByClient(
    {
      type: "identities",
      identities: [{ blob, comment: "ada" }, { blob: utf8("?"), comment: "" }],
    },
    { type: "success", payload: new Uint8Array(0) },
    {
      type: "extension",
      name: "query",
      payload: new Writer().string("query").string("x@example").finish(),
    },
    { type: "identities", identities: [] },
  ),
  heardByClient({ type: "failure" }, { type: "extension-failure" }, {
    type: "signature",
    signature: utf8("no"),
  }),
];
