/**
 * Public keys in the file format of RFC 4716, which commercial SSH programs use.
 *
 * @module
 */

import { fromBase64, toBase64, wrap } from "../crypto/base64.ts";
import { KeyFormatError } from "../wire/errors.ts";
import { parsePublicKey } from "./public_key.ts";
import type { PublicKey } from "./types.ts";

const begin = "---- BEGIN SSH2 PUBLIC KEY ----";
const end = "---- END SSH2 PUBLIC KEY ----";
/** The longest text that is read, in characters. */
const maxLength = 65_536;
const utf8 = /* @__PURE__ */ new TextEncoder();

/**
 * Parses a public key in the format of RFC 4716; its `Comment` header is kept.
 *
 * @throws {KeyFormatError} If it is not in that format, or for the reasons of `parsePublicKey`.
 */
export function parseRfc4716(text: string): PublicKey {
  if (text.length > maxLength) {
    throw formatError(`it has ${text.length} characters, and at most ${maxLength} are read`);
  }
  const lines = text.trim().split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines[0] !== begin) throw formatError(`it does not begin with "${begin}"`);
  if (lines.pop() !== end) throw formatError(`it does not end with "${end}"`);
  let comment = "";
  let i = 1;
  for (; lines[i]?.includes(":"); i++) {
    let header = lines[i] as string;
    // Section 3.3: a header goes on after a backslash.
    while (header.endsWith("\\") && i + 1 < lines.length) header = header.slice(0, -1) + lines[++i];
    const colon = header.indexOf(":");
    if (header.slice(0, colon).toLowerCase() === "comment") {
      comment = header.slice(colon + 1).trim().replace(/^"(.*)"$/s, "$1");
    }
  }
  const blob = fromBase64(lines.slice(i).join(""));
  if (blob === null) throw formatError("the key in it is not base64");
  return parsePublicKey(blob, { comment });
}

/**
 * Writes a public key in the format of RFC 4716, with an end of line at its end.
 *
 * @throws {RangeError} If the key's comment has an end of line in it, or is longer than 1024 bytes.
 */
export function formatRfc4716(key: PublicKey): string {
  return `${begin}\n${commentHeader(key.comment)}${wrap(toBase64(key.blob), 70)}${end}\n`;
}

function commentHeader(comment: string): string {
  if (comment === "") return "";
  if (/[\r\n\0]/.test(comment) || utf8.encode(comment).length > 1024) {
    throw new RangeError(
      "Cannot write RFC 4716 public key: the comment is more than one line, or than 1024 bytes",
    );
  }
  // Section 3: a line has at most 72 bytes; what is longer goes on in the next.
  let lines = "";
  let line = "";
  for (const character of `Comment: "${comment}"`) {
    if (utf8.encode(line + character).length > 71) {
      lines += `${line}\\\n`;
      line = "";
    }
    line += character;
  }
  return `${lines}${line}\n`;
}

function formatError(why: string): KeyFormatError {
  return new KeyFormatError(`Cannot read RFC 4716 public key: ${why}`);
}
