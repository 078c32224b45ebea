/**
 * The file of the keys that let a user in, `~/.ssh/authorized_keys`: `sshd(8)`,
 * "AUTHORIZED_KEYS FILE FORMAT".
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { KeyFormatError } from "../wire/errors.ts";
import { formatKeyWords, type KeyWords, readKeyWords } from "./_key_words.ts";
import { appendLines, joinLines, type Line, splitLines } from "./_lines.ts";
import {
  formatKeyOptions,
  type KeyOptions,
  parseKeyOptions,
  takeKeyOptions,
} from "./key_options.ts";
import type { PublicKey } from "./types.ts";

/** What stands in a line. */
export interface AuthorizedKeyFields {
  /** What the key may be used for, and under which conditions. */
  readonly options: KeyOptions;
  /** The key's type. */
  readonly type: string;
  /** The key in the encoding of RFC 4253 section 6.6. Behind the type it has not been looked into. */
  readonly blob: Uint8Array;
  /** What follows the key; empty if nothing does. */
  readonly comment: string;
}

/** A line that has a key. */
export interface AuthorizedKeyEntry extends AuthorizedKeyFields {
  /** The number of the line, from 1. */
  readonly line: number;
}

/** A line of the file. */
export interface AuthorizedKeysLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
  /** Its end; only the last line may have none. */
  readonly end: "" | "\n" | "\r\n";
  /** What stands in it; null if it is empty, a comment, or not as it should be. */
  readonly entry: AuthorizedKeyEntry | null;
  /** What is wrong with it, if anything is: it lets nobody in then. */
  readonly problem: KeyFormatError | null;
}

/** No line that anybody needs is longer. */
const MAX_LINE_CHARACTERS = 65_536;

/**
 * Parses the file. A line that is not as it should be is told of, lets nobody in, and spoils no
 * other.
 *
 * @returns All lines, empty ones and comments too: {@linkcode formatAuthorizedKeys} makes the same
 * text of them again.
 * @throws {KeyFormatError} If the text has more than 8 Mi characters.
 *
 * @example
 * ```ts
 * import { parseAuthorizedKeys } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7MZ+H4c+hmIlbjbidTG8qnOf9uhvvi4FsSeUsDtq18";
 * const [line] = parseAuthorizedKeys(`restrict,command="backup --all" ${key} ada@example\n`);
 * assert.deepEqual(line?.entry?.options, { restrict: true, command: "backup --all" });
 * assert.equal(line?.entry?.comment, "ada@example");
 * ```
 */
export function parseAuthorizedKeys(text: string): AuthorizedKeysLine[] {
  return splitLines(text, "authorized keys").map((line) => {
    try {
      return { ...line, entry: parseLine(line), problem: null };
    } catch (error) {
      if (!(error instanceof KeyFormatError)) throw error;
      return { ...line, entry: null, problem: error };
    }
  });
}

/** The text of lines that were parsed, to the last character. */
export function formatAuthorizedKeys(
  lines: readonly Pick<AuthorizedKeysLine, "text" | "end">[],
): string {
  return joinLines(lines);
}

/**
 * Writes one line, without its end.
 *
 * @throws {RangeError} If an option or the comment cannot stand in a line.
 */
export function formatAuthorizedKeyLine(fields: AuthorizedKeyFields): string {
  const options = formatKeyOptions(fields.options);
  const key = formatKeyWords(fields, "authorized key");
  return options === "" ? key : `${options} ${key}`;
}

/**
 * Adds a key at the end, whether or not it is there already: with other options that is another
 * line.
 *
 * @param text The file's text; null if there is none yet.
 * @param options What the key may be used for; everything, unless given.
 * @throws {RangeError} If an option or the key's comment cannot stand in a line.
 */
export function addAuthorizedKey(
  text: string | null,
  key: PublicKey,
  options: KeyOptions = {},
): string {
  const { type, blob, comment } = key;
  return appendLines(text ?? "", [formatAuthorizedKeyLine({ options, type, blob, comment })]);
}

/**
 * Removes a key: all lines that have it, and no other character.
 *
 * @throws {KeyFormatError} If the text is too large to be read.
 */
export function removeAuthorizedKey(text: string, key: PublicKey): string {
  return formatAuthorizedKeys(
    parseAuthorizedKeys(text).filter(({ entry }) =>
      entry === null || !equalBytes(entry.blob, key.blob)
    ),
  );
}

function parseLine({ number, text }: Line): AuthorizedKeyEntry | null {
  const error = (why: string): KeyFormatError =>
    new KeyFormatError(`Cannot read authorized keys, line ${number}: ${why}`);
  if (text.length > MAX_LINE_CHARACTERS) {
    throw error(`it has ${text.length} characters, and at most ${MAX_LINE_CHARACTERS} are read`);
  }
  const line = text.replace(/^[ \t]+/, "");
  if (line === "" || line.startsWith("#")) return null;
  const plain = readPlain(line, error);
  if (plain !== null) return { line: number, options: {}, ...plain };
  const split = takeKeyOptions(line);
  if (split === null) throw error("a quote in its options is not closed");
  const key = readKeyWords(split.rest, error);
  try {
    return { line: number, options: parseKeyOptions(split.options), ...key };
  } catch (cause) {
    if (!(cause instanceof KeyFormatError)) throw cause;
    throw error(cause.message.replace(/^Cannot read key options: /, ""));
  }
}

/** The key of a line without options; null if it begins with something else. */
function readPlain(line: string, error: (why: string) => Error): KeyWords | null {
  if (/^(sk-)?(ssh|ecdsa)-/.test(line)) return readKeyWords(line, error);
  try {
    return readKeyWords(line, error);
  } catch {
    return null;
  }
}
