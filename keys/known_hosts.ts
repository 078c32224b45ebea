/**
 * The file of the hosts that one knows, `~/.ssh/known_hosts`: `sshd(8)`, "SSH_KNOWN_HOSTS FILE
 * FORMAT". Everything here takes and gives text: what reads and writes the file is elsewhere.
 *
 * @module
 */

import { KeyFormatError, printable } from "../wire/errors.ts";
import { isHashOf, looksHashed, parseHashedName } from "./_host_hash.ts";
import { formatKeyWords, readKeyWords, takeWord } from "./_key_words.ts";
import { joinLines, type Line, splitLines } from "./_lines.ts";
import { matchPatternList } from "./patterns.ts";

/** What a line says other than that hosts have a key. */
export type KnownHostMarker =
  /** The key is an authority's: it certifies hosts of these names. */
  | "cert-authority"
  /** Hosts of these names must not have the key, nor a certificate by it. */
  | "revoked";

/** A host, as it is connected to. */
export interface HostAddress {
  /** Its name or address; the case of its letters does not count. */
  readonly hostname: string;
  /** Its port: 22, unless given. */
  readonly port?: number | undefined;
}

/** What stands in a line. */
export interface KnownHostFields {
  /** Null if the line says that hosts have the key. */
  readonly marker: KnownHostMarker | null;
  /**
   * The hosts, as the line has them: names and patterns with commas between them, a name with a
   * port as `[name]:port`; or one hashed name.
   */
  readonly hosts: string;
  /** The type of the key. */
  readonly type: string;
  /**
   * The key in the encoding of RFC 4253 section 6.6. Behind the type it has not been looked into:
   * a host is known by a key that could not be used, too.
   */
  readonly blob: Uint8Array;
  /** What follows the key; empty if nothing does. */
  readonly comment: string;
}

/** A line that is about keys. */
export interface KnownHostEntry extends KnownHostFields {
  /** The number of the line, from 1. */
  readonly line: number;
}

/** A line of the file. */
export interface KnownHostsLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
  /** Its end; only the last line may have none. */
  readonly end: "" | "\n" | "\r\n";
  /** What stands in it; null if it is empty, a comment, or not as it should be. */
  readonly entry: KnownHostEntry | null;
  /** What is wrong with it, if anything is: it counts for nothing then. */
  readonly problem: KeyFormatError | null;
}

/** No line that anybody needs is longer. */
const MAX_LINE_CHARACTERS = 65_536;

/**
 * Parses the file. A line that is not as it should be is told of, and spoils no other.
 *
 * @returns All lines, empty ones and comments too: {@linkcode formatKnownHosts} makes the same text
 * of them again.
 * @throws {KeyFormatError} If the text has more than 8 Mi characters.
 *
 * @example
 * ```ts
 * import { parseKnownHosts } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7MZ+H4c+hmIlbjbidTG8qnOf9uhvvi4FsSeUsDtq18";
 * const [comment, line] = parseKnownHosts(`# mine\n[db.example]:2222,192.0.2.7 ${key}\n`);
 * assert.equal(comment?.entry, null);
 * assert.equal(line?.entry?.hosts, "[db.example]:2222,192.0.2.7");
 * ```
 */
export function parseKnownHosts(text: string): KnownHostsLine[] {
  return splitLines(text, "known hosts").map((line) => {
    try {
      return { ...line, entry: parseLine(line), problem: null };
    } catch (error) {
      if (!(error instanceof KeyFormatError)) throw error;
      return { ...line, entry: null, problem: error };
    }
  });
}

/** The text of lines that were parsed, to the last character. */
export function formatKnownHosts(lines: readonly Pick<KnownHostsLine, "text" | "end">[]): string {
  return joinLines(lines);
}

/**
 * Writes one line, without its end.
 *
 * @throws {RangeError} If a field cannot stand in a line.
 */
export function formatKnownHostLine(fields: KnownHostFields): string {
  const { marker, hosts } = fields;
  if (!/^[^\s#@]\S*$/.test(hosts)) {
    throw new RangeError(
      `Cannot write known host: ${JSON.stringify(hosts)} cannot stand in front of a key`,
    );
  }
  if (looksHashed(hosts) && parseHashedName(hosts) === null) {
    throw new RangeError(`Cannot write known host: ${JSON.stringify(hosts)} is no hashed name`);
  }
  const key = formatKeyWords(fields, "known host");
  return marker === null ? `${hosts} ${key}` : `@${marker} ${hosts} ${key}`;
}

/** The name that the file has for a host: in lower case; `[name]:port`, if the port is not 22. */
export function knownHostName({ hostname, port = 22 }: HostAddress): string {
  const name = lowerCase(hostname);
  return port === 22 ? name : `[${name}]:${port}`;
}

/**
 * Whether a line is about a host.
 *
 * @param hosts The hosts that stand in the line.
 * @param name The host's name in the file: see {@linkcode knownHostName}.
 */
export function matchesKnownHost(hosts: string, name: string): boolean {
  if (!looksHashed(hosts)) return matchPatternList(name, lowerCase(hosts)) === "match";
  const hashed = parseHashedName(hosts);
  return hashed !== null && isHashOf(hashed, name);
}

/** Of US-ASCII alone, as C's `tolower` has it. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function parseLine({ number, text }: Line): KnownHostEntry | null {
  const error = (why: string): KeyFormatError =>
    new KeyFormatError(`Cannot read known hosts, line ${number}: ${why}`);
  if (text.length > MAX_LINE_CHARACTERS) {
    throw error(`it has ${text.length} characters, and at most ${MAX_LINE_CHARACTERS} are read`);
  }
  const line = text.replace(/^[ \t]+/, "");
  if (line === "" || line.startsWith("#")) return null;
  const first = takeWord(line);
  const marker = markerOf(first.word);
  if (marker === undefined) {
    throw error(`${printable(first.word, 80)} is not @cert-authority or @revoked`);
  }
  const { word: hosts, rest } = marker === null ? first : takeWord(first.rest);
  if (looksHashed(hosts) && parseHashedName(hosts) === null) {
    throw error(`${printable(hosts, 80)} is no hashed name`);
  }
  return { line: number, marker, hosts, ...readKeyWords(rest, error) };
}

/** Null for a word that is no marker, undefined for a marker that is not known. */
function markerOf(word: string): KnownHostMarker | null | undefined {
  if (!word.startsWith("@")) return null;
  if (word === "@cert-authority") return "cert-authority";
  return word === "@revoked" ? "revoked" : undefined;
}
