/**
 * Changes to the file of known hosts. Each takes its text and gives a new one; what is not meant
 * stays as it is, to the last character.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { platformRandom } from "../crypto/random.ts";
import type { RandomSource } from "../crypto/types.ts";
import { HASH_BYTES, hashName, looksHashed } from "./_host_hash.ts";
import { appendLines } from "./_lines.ts";
import {
  formatKnownHostLine,
  formatKnownHosts,
  type HostAddress,
  type KnownHostEntry,
  knownHostName,
  type KnownHostsLine,
  matchesKnownHost,
  parseKnownHosts,
} from "./known_hosts.ts";
import type { KnownKey } from "./known_hosts_lookup.ts";

/** How names of hosts are written. */
export interface HashOptions {
  /** Where salts come from: the platform, unless given. */
  readonly random?: RandomSource;
}

/** How a host is written. */
export interface AddKnownHostOptions extends HashOptions {
  /**
   * Whether its name is hashed, so that the file does not tell it: no, unless given. Where a host's
   * keys are replaced: as they were.
   */
  readonly hash?: boolean | undefined;
}

/** Names that would not be names: those that are patterns, hashes, comments, or more than one. */
const NO_NAME = /[\s,*?!|#@\0]/;
const MAX_NAME_CHARACTERS = 1024;

/**
 * Adds keys of a host, each in a line of its own at the end, but for those that it is known by.
 *
 * @param text The file's text; null if there is none yet.
 * @param keys One key, or several; their comments are not written.
 * @throws {RangeError} If the host's name cannot stand in the file, or the port is none.
 * @throws {KeyFormatError} If the text is too large to be read.
 */
export function addKnownHost(
  text: string | null,
  host: HostAddress,
  keys: KnownKey | readonly KnownKey[],
  options: AddKnownHostOptions = {},
): string {
  const file = text ?? "";
  const name = writableName(host);
  const known = parseKnownHosts(file).filter((line) => isOwn(line, name));
  const missing = [keys].flat().filter((key, index, all) =>
    !known.some(({ entry }) => isKey(entry, key)) &&
    all.findIndex((other) => equalBytes(other.blob, key.blob)) === index
  );
  return appendLines(
    file,
    missing.map(({ type, blob }) =>
      formatKnownHostLine({
        marker: null,
        hosts: options.hash ? hashed(name, options) : name,
        type,
        blob,
        comment: "",
      })
    ),
  );
}

/**
 * Gives a host other keys than it had: those that it has no more are removed, and those that are
 * new are added. Of a line that names other hosts too, only this one's name is taken; what matches
 * it by a pattern stays, and so do authorities and revoked keys.
 *
 * @throws {RangeError} If the host's name cannot stand in the file, or the port is none.
 * @throws {KeyFormatError} If the text is too large to be read.
 */
export function replaceKnownHost(
  text: string | null,
  host: HostAddress,
  keys: readonly KnownKey[],
  options: AddKnownHostOptions = {},
): string {
  const name = writableName(host);
  let wasHashed = false;
  const lines = parseKnownHosts(text ?? "").flatMap(
    (line): Pick<KnownHostsLine, "text" | "end">[] => {
      const { entry } = line;
      if (!isOwn(line, name) || entry === null) return [line];
      wasHashed ||= looksHashed(entry.hosts);
      if (keys.some((key) => isKey(entry, key))) return [line];
      return withoutName(line, entry, name);
    },
  );
  return addKnownHost(formatKnownHosts(lines), host, keys, {
    ...options,
    hash: options.hash ?? wasHashed,
  });
}

/**
 * Removes the lines of a host, as `ssh-keygen -R` does: each as a whole, for all the hosts that it
 * names, but not those of authorities and revoked keys.
 *
 * @throws {KeyFormatError} If the text is too large to be read.
 */
export function removeKnownHost(text: string, host: HostAddress): string {
  const name = knownHostName(host);
  return formatKnownHosts(parseKnownHosts(text).filter((line) => !isOwn(line, name)));
}

/**
 * Hashes the names of all hosts, as `ssh-keygen -H` does: of a line with several names, each gets a
 * line of its own. Lines with patterns, authorities and revoked keys stay as they are.
 *
 * @throws {KeyFormatError} If the text is too large to be read.
 */
export function hashKnownHosts(text: string, options: HashOptions = {}): string {
  const lines = parseKnownHosts(text).flatMap((line): Pick<KnownHostsLine, "text" | "end">[] => {
    const { entry } = line;
    if (entry === null || entry.marker !== null) return [line];
    if (looksHashed(entry.hosts) || /[*?!]/.test(entry.hosts)) return [line];
    const names = entry.hosts.split(",").filter((name) => name !== "");
    if (names.length === 0) return [line];
    const key = line.text.slice(line.text.indexOf(entry.hosts) + entry.hosts.length)
      .replace(/^[ \t]+/, "");
    return names.map((name, index) => ({
      text: `${hashed(knownHostName({ hostname: name }), options)} ${key}`,
      // Only the last line of the file may go without.
      end: index < names.length - 1 ? line.end || "\n" : line.end,
    }));
  });
  return formatKnownHosts(lines);
}

/** Whether a line says that a host has a key. */
function isOwn({ entry }: KnownHostsLine, name: string): boolean {
  return entry?.marker === null && matchesKnownHost(entry.hosts, name);
}

function isKey(entry: KnownHostEntry | null, key: KnownKey): boolean {
  return entry !== null && equalBytes(entry.blob, key.blob);
}

/** What is left of a line when a host is taken from it. */
function withoutName(
  line: KnownHostsLine,
  { hosts }: KnownHostEntry,
  name: string,
): Pick<KnownHostsLine, "text" | "end">[] {
  if (looksHashed(hosts)) return [];
  if (/[*?!]/.test(hosts)) return [line];
  const others = hosts.split(",").filter((other) => other !== "" && !matchesKnownHost(other, name));
  if (others.length === 0) return [];
  return [{ ...line, text: line.text.replace(hosts, () => others.join(",")) }];
}

function hashed(name: string, { random = platformRandom }: HashOptions): string {
  return hashName(name, random(HASH_BYTES));
}

function writableName(host: HostAddress): string {
  const { hostname, port = 22 } = host;
  if (hostname === "" || hostname.length > MAX_NAME_CHARACTERS || NO_NAME.test(hostname)) {
    const shown = JSON.stringify(hostname.slice(0, 80));
    throw new RangeError(`Cannot write known host: ${shown} is not the name of one host`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new RangeError(`Cannot write known host: ${port} is not a port, 1 to 65535`);
  }
  return knownHostName(host);
}
