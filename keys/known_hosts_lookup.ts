/**
 * What is known of a host: the answer to the question whether it may have the key that it has.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { type HostKeyStatus, KeyFormatError } from "../wire/errors.ts";
import {
  type HostAddress,
  type KnownHostEntry,
  knownHostName,
  matchesKnownHost,
  parseKnownHosts,
} from "./known_hosts.ts";

/**
 * How a host's key stands to what is known of the host:
 *
 * - `ok`: that is its key
 * - `known-changed`: it is known by another key of the same type
 * - `found-other`: it is known, but by keys of other types
 * - `not-known`: nothing is known of it
 * - `file-not-found`: there is no file
 * - `revoked`: hosts of its name must not have that key
 * - `error`: that could not be found out
 */
export type KnownHostStatus = "ok" | HostKeyStatus;

/** The text of a file, or of several that count as one; null for one that does not exist. */
export type KnownHostsText = string | null | readonly (string | null)[];

/** A line that is about the host in question. */
export interface KnownHostMatch extends KnownHostEntry {
  /** Which of several texts the line stands in, from 0. */
  readonly source: number;
}

/** What is known of a host and a key. */
export interface KnownHostCheck {
  /** The answer. */
  readonly status: KnownHostStatus;
  /**
   * The lines that it comes from: those with the key, if the status is `ok` or `revoked`; otherwise
   * those that have other keys for the host, of the key's own type first.
   */
  readonly matches: readonly KnownHostMatch[];
  /** What is wrong with a text, if the status is `error`. */
  readonly error?: KeyFormatError;
}

/** A key, or that of an authority, as far as it matters here. */
export interface KnownKey {
  /** Its type on the wire. */
  readonly type: string;
  /** The key in the encoding of RFC 4253 section 6.6. */
  readonly blob: Uint8Array;
}

/**
 * Finds the lines that are about a host, in order, as `ssh-keygen -F` does: those of authorities and
 * of revoked keys, too.
 *
 * @param options.orWithoutPort Whether lines about the host at port 22 are given where there are
 *   none about it at its own: no, unless given.
 * @throws {KeyFormatError} If a text is too large to be read.
 */
export function findKnownHost(
  texts: KnownHostsText,
  host: HostAddress,
  options: { orWithoutPort?: boolean } = {},
): KnownHostMatch[] {
  const name = knownHostName(host);
  const matches = entriesOf(texts).filter(({ hosts }) => matchesKnownHost(hosts, name));
  const { hostname } = host;
  if (matches.length > 0 || !options.orWithoutPort || name === knownHostName({ hostname })) {
    return matches;
  }
  return findKnownHost(texts, { hostname });
}

/**
 * Asks whether a host may have a key. A line that cannot be read counts for nothing, as with
 * OpenSSH. If nothing is known of the host at a port of its own, and its key is known without that
 * port, the answer is `ok`, as it is there.
 *
 * @param texts The user's file; or all files, of which one that says `revoked` has the last word.
 * @param key The host's key; for that which a certificate is about, and for its authority, see
 * {@linkcode findKnownHost}.
 *
 * @example
 * ```ts
 * import { checkKnownHost, generateKey, addKnownHost } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const host = { hostname: "db.example", port: 2222 };
 * const { publicKey } = await generateKey("ed25519");
 * assert.equal(checkKnownHost(null, host, publicKey).status, "file-not-found");
 * const text = addKnownHost("", host, publicKey);
 * assert.equal(checkKnownHost(text, host, publicKey).status, "ok");
 * const other = await generateKey("ed25519");
 * assert.equal(checkKnownHost(text, host, other.publicKey).status, "known-changed");
 * ```
 */
export function checkKnownHost(
  texts: KnownHostsText,
  host: HostAddress,
  key: KnownKey,
): KnownHostCheck {
  try {
    const check = judge(findKnownHost(texts, host), key);
    if (check.status !== "not-known") return check;
    if (host.port !== undefined && host.port !== 22) {
      const elsewhere = judge(findKnownHost(texts, { hostname: host.hostname }), key);
      if (elsewhere.status === "ok" || elsewhere.status === "revoked") return elsewhere;
    }
    const exists = [texts].flat().some((text) => text !== null);
    return exists ? check : { status: "file-not-found", matches: [] };
  } catch (error) {
    if (!(error instanceof KeyFormatError)) throw error;
    return { status: "error", matches: [], error };
  }
}

/** Of the lines that are about a host, those that revoke a key. */
export function revocationsOf(
  matches: readonly KnownHostMatch[],
  key: KnownKey,
): KnownHostMatch[] {
  return matches.filter((match) => match.marker === "revoked" && isSame(match, key));
}

function judge(matches: readonly KnownHostMatch[], key: KnownKey): KnownHostCheck {
  const revoked = revocationsOf(matches, key);
  if (revoked.length > 0) return { status: "revoked", matches: revoked };
  const known = matches.filter(({ marker }) => marker === null);
  const same = known.filter((match) => isSame(match, key));
  if (same.length > 0) return { status: "ok", matches: same };
  if (known.length === 0) return { status: "not-known", matches: [] };
  const ofType = known.filter(({ type }) => type === key.type);
  const others = known.filter(({ type }) => type !== key.type);
  const status = ofType.length > 0 ? "known-changed" : "found-other";
  return { status, matches: [...ofType, ...others] };
}

function isSame(match: KnownHostEntry, key: KnownKey): boolean {
  return equalBytes(match.blob, key.blob);
}

function entriesOf(texts: KnownHostsText): KnownHostMatch[] {
  return [texts].flat().flatMap((text, source) =>
    text === null
      ? []
      : parseKnownHosts(text).flatMap(({ entry }) => entry === null ? [] : [{ ...entry, source }])
  );
}
