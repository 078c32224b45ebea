/**
 * Where a key may be used that an agent holds: `restrict-destination-v00@openssh.com` of OpenSSH's
 * PROTOCOL.agent, `ssh-add -h`.
 *
 * @module
 */

import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { HostAddress } from "./known_hosts.ts";
import { findKnownHost, type KnownHostsText } from "./known_hosts_lookup.ts";

/** The name of the constraint. */
export const destinationConstraint = "restrict-destination-v00@openssh.com";

/** As many as OpenSSH's agent takes. */
const MAX_DESTINATIONS = 1024;

/** A key that a host may have. */
export interface AgentHostKey {
  /** The key in the encoding of RFC 4253 section 6.6. */
  readonly blob: Uint8Array;
  /** Whether it is an authority's: the host shows a certificate by it, for the host's name. */
  readonly isCa: boolean;
}

/** A host, by its keys. */
export interface AgentHost {
  /** Its name: for people, and what its certificate has to be for. */
  readonly hostname: string;
  /** The keys that it may have; at least one. */
  readonly keys: readonly AgentHostKey[];
}

/** A way that a key may be used: from one host to log in to another. */
export interface AgentDestination {
  /** Where the way begins, if the agent has been lent to it; null where the agent itself runs. */
  readonly from: AgentHost | null;
  /** Where it leads to. */
  readonly to: AgentHost & {
    /** Who may log in there: a name or a pattern. Everybody, unless given. */
    readonly user?: string;
  };
}

/**
 * Makes the constraint that `ssh-add -h` makes of the same text: `host`, `user@host`, or
 * `first>second` and `first>user@second` for what may be done at the first host with the agent that
 * is lent to it. The hosts are known by their keys.
 *
 * @param text The text; a host at a port of its own is `[host]:port`.
 * @param knownHosts The texts of `known_hosts` files.
 * @throws {RangeError} If the text is not of such a form, or a host is not known by any key.
 * @throws {KeyFormatError} If the known hosts are too large to be read.
 *
 * @example
 * ```ts
 * import { addKnownHost, agentDestination, AgentStore, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const hostKey = await generateKey("ed25519");
 * const knownHosts = addKnownHost("", { hostname: "db.example" }, hostKey.publicKey);
 * const destination = agentDestination("ada@db.example", knownHosts);
 * assert.equal(destination.to.user, "ada");
 *
 * const store = new AgentStore();
 * store.add(await generateKey("ed25519"), { destinations: [destination] });
 * ```
 */
export function agentDestination(text: string, knownHosts: KnownHostsText): AgentDestination {
  const [, first, user, second] = /^(?:([^>@]+)>)?(?:([^>]*)@)?([^>@]+)$/.exec(text) ?? [];
  if (second === undefined || user === "") {
    throw new RangeError(
      `Cannot restrict a key to ${JSON.stringify(text)}: it is not [from>][user@]host`,
    );
  }
  const hostOf = (name: string): AgentHost => ({
    hostname: name,
    keys: hostKeysOf(name, knownHosts),
  });
  return {
    from: first === undefined ? null : hostOf(first),
    to: { ...hostOf(second), ...(user !== undefined && { user }) },
  };
}

/**
 * Writes the constraint's details.
 *
 * @throws {RangeError} If there are none, or more than 1024; or one has no name or no key.
 */
export function writeAgentDestinations(
  destinations: readonly AgentDestination[],
  writer: Writer,
): void {
  checkAgentDestinations(destinations);
  const list = new Writer(1024);
  for (const { from, to } of destinations) {
    const one = new Writer(512).string(encodeHop(from)).string(encodeHop(to)).string("");
    list.string(one.finish());
  }
  writer.string(list.finish());
}

/**
 * Makes sure that a key can be restricted so.
 *
 * @throws {RangeError} If there are no destinations, or more than 1024; or one has no name or key.
 */
export function checkAgentDestinations(destinations: readonly AgentDestination[]): void {
  if (destinations.length < 1 || destinations.length > MAX_DESTINATIONS) {
    throw new RangeError(
      `Cannot restrict a key to ${destinations.length} destinations: ` +
        `1 to ${MAX_DESTINATIONS} are allowed`,
    );
  }
  for (const host of destinations.flatMap(({ from, to }) => from === null ? [to] : [from, to])) {
    if (host.hostname !== "" && host.keys.length > 0) continue;
    throw new RangeError("Cannot restrict a key to a destination: it has no name, or no keys");
  }
}

/**
 * Reads the constraint's details.
 *
 * @throws {Error} The reader's error, if they are not as they should be.
 */
export function readAgentDestinations(reader: Reader): readonly AgentDestination[] {
  const list = within(reader, "destinations");
  const destinations: AgentDestination[] = [];
  while (list.remaining > 0) {
    if (destinations.length === MAX_DESTINATIONS) {
      throw list.error(`there are more than ${MAX_DESTINATIONS} destinations`);
    }
    const one = within(list, "destination");
    const from = readHop(within(one, "from"));
    const to = readHop(within(one, "to"));
    one.string("reserved");
    one.end();
    const isOrigin = from.hostname === "" && from.keys.length === 0;
    if (from.user !== "" || !isOrigin && (from.hostname === "" || from.keys.length === 0)) {
      throw one.error("where it begins has a user, or a name without keys, or keys without a name");
    }
    if (to.hostname === "" || to.keys.length === 0) {
      throw one.error("where it leads to has no name, or no keys");
    }
    const { user, ...host } = to;
    destinations.push({
      from: isOrigin ? null : { hostname: from.hostname, keys: from.keys },
      to: { ...host, ...(user !== "" && { user }) },
    });
  }
  if (destinations.length === 0) throw list.error("there are no destinations");
  return destinations;
}

function encodeHop(hop: AgentDestination["from"] | AgentDestination["to"]): Uint8Array {
  const { hostname, keys, user = "" }: AgentDestination["to"] = hop ?? { hostname: "", keys: [] };
  const writer = new Writer(256).string(user).string(hostname).string("");
  for (const { blob, isCa } of keys) writer.string(blob).boolean(isCa);
  return writer.finish();
}

function readHop(reader: Reader): AgentHost & { readonly user: string } {
  const user = reader.text("user");
  const hostname = reader.text("host name");
  if (reader.string("reserved").length > 0) throw reader.error("it has extensions");
  const keys: AgentHostKey[] = [];
  while (reader.remaining > 0) {
    // A copy: what holds it is kept long after the message is gone.
    keys.push({ blob: reader.string("host key").slice(), isCa: reader.boolean("authority") });
  }
  return { hostname, keys, user };
}

function within(reader: Reader, field: string): Reader {
  return new Reader(reader.string(field), `key's ${field}`, KeyFormatError);
}

function hostKeysOf(name: string, knownHosts: KnownHostsText): readonly AgentHostKey[] {
  const matches = findKnownHost(knownHosts, addressOf(name));
  const keys = matches.filter(({ marker }) => marker !== "revoked")
    .map(({ blob, marker }) => ({ blob, isCa: marker === "cert-authority" }));
  if (keys.length > 0) return keys;
  throw new RangeError(
    `Cannot restrict a key to ${JSON.stringify(name)}: it is not among the known hosts`,
  );
}

function addressOf(name: string): HostAddress {
  const [, hostname, port] = /^\[(.+)\]:(\d+)$/.exec(name) ?? [];
  return hostname === undefined ? { hostname: name } : { hostname, port: Number(port) };
}
