/**
 * Files of lines that are given back as they came, but for what was meant to be changed.
 *
 * @module
 */

import { KeyFormatError } from "../wire/errors.ts";

/** A line of a file. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** The line without its end. */
  readonly text: string;
  /** Its end; only the last line may have none. */
  readonly end: "" | "\n" | "\r\n";
}

/** Larger files are nobody's: some tens of thousands of keys fit. */
const MAX_CHARACTERS = 8_388_608;

/**
 * Splits a file; all its texts and ends put together are the file again.
 *
 * @param what What the file is, for the message.
 * @throws {KeyFormatError} If it is larger than 8 Mi characters.
 */
export function splitLines(file: string, what: string): Line[] {
  if (file.length > MAX_CHARACTERS) {
    throw new KeyFormatError(
      `Cannot read ${what}: it has ${file.length} characters, and at most ${MAX_CHARACTERS} are read`,
    );
  }
  const lines: Line[] = [];
  let start = 0;
  while (start < file.length) {
    const feed = file.indexOf("\n", start);
    const stop = feed === -1 ? file.length : feed;
    const isCrlf = feed > start && file[feed - 1] === "\r";
    lines.push({
      number: lines.length + 1,
      text: file.slice(start, isCrlf ? stop - 1 : stop),
      end: feed === -1 ? "" : isCrlf ? "\r\n" : "\n",
    });
    start = stop + 1;
  }
  return lines;
}

/** The file that lines are of. */
export function joinLines(lines: readonly Pick<Line, "text" | "end">[]): string {
  return lines.map(({ text, end }) => text + end).join("");
}

/** The file with lines behind it, which end as its own do. */
export function appendLines(file: string, texts: readonly string[]): string {
  if (texts.length === 0) return file;
  const end = /\r?\n/.exec(file)?.[0] ?? "\n";
  const head = file === "" || file.endsWith("\n") ? file : file + end;
  return head + texts.map((text) => text + end).join("");
}
