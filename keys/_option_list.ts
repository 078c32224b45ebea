/**
 * Lists of options as they stand in front of keys: names, some with a quoted value, with commas
 * between them (`sshd(8)`, "AUTHORIZED_KEYS FILE FORMAT").
 *
 * @module
 */

import { printable } from "../wire/errors.ts";

/** One option. */
export interface ListedOption {
  /** In lower case: case does not count. */
  readonly name: string;
  /** Null if it has none. */
  readonly value: string | null;
}

/**
 * Splits a list.
 *
 * @param error Makes the error that is thrown if it is not one.
 */
export function* splitOptionList(
  text: string,
  error: (why: string) => Error,
): Generator<ListedOption> {
  let rest = text;
  while (true) {
    const name = /^[^=," \t]*/.exec(rest)?.[0] ?? "";
    if (name === "") throw error("an option is empty");
    rest = rest.slice(name.length);
    let value: string | null = null;
    if (rest.startsWith("=")) {
      const quoted = /^="((?:\\"|\\(?!")|[^"\\])*)"/.exec(rest);
      if (quoted === null) throw error(`the value of ${printable(name, 80)} is not quoted`);
      value = (quoted[1] ?? "").replaceAll('\\"', '"');
      rest = rest.slice(quoted[0].length);
    }
    yield { name: name.toLowerCase(), value };
    if (rest === "") return;
    if (!rest.startsWith(",")) {
      throw error(`${printable(rest, 20)} follows ${printable(name, 80)}`);
    }
    rest = rest.slice(1);
  }
}

/**
 * Puts a value between quotes.
 *
 * @param error Makes the error that is thrown if it cannot stand there.
 */
export function quoteOptionValue(value: string, error: (why: string) => Error): string {
  if (/[\r\n\0]/.test(value)) throw error("it is more than one line");
  // A backslash there would take the quote with it.
  if (value.endsWith("\\")) throw error("it ends in a backslash");
  return `"${value.replaceAll('"', '\\"')}"`;
}
