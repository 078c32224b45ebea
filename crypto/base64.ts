/**
 * Base64 (RFC 4648 section 4) and its URL-safe form, through the platform's `atob` and `btoa`.
 *
 * @module
 */

import { decodeLatin1, encodeLatin1 } from "../wire/latin1.ts";

/** Bytes in base64, with padding. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(decodeLatin1(bytes));
}

/** Bytes in base64url without padding, as JSON Web Keys have them (RFC 7515 section 2). */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of a JSON Web Key's field. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return encodeLatin1(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
}

/**
 * The bytes that `text` stands for.
 *
 * @param text Base64 without white space; the padding may be left out.
 * @returns `null` if `text` is not base64.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const padded = text.endsWith("=");
  if (padded ? text.length % 4 !== 0 : text.length % 4 === 1) return null;
  return encodeLatin1(atob(text));
}

/** `text` in lines of at most `width` characters, each with its end of line. */
export function wrap(text: string, width: number): string {
  let lines = "";
  for (let start = 0; start < text.length; start += width) {
    lines += `${text.slice(start, start + width)}\n`;
  }
  return lines;
}
