/**
 * The statements of a file: its lines that say something.
 *
 * @module
 */

import { ConfigError, type ConfigPlace, quoted } from "./config_error.ts";
import { isBlank, splitArguments, takeDelimited } from "./_words.ts";

/** Larger files are nobody's. */
const MAX_CHARACTERS = 8_388_608;

/** A keyword and its arguments, which are taken one after the other. */
export class Statement implements ConfigPlace {
  /** The name of the file. */
  readonly file: string;
  /** The number of the line, from 1. */
  readonly line: number;
  /** The keyword, as it is written. */
  readonly name: string;
  /** What stands behind the keyword, without white space around it. */
  readonly text: string;
  /** The arguments, without quotes. */
  readonly words: readonly string[];
  #at = 0;

  /** @throws {ConfigError} If a quote is not closed, or there is no argument. */
  constructor({ file, line }: ConfigPlace, name: string, text: string) {
    this.file = file;
    this.line = line;
    this.name = name;
    this.text = text;
    if (text === "") throw this.refuse("has no argument");
    const words = splitArguments(text);
    if (words === null) throw this.refuse("has a quote that is not closed");
    this.words = words;
  }

  /** The keyword in lower case: its case does not count. */
  get keyword(): string {
    return this.name.toLowerCase();
  }

  /** The next argument, if there is one. */
  next(): string | null {
    return this.words[this.#at++] ?? null;
  }

  /**
   * The next argument, which has to be there, and not empty.
   *
   * @throws {ConfigError} If it is not.
   */
  need(): string {
    return this.next() || this.#missing();
  }

  /**
   * All that are left: none, if only a comment is.
   *
   * @throws {ConfigError} If one is empty.
   */
  rest(): string[] {
    const words = this.words.slice(this.#at);
    this.skip();
    return words.includes("") ? this.#missing() : words;
  }

  /** Does without those that are left. */
  skip(): void {
    this.#at = this.words.length;
  }

  /** @throws {ConfigError} If there are arguments that nobody has taken. */
  end(): void {
    if (this.#at >= this.words.length) return;
    throw this.refuse(`has an argument too many, ${quoted(this.words[this.#at] ?? "")}`);
  }

  /**
   * The error that the statement is.
   *
   * @param why What stands behind its keyword in the sentence.
   */
  refuse(why: string, options: { cause?: unknown } = {}): ConfigError {
    return new ConfigError(this, `${quoted(this.name).slice(1, -1)} ${why}`, options);
  }

  #missing(): never {
    throw this.refuse("has no argument, or an empty one");
  }
}

/**
 * Reads a line.
 *
 * @returns Null if it is empty, or a comment.
 * @throws {ConfigError} If it is not in the form that lines have.
 */
export function readStatement(line: string, place: ConfigPlace): Statement | null {
  let end = line.length;
  // A form feed is white space at the end of a line, and there only.
  while (end > 0 && (isBlank(line[end - 1]) || line[end - 1] === "\f")) end--;
  const text = line.slice(0, end);
  if (text.includes("\0")) throw new ConfigError(place, "there is a NUL character");
  // White space before the keyword counts as an empty word.
  let keyword = takeDelimited(text, 0);
  if (keyword?.word === "" && keyword.next !== null) keyword = takeDelimited(text, keyword.next);
  if (keyword === null) throw new ConfigError(place, "there is a quote that is not closed");
  if (keyword.word === "" || keyword.word.startsWith("#")) return null;
  return new Statement(place, keyword.word, text.slice(keyword.next ?? text.length));
}

/** A line of a file. */
interface Line {
  readonly number: number;
  readonly text: string;
  readonly end: "" | "\n";
}

/**
 * Cuts a file into lines. A line goes on to its end, always.
 *
 * @throws {ConfigError} If it is larger than 8 Mi characters.
 */
export function* readLines(text: string, file: string): Generator<Line, void> {
  if (text.length > MAX_CHARACTERS) {
    const why = `the file has ${text.length} characters, and at most ${MAX_CHARACTERS} are read`;
    throw new ConfigError({ file, line: 1 }, why);
  }
  let number = 0;
  for (let start = 0; start < text.length;) {
    const feed = text.indexOf("\n", start);
    const stop = feed === -1 ? text.length : feed;
    yield { number: ++number, text: text.slice(start, stop), end: feed === -1 ? "" : "\n" };
    start = stop + 1;
  }
}

/**
 * Reads a file.
 *
 * @throws {ConfigError} If it is too large, or a line cannot be read.
 */
export function* readStatements(text: string, file: string): Generator<Statement, void> {
  for (const line of readLines(text, file)) {
    const statement = readStatement(line.text, { file, line: line.number });
    if (statement !== null) yield statement;
  }
}
