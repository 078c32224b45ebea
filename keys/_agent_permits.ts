/**
 * Whether a key that is restricted to destinations may be used over a connection to an agent, as
 * OpenSSH's agent decides it (PROTOCOL.agent, `ssh-add -h`).
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { ProtocolError } from "../wire/errors.ts";
import { Msg } from "../wire/message_numbers.ts";
import { Reader } from "../wire/reader.ts";
import type { AgentBindings, AgentHop } from "./agent_bindings.ts";
import type { AgentDestination, AgentHost } from "./agent_destinations.ts";
import { Certificate } from "./certificate.ts";
import { matchesPattern } from "./patterns.ts";
import type { PublicKey } from "./types.ts";
import { verifyCertificate } from "./verify_certificate.ts";

const METHOD = "publickey";
const METHOD_HOSTBOUND = "publickey-hostbound-v00@openssh.com";

/** Decides for one key. */
export class AgentPermits {
  readonly #destinations: readonly AgentDestination[];
  readonly #now: () => number;

  /** @param now The time in milliseconds, for the certificates of hosts. */
  constructor(destinations: readonly AgentDestination[], now: () => number) {
    this.#destinations = destinations;
    this.#now = now;
  }

  /** Whether a connection may see the key: where it leads to, the key could be of use. */
  async maySee(bindings: AgentBindings): Promise<boolean> {
    if (bindings.hasFailed) return false;
    // Whoever is not at the end of a session is here.
    const last = bindings.hops.at(-1);
    if (last === undefined) return true;
    if (!(await this.#isAllowed(bindings.hops, null))) return false;
    // Where the agent is lent to, a key is of use only to go further.
    return !last.forwarding || await this.#leads(last.hostKey, null, null);
  }

  /** Whether a connection may have data signed: nothing but the login that it has been bound to. */
  async maySign(bindings: AgentBindings, key: PublicKey, data: Uint8Array): Promise<boolean> {
    const last = bindings.hops.at(-1);
    if (last === undefined) return false;
    const login = readLogin(key, data);
    if (login === null) return false;
    const { sessionId, user, hostKey } = login;
    if (!equalBytes(sessionId, last.sessionId)) return false;
    if (hostKey !== null && !equalBytes(hostKey, last.hostKey.blob)) return false;
    return await this.#isAllowed(bindings.hops, user);
  }

  /** Whether each hop is allowed, from one to the next; `user` is who logs in at the last. */
  async #isAllowed(hops: readonly AgentHop[], user: string | null): Promise<boolean> {
    let from: PublicKey | null = null;
    for (const [index, { hostKey, forwarding }] of hops.entries()) {
      const isLast = index === hops.length - 1;
      // A session to log in leads no further; and where an agent is lent to, nobody logs in.
      if (isLast ? forwarding && user !== null : !forwarding) return false;
      if (!(await this.#leads(from, hostKey, isLast ? user : null))) return false;
      from = hostKey;
    }
    return true;
  }

  /** Whether there is a way from one host, or from here, to another; to any, if `to` is null. */
  async #leads(
    from: PublicKey | null,
    to: PublicKey | null,
    user: string | null,
  ): Promise<boolean> {
    for (const way of this.#destinations) {
      const begins = from === null || way.from === null
        ? from === null && way.from === null
        : await this.#isHost(from, way.from);
      if (!begins || to !== null && !(await this.#isHost(to, way.to))) continue;
      const { user: pattern } = way.to;
      if (pattern === undefined || user === null || matchesPattern(user, pattern)) return true;
    }
    return false;
  }

  async #isHost(key: PublicKey, { hostname, keys }: AgentHost): Promise<boolean> {
    for (const { blob, isCa } of keys) {
      if (!isCa) {
        if (equalBytes(blob, key.blob)) return true;
      } else if (key instanceof Certificate && equalBytes(blob, key.ca.blob)) {
        const { accepted } = await verifyCertificate(key, {
          role: "host",
          principals: hostname,
          trustedCas: [key.ca],
          now: this.#now,
        });
        if (accepted) return true;
      }
    }
    return false;
  }
}

/** What is signed to log in (RFC 4252 section 7); null if the data is anything else. */
function readLogin(
  key: PublicKey,
  data: Uint8Array,
): { sessionId: Uint8Array; user: string; hostKey: Uint8Array | null } | null {
  try {
    const reader = new Reader(data, "request to log in");
    const sessionId = reader.string("session id");
    if (reader.uint8("type") !== Msg.USERAUTH_REQUEST) return null;
    const user = reader.text("user");
    if (reader.name("service", 256) !== "ssh-connection") return null;
    const method = reader.name("method", 256);
    if (method !== METHOD && method !== METHOD_HOSTBOUND) return null;
    if (reader.uint8("whether a signature follows") !== 1) return null;
    if (!key.algorithms.includes(reader.name("algorithm", 256))) return null;
    if (!equalBytes(reader.string("key"), key.blob)) return null;
    const hostKey = method === METHOD_HOSTBOUND ? reader.string("host key") : null;
    reader.end();
    return { sessionId, user, hostKey };
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
