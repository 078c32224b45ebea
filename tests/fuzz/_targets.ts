/**
 * All targets, each with what it starts from.
 *
 * @module
 */

import type { Dice } from "../helpers/dice.ts";
import { mutateBytes, mutatePayloads } from "./_mutate.ts";
import { corpus as agentCorpus } from "./corpus/agent.ts";
import { corpus as authorizedKeysCorpus } from "./corpus/authorized_keys.ts";
import { corpus as certificatesCorpus } from "./corpus/certificates.ts";
import { corpus as decompressorCorpus } from "./corpus/decompressor.ts";
import { corpus as authenticationCorpus } from "./corpus/engine_authentication.ts";
import { corpus as connectedCorpus } from "./corpus/engine_connected.ts";
import { corpus as keyExchangeCorpus } from "./corpus/engine_key_exchange.ts";
import { corpus as serviceCorpus } from "./corpus/engine_service.ts";
import { corpus as identificationCorpus } from "./corpus/identification.ts";
import { corpus as knownHostsCorpus } from "./corpus/known_hosts.ts";
import { corpus as messageSignaturesCorpus } from "./corpus/message_signatures.ts";
import { corpus as packetCorpus } from "./corpus/packet_reader.ts";
import { corpus as privateKeysCorpus } from "./corpus/private_keys.ts";
import { corpus as publicKeysCorpus } from "./corpus/public_keys.ts";
import { corpus as revokedKeysCorpus } from "./corpus/revoked_keys.ts";
import { corpus as securityKeysCorpus } from "./corpus/security_key_signatures.ts";
import { corpus as sshConfigCorpus } from "./corpus/ssh_config.ts";
import { corpus as wireCorpus } from "./corpus/wire_decoders.ts";
import * as agent from "./agent.ts";
import * as authorizedKeys from "./authorized_keys.ts";
import * as certificates from "./certificates.ts";
import * as decompressor from "./decompressor.ts";
import * as engineAuthentication from "./engine_authentication.ts";
import * as engineConnected from "./engine_connected.ts";
import * as engineIdentification from "./engine_identification.ts";
import * as engineKeyExchange from "./engine_key_exchange.ts";
import * as engineService from "./engine_service.ts";
import * as identificationReader from "./identification_reader.ts";
import * as knownHosts from "./known_hosts.ts";
import * as messageSignatures from "./message_signatures.ts";
import * as packetReader from "./packet_reader.ts";
import * as privateKeys from "./private_keys.ts";
import * as publicKeys from "./public_keys.ts";
import * as revokedKeys from "./revoked_keys.ts";
import * as securityKeySignatures from "./security_key_signatures.ts";
import * as sshConfig from "./ssh_config.ts";
import * as wireDecoders from "./wire_decoders.ts";

/** Something to be fuzzed. */
export interface FuzzTarget {
  readonly name: string;
  /** Throws, or rejects, if the data does what it must not. */
  readonly fuzz: (data: Uint8Array) => void | Promise<void>;
  readonly corpus: readonly Uint8Array[];
  /** How many bytes stand before payloads, if the data is payloads. */
  readonly headBytes?: number;
  /** How often a test runs it: for a second, or less. */
  readonly runs: number;
}

/** All targets. */
export const targets: readonly FuzzTarget[] = [
  {
    name: "identification_reader",
    ...identificationReader,
    corpus: identificationCorpus,
    runs: 2000,
  },
  { name: "packet_reader", ...packetReader, corpus: packetCorpus, runs: 3000 },
  { name: "wire_decoders", ...wireDecoders, corpus: wireCorpus, runs: 10_000 },
  {
    name: "decompressor",
    ...decompressor,
    corpus: decompressorCorpus,
    headBytes: 0,
    runs: 1500,
  },
  { name: "public_keys", ...publicKeys, corpus: publicKeysCorpus, runs: 3000 },
  { name: "known_hosts", ...knownHosts, corpus: knownHostsCorpus, runs: 1500 },
  { name: "authorized_keys", ...authorizedKeys, corpus: authorizedKeysCorpus, runs: 3000 },
  { name: "ssh_config", ...sshConfig, corpus: sshConfigCorpus, runs: 10_000 },
  { name: "agent", ...agent, corpus: agentCorpus, runs: 1500 },
  {
    name: "engine_identification",
    ...engineIdentification,
    corpus: identificationCorpus,
    runs: 500,
  },
  {
    name: "engine_key_exchange",
    ...engineKeyExchange,
    corpus: keyExchangeCorpus,
    headBytes: 2,
    runs: 600,
  },
  { name: "engine_service", ...engineService, corpus: serviceCorpus, headBytes: 1, runs: 400 },
  {
    name: "engine_authentication",
    ...engineAuthentication,
    corpus: authenticationCorpus,
    headBytes: 1,
    runs: 400,
  },
  {
    name: "engine_connected",
    ...engineConnected,
    corpus: connectedCorpus,
    headBytes: 1,
    runs: 400,
  },
  { name: "certificates", ...certificates, corpus: certificatesCorpus, runs: 1000 },
  {
    name: "message_signatures",
    ...messageSignatures,
    corpus: messageSignaturesCorpus,
    runs: 2000,
  },
  { name: "private_keys", ...privateKeys, corpus: privateKeysCorpus, runs: 1500 },
  { name: "revoked_keys", ...revokedKeys, corpus: revokedKeysCorpus, runs: 3000 },
  {
    name: "security_key_signatures",
    ...securityKeySignatures,
    corpus: securityKeysCorpus,
    runs: 1000,
  },
];

/** Data that has not been before, made of what a target starts from. */
export function mutate({ corpus, headBytes }: FuzzTarget, random: Dice): Uint8Array {
  const data = random.pick(corpus);
  if (headBytes === undefined || headBytes === 0 || random.chance(10)) {
    return mutateBytes(random, data, corpus);
  }
  return mutatePayloads(random, data, corpus, headBytes);
}
