/**
 * Lines that hold keys as words: a type, the key in base64, a comment.
 *
 * @module
 */

import { fromBase64, toBase64 } from "../crypto/base64.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";

/** A key as it stands in a line. */
export interface KeyWords {
  /** The key's type. */
  readonly type: string;
  /** The key in the encoding of RFC 4253 section 6.6; no more of it has been read than its type. */
  readonly blob: Uint8Array;
  /** What follows the key; empty if nothing does. */
  readonly comment: string;
}

/** Splits the first word from a line, and the white space behind it. */
export function takeWord(line: string): { word: string; rest: string } {
  const [all = "", word = ""] = /^([^ \t]*)[ \t]*/.exec(line) ?? [];
  return { word, rest: line.slice(all.length) };
}

/**
 * Reads a key, and what follows it.
 *
 * @param line Begins with the type.
 * @param error Makes the error that is thrown.
 */
export function readKeyWords(line: string, error: (why: string) => Error): KeyWords {
  const { word: type, rest } = takeWord(line);
  const { word: base64, rest: comment } = takeWord(rest);
  if (type === "") throw error("there is no key");
  if (base64 === "") throw error(`there is no key after ${printable(type, 80)}`);
  const blob = fromBase64(base64);
  if (blob === null) throw error(`what follows ${printable(type, 80)} is not base64`);
  const said = typeOf(blob);
  if (said !== type) {
    const what = said === null ? "not a key" : `a key of type ${printable(said, 80)}`;
    throw error(`what follows ${printable(type, 80)} is ${what}`);
  }
  return { type, blob, comment };
}

/**
 * Writes a key and its comment.
 *
 * @param what What is being written, for the message.
 * @throws {RangeError} If they cannot stand in a line.
 */
export function formatKeyWords({ type, blob, comment }: KeyWords, what: string): string {
  if (typeOf(blob) !== type || /\s/.test(type)) {
    throw new RangeError(`Cannot write ${what}: the key is not of type ${JSON.stringify(type)}`);
  }
  if (/[\r\n\0]/.test(comment)) {
    throw new RangeError(`Cannot write ${what}: the comment is more than one line`);
  }
  const words = `${type} ${toBase64(blob)}`;
  return comment === "" ? words : `${words} ${comment}`;
}

/** The type that a key begins with; null if it does not begin with one. */
function typeOf(blob: Uint8Array): string | null {
  try {
    const reader = new Reader(blob, "public key", KeyFormatError);
    const type = reader.name("type", 256);
    return type !== "" && reader.remaining > 0 ? type : null;
  } catch {
    return null;
  }
}
