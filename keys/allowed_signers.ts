/**
 * The file of the signers that are allowed: `ssh-keygen(1)`, "ALLOWED SIGNERS".
 *
 * @module
 */

import { KeyFormatError, printable } from "../wire/errors.ts";
import { formatKeyTime, parseKeyTime } from "./_key_time.ts";
import { formatKeyWords, readKeyWords, takeWord } from "./_key_words.ts";
import { joinLines, type Line, splitLines } from "./_lines.ts";
import { quoteOptionValue, splitOptionList } from "./_option_list.ts";
import { takeKeyOptions } from "./key_options.ts";

/** What a signer's key may be used for, and when. */
export interface SignerOptions {
  /** Whether the key is an authority's: not what it signs counts, but what its certificates do. */
  readonly certAuthority?: boolean | undefined;
  /** The namespaces that it may sign in: patterns with commas between them. All, unless given. */
  readonly namespaces?: string | undefined;
  /** From when on it may be used. */
  readonly validAfter?: Date | undefined;
  /** Until when it may be used. */
  readonly validBefore?: Date | undefined;
}

/** What stands in a line. */
export interface AllowedSignerFields {
  /** Who may sign with the key: patterns of identities with commas between them. */
  readonly principals: string;
  /** What the key may be used for, and when. */
  readonly options: SignerOptions;
  /** The key's type. */
  readonly type: string;
  /** The key in the encoding of RFC 4253 section 6.6. Behind the type it has not been looked into. */
  readonly blob: Uint8Array;
  /** What follows the key; empty if nothing does. */
  readonly comment: string;
}

/** A line that has a key. */
export interface AllowedSignerEntry extends AllowedSignerFields {
  /** The number of the line, from 1. */
  readonly line: number;
}

/** A line of the file. */
export interface AllowedSignersLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
  /** Its end; only the last line may have none. */
  readonly end: "" | "\n" | "\r\n";
  /** What stands in it; null if it is empty, a comment, or not as it should be. */
  readonly entry: AllowedSignerEntry | null;
  /** What is wrong with it, if anything is: it allows nobody then. */
  readonly problem: KeyFormatError | null;
}

/** No line that anybody needs is longer. */
const MAX_LINE_CHARACTERS = 65_536;

/**
 * Parses the file. A line that is not as it should be is told of, allows nobody, and spoils no
 * other.
 *
 * @returns All lines, empty ones and comments too: {@linkcode formatAllowedSigners} makes the same
 * text of them again.
 * @throws {KeyFormatError} If the text has more than 8 Mi characters.
 *
 * @example
 * ```ts
 * import { parseAllowedSigners } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7MZ+H4c+hmIlbjbidTG8qnOf9uhvvi4FsSeUsDtq18";
 * const [line] = parseAllowedSigners(`*@example.com namespaces="git,file" ${key}\n`);
 * assert.equal(line?.entry?.principals, "*@example.com");
 * assert.deepEqual(line?.entry?.options, { namespaces: "git,file" });
 * ```
 */
export function parseAllowedSigners(text: string): AllowedSignersLine[] {
  return splitLines(text, "allowed signers").map((line) => {
    try {
      return { ...line, entry: parseLine(line), problem: null };
    } catch (error) {
      if (!(error instanceof KeyFormatError)) throw error;
      return { ...line, entry: null, problem: error };
    }
  });
}

/** The text of lines that were parsed, to the last character. */
export function formatAllowedSigners(
  lines: readonly Pick<AllowedSignersLine, "text" | "end">[],
): string {
  return joinLines(lines);
}

/**
 * Writes one line, without its end.
 *
 * @throws {RangeError} If the principals, an option or the comment cannot stand in a line.
 */
export function formatAllowedSignerLine(fields: AllowedSignerFields): string {
  const { principals } = fields;
  if (principals === "" || /["\r\n\0]/.test(principals) || principals.startsWith("#")) {
    throw new RangeError(
      `Cannot write allowed signer: the principals ${JSON.stringify(principals)} are empty, ` +
        "or begin with #, or have a quote or an end of line in them",
    );
  }
  const name = /[ \t]/.test(principals) ? `"${principals}"` : principals;
  const options = formatOptions(fields.options);
  const key = formatKeyWords(fields, "allowed signer");
  return [name, ...(options === "" ? [] : [options]), key].join(" ");
}

function parseLine({ number, text }: Line): AllowedSignerEntry | null {
  const error = (why: string): KeyFormatError =>
    new KeyFormatError(`Cannot read allowed signers, line ${number}: ${why}`);
  if (text.length > MAX_LINE_CHARACTERS) {
    throw error(`it has ${text.length} characters, and at most ${MAX_LINE_CHARACTERS} are read`);
  }
  const line = text.replace(/^[ \t]+/, "");
  if (line === "" || line.startsWith("#")) return null;
  const { principals, rest } = takePrincipals(line, error);
  const plain = tryKeyWords(rest);
  if (plain !== null) return { line: number, principals, options: {}, ...plain };
  const split = takeKeyOptions(rest);
  if (split === null) throw error("a quote in its options is not closed");
  const key = readKeyWords(split.rest, error);
  return { line: number, principals, options: parseOptions(split.options, error), ...key };
}

function takePrincipals(
  line: string,
  error: (why: string) => Error,
): { principals: string; rest: string } {
  if (!line.startsWith('"')) {
    const { word, rest } = takeWord(line);
    if (word.includes('"')) throw error("there is a quote in the middle of its principals");
    return { principals: word, rest };
  }
  const [all, principals = ""] = /^"([^"]*)"[ \t]+/.exec(line) ?? [];
  if (all === undefined) throw error("a quote around its principals is not closed");
  if (principals === "") throw error("its principals are empty");
  return { principals, rest: line.slice(all.length) };
}

function tryKeyWords(line: string): ReturnType<typeof readKeyWords> | null {
  try {
    return readKeyWords(line, (why) => new KeyFormatError(why));
  } catch {
    return null;
  }
}

function parseOptions(text: string, error: (why: string) => Error): SignerOptions {
  const options: { -readonly [Name in keyof SignerOptions]: SignerOptions[Name] } = {};
  for (const { name, value } of splitOptionList(text, error)) {
    if (name === "cert-authority" && value === null) {
      options.certAuthority = true;
      continue;
    }
    if (value === null || !Object.hasOwn(VALUED, name)) {
      throw error(`the option ${printable(name, 80)} is not known, or its value is missing`);
    }
    const key = VALUED[name as keyof typeof VALUED];
    if (options[key] !== undefined) throw error(`the option ${name} is there twice`);
    if (key === "namespaces") {
      options.namespaces = value;
      continue;
    }
    const time = parseKeyTime(value);
    if (time === null) throw error(`${name} ${printable(value, 40)} is not a time`);
    options[key] = time;
  }
  const { validAfter, validBefore } = options;
  if (validAfter !== undefined && validBefore !== undefined && validBefore <= validAfter) {
    throw error("valid-before is not after valid-after");
  }
  return options;
}

/** The options that have a value. */
const VALUED = {
  "namespaces": "namespaces",
  "valid-after": "validAfter",
  "valid-before": "validBefore",
} as const;

function formatOptions(options: SignerOptions): string {
  const valued = Object.entries(VALUED).flatMap(([name, key]) => {
    const value = options[key];
    if (value === undefined) return [];
    const text = typeof value === "string" ? value : formatKeyTime(value);
    const unwritable = (why: string): RangeError =>
      new RangeError(`Cannot write allowed signer: ${name}: ${why}`);
    return [`${name}=${quoteOptionValue(text, unwritable)}`];
  });
  return [...(options.certAuthority ? ["cert-authority"] : []), ...valued].join(",");
}
