/**
 * Files that are given back as they came, but for what is meant to be changed.
 *
 * @module
 */

import { readLines, readStatement } from "./_statements.ts";

/** A line of `ssh_config(5)`. */
export interface ConfigLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
  /** Its end: only the last one may have none. */
  readonly end: "" | "\n";
  /** Its keyword, as it is written; null for an empty line and for a comment. */
  readonly keyword: string | null;
  /** Its arguments, without quotes. */
  readonly args: readonly string[];
  /** The same as they are written: that is what counts where they are a command, or criteria. */
  readonly argument: string;
}

/**
 * Cuts a file into lines, none of which has to make sense as an option.
 *
 * @param text The file.
 * @param path Its path, for messages.
 * @throws {ConfigError} If it is larger than 8 Mi characters, or a line is not in the form of one.
 *
 * @example Another port for a host
 * ```ts
 * import { formatConfigLine, formatConfigLines, parseConfigLines } from "@sshflow/ssh/client";
 * import assert from "node:assert/strict";
 *
 * const lines = parseConfigLines("# Mine\nHost db\n\tPort = 2222 # for now\n");
 * const changed = lines.map((line) =>
 *   line.keyword === "Port" ? { ...line, text: `\t${formatConfigLine("Port", ["22"])}` } : line
 * );
 * assert.equal(formatConfigLines(changed), "# Mine\nHost db\n\tPort 22\n");
 * ```
 */
export function parseConfigLines(text: string, path: string = "ssh_config"): ConfigLine[] {
  return Array.from(readLines(text, path), (line) => {
    const statement = readStatement(line.text, { file: path, line: line.number });
    if (statement === null) return { ...line, keyword: null, args: [], argument: "" };
    const { name: keyword, words: args, text: argument } = statement;
    return { ...line, keyword, args, argument };
  });
}

/** The file that lines are of. */
export function formatConfigLines(lines: readonly Pick<ConfigLine, "text" | "end">[]): string {
  return lines.map(({ text, end }) => text + end).join("");
}

/**
 * Writes a line, without its end.
 *
 * @param keyword Such as `Port`.
 * @param args Arguments, which are quoted where that is needed; or what stands behind the keyword as
 * it is: for a command, or for criteria of Match.
 * @throws {RangeError} If it could not be read again.
 */
export function formatConfigLine(keyword: string, args: readonly string[] | string): string {
  const argument = typeof args === "string" ? args : args.map(quotedArgument).join(" ");
  const text = `${keyword} ${argument}`;
  const isRight = /^[a-z][a-z0-9]*$/i.test(keyword) && !/[\n\0]/.test(argument) &&
    // Arguments are quoted where white space is theirs; around a whole command it would be lost.
    !/^[ \t\r=#]|[ \t\r\f]$/.test(argument) && argument !== "";
  if (isRight) return text;
  throw new RangeError(`Cannot write ${JSON.stringify(text)}: it is no line of ssh_config`);
}

function quotedArgument(text: string): string {
  if (/^[^\s"'\\#=][^\s"'\\]*$/.test(text)) return text;
  return `"${text.replace(/["'\\]/g, "\\$&")}"`;
}
