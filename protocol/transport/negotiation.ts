/**
 * Agreeing on algorithms (RFC 4253 section 7.1).
 *
 * @module
 */

import type { CipherAlgorithm, MacAlgorithm } from "../../crypto/types.ts";
import { NegotiationError } from "../../wire/errors.ts";
import type { KexInit } from "../../wire/transport_messages.ts";
import type { Role } from "../gate.ts";
import type { Algorithms } from "./algorithms.ts";
import type { CompressionAlgorithm } from "./compression.ts";
import type { KexMethod } from "./kex/types.ts";

/** The algorithms of one direction. */
export interface DirectionAlgorithms {
  /** The cipher. */
  readonly cipher: CipherAlgorithm;
  /** Null where the cipher authenticates by itself. */
  readonly mac: MacAlgorithm | null;
  /** The compression. */
  readonly compression: CompressionAlgorithm;
}

/** What was agreed on. */
export interface NegotiatedAlgorithms {
  /** The key exchange method. */
  readonly kex: KexMethod;
  /** The name of the signature algorithm of the host key. */
  readonly hostKey: string;
  /** The algorithms of what the client sends. */
  readonly clientToServer: DirectionAlgorithms;
  /** The algorithms of what the server sends. */
  readonly serverToClient: DirectionAlgorithms;
}

/** Names among the key exchange methods that are signals: RFC 8308 section 2.1, and OpenSSH's. */
export const KexSignal = {
  EXT_INFO: { client: "ext-info-c", server: "ext-info-s" },
  STRICT: { client: "kex-strict-c-v00@openssh.com", server: "kex-strict-s-v00@openssh.com" },
} as const;

/** The KEXINIT that offers `algorithms`; the signals belong into the first one only. */
export function kexInitOf(
  algorithms: Algorithms,
  options: { cookie: Uint8Array; role: Role; first: boolean },
): KexInit {
  const signals = options.first
    ? [KexSignal.EXT_INFO[options.role], KexSignal.STRICT[options.role]]
    : [];
  const ciphers = algorithms.ciphers.map((cipher) => cipher.name);
  const macs = algorithms.macs.map((mac) => mac.name);
  const compression = algorithms.compression.map((method) => method.name);
  return {
    cookie: options.cookie,
    kex: [...algorithms.kex.map((method) => method.name), ...signals],
    hostKeys: algorithms.hostKeys,
    ciphersClientToServer: ciphers,
    ciphersServerToClient: ciphers,
    macsClientToServer: macs,
    macsServerToClient: macs,
    compressionClientToServer: compression,
    compressionServerToClient: compression,
    firstKexPacketFollows: false,
  };
}

/**
 * Finds the algorithms that both ends have: of each list the client's first that the server has
 * too.
 *
 * @throws {NegotiationError} If there is none for something.
 */
export function negotiate(
  role: Role,
  algorithms: Algorithms,
  ours: KexInit,
  theirs: KexInit,
): NegotiatedAlgorithms {
  const client = role === "client" ? ours : theirs;
  const server = role === "client" ? theirs : ours;

  function agree<T extends { readonly name: string }>(
    what: string,
    known: readonly T[],
    clients: readonly string[],
    servers: readonly string[],
  ): T {
    for (const name of clients) {
      const found = servers.includes(name) && known.find((algorithm) => algorithm.name === name);
      if (found) return found;
    }
    const [our, their] = role === "client" ? [clients, servers] : [servers, clients];
    throw new NegotiationError(what, our, their);
  }

  function direction(name: "ClientToServer" | "ServerToClient"): DirectionAlgorithms {
    const way = name === "ClientToServer" ? "from client to server" : "from server to client";
    const cipher = agree(
      `the cipher ${way}`,
      algorithms.ciphers,
      client[`ciphers${name}`],
      server[`ciphers${name}`],
    );
    const mac = cipher.aead
      ? null
      : agree(`the MAC ${way}`, algorithms.macs, client[`macs${name}`], server[`macs${name}`]);
    const compression = agree(
      `the compression ${way}`,
      algorithms.compression,
      client[`compression${name}`],
      server[`compression${name}`],
    );
    return { cipher, mac, compression };
  }

  return {
    kex: agree("the key exchange", algorithms.kex, client.kex, server.kex),
    hostKey: agree(
      "the host key algorithm",
      algorithms.hostKeys.map((name) => ({ name })),
      client.hostKeys,
      server.hostKeys,
    ).name,
    clientToServer: direction("ClientToServer"),
    serverToClient: direction("ServerToClient"),
  };
}

/** Whether the peer's guess of a first packet was right (RFC 4253 section 7). */
export function guessedRight(ours: KexInit, theirs: KexInit): boolean {
  return ours.kex[0] === theirs.kex[0] && ours.hostKeys[0] === theirs.hostKeys[0];
}
