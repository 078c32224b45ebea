/**
 * The forms that arguments have.
 *
 * @module
 */

import { quoted } from "./config_error.ts";
import type { Statement } from "./_statements.ts";

/** OpenSSH keeps numbers and times in an int. */
const MAX_INT = 0x7fffffff;

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  "": 1,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** Each is 1,024 times the one before. */
const SIZE_UNITS = "bkmgtp";

/** Yes or no; `true` and `false` are taken, too. */
export function readFlag(statement: Statement): boolean {
  return readChoice(statement, { yes: true, no: false, true: true, false: false });
}

/** One of several words, whose case does not count. */
export function readChoice<T>(statement: Statement, choices: Readonly<Record<string, T>>): T {
  const text = statement.need();
  const word = text.toLowerCase();
  if (Object.hasOwn(choices, word)) return choices[word] as T;
  throw statement.refuse(`has to be ${oneOf(Object.keys(choices))}, and is ${quoted(text)}`);
}

/** A whole number from `min` to `max`. */
export function readNumber(statement: Statement, min: number = 0, max: number = MAX_INT): number {
  const text = statement.need();
  const number = /^[0-9]{1,10}$/.test(text) ? Number(text) : -1;
  if (number >= min && number <= max) return number;
  throw statement.refuse(`has to be a number from ${min} to ${max}, and is ${quoted(text)}`);
}

/** A time in seconds, such as `90` or `1h30m`: `sshd_config(5)`, "TIME FORMATS". */
export function readTime(statement: Statement, text: string = statement.need()): number {
  const seconds = secondsOf(text);
  if (seconds !== null) return seconds;
  throw statement.refuse(`has to be a time such as 90, 30s or 1h30m, and is ${quoted(text)}`);
}

/** A number of bytes, such as `512K` or `1G`. */
export function readSize(statement: Statement, text: string): number {
  const [, digits = "NaN", unit = ""] = /^([0-9]{1,16})([bkmgtp]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** SIZE_UNITS.indexOf(unit.toLowerCase());
  if (Number.isSafeInteger(bytes)) return bytes;
  throw statement.refuse(`has to be a size such as 512M or 1G, and is ${quoted(text)}`);
}

/** Words for a message. */
export function oneOf(words: readonly string[]): string {
  const last = words[words.length - 1] ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}

function secondsOf(text: string): number | null {
  if (text === "" || text.length > 64 || !/^(?:[0-9]+[smhdw])*[0-9]*$/i.test(text)) return null;
  let seconds = 0;
  for (const [, digits = "", unit = ""] of text.matchAll(/([0-9]+)([smhdw]?)/gi)) {
    seconds += Number(digits) * (UNIT_SECONDS[unit.toLowerCase()] ?? 1);
  }
  return seconds <= MAX_INT ? seconds : null;
}
