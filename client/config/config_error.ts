/**
 * What is wrong with a configuration.
 *
 * @module
 */

import { printable, SshError } from "../../wire/errors.ts";

/** Where something stands. */
export interface ConfigPlace {
  /** The name of the file, as it was given. */
  readonly file: string;
  /** The number of the line, from 1. */
  readonly line: number;
}

/** A file of `ssh_config(5)` says what cannot be understood, or cannot be done. */
export class ConfigError extends SshError {
  /** The class's name. */
  override readonly name: string = "ConfigError";
  /** The file that it stands in. */
  readonly file: string;
  /** The number of its line, from 1. */
  readonly line: number;

  /**
   * Makes the error of a place.
   *
   * @param why What is wrong there, as the end of a sentence.
   */
  constructor({ file, line }: ConfigPlace, why: string, options: { cause?: unknown } = {}) {
    super(`Cannot read ${printable(file)} line ${line}: ${why}`, options);
    this.file = file;
    this.line = line;
  }
}

/** What a file says, in quotes, for a message. */
export function quoted(text: string): string {
  return `"${printable(text, 100)}"`;
}
