/**
 * Latin-1: each byte as one character.
 *
 * @module
 */

/** A call's arguments are limited; as many are fine everywhere. */
const MAX_ARGUMENTS = 8192;

/** The text that bytes stand for. */
export function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += MAX_ARGUMENTS) {
    text += String.fromCharCode(...bytes.subarray(start, start + MAX_ARGUMENTS));
  }
  return text;
}

/** The bytes that a text stands for, whose characters are all of Latin-1. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
