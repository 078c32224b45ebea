/**
 * Public keys as SSH sends them and as `.pub` files hold them.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { fromBase64, toBase64 } from "../crypto/base64.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { plainKeyTypes, readPublicKeyBlob } from "./_public_key_blob.ts";
import { certificateType } from "./certificate.ts";
import type { KeyType, PublicKey } from "./types.ts";

/** The types of keys that are supported, the preferred one first. */
export const keyTypes: readonly KeyType[] = [...plainKeyTypes, certificateType];

/** What goes with {@linkcode parsePublicKey}. */
export interface ParsePublicKeyOptions {
  /** The comment that the key carries. */
  readonly comment?: string;
  /** The types to support: {@linkcode keyTypes}, unless given. */
  readonly types?: readonly KeyType[];
}

/**
 * Parses a public key in the encoding of RFC 4253 section 6.6, as it is sent on the wire.
 *
 * @param blob The whole of the key; it is copied.
 * @throws {KeyFormatError} If its type is not supported, if the encoding is not right, or if the
 * key is too weak to be used; the message says what.
 */
export function parsePublicKey(blob: Uint8Array, options: ParsePublicKeyOptions = {}): PublicKey {
  return readPublicKeyBlob(blob, options.types ?? keyTypes, options.comment ?? "", "public key");
}

/**
 * Parses a public key in the form of `.pub` files: `ssh-ed25519 AAAA… comment`.
 *
 * @param text One line, with or without its end.
 * @throws {KeyFormatError} If it is not such a line, if the type that it names is not that of the
 * key, or for the reasons of {@linkcode parsePublicKey}.
 *
 * @example A public key and its comment
 * ```ts
 * import { parsePublicKeyLine } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = parsePublicKeyLine(
 *   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7MZ+H4c+hmIlbjbidTG8qnOf9uhvvi4FsSeUsDtq18 ada@example",
 * );
 * assert.equal(key.type, "ssh-ed25519");
 * assert.equal(key.comment, "ada@example");
 * ```
 */
export function parsePublicKeyLine(
  text: string,
  options: Omit<ParsePublicKeyOptions, "comment"> = {},
): PublicKey {
  const line = text.trim();
  if (/[\r\n]/.test(line)) throw lineError("there is more than one line");
  const [, type, base64, comment = ""] = /^(\S+)(?:[ \t]+(\S+)(?:[ \t]+(.*))?)?$/s.exec(line) ?? [];
  if (type === undefined) throw lineError("it is empty");
  if (base64 === undefined) throw lineError("there is no key after the type");
  const blob = fromBase64(base64);
  if (blob === null) throw lineError("what follows the type is not base64");
  const said = typeOfBlob(blob);
  if (said !== null && said !== type) {
    throw lineError(`it begins with ${printable(type)}, but the key is of type ${printable(said)}`);
  }
  return parsePublicKey(blob, { ...options, comment });
}

/**
 * Writes a public key in the form of `.pub` files, without an end of line.
 *
 * @throws {RangeError} If the key's comment has an end of line in it.
 */
export function formatPublicKeyLine(key: PublicKey): string {
  if (/[\r\n\0]/.test(key.comment)) {
    throw new RangeError("Cannot write public key line: the comment is more than one line");
  }
  const line = `${key.type} ${toBase64(key.blob)}`;
  return key.comment === "" ? line : `${line} ${key.comment}`;
}

/** Whether two public keys are the same key, whatever their comments. */
export function samePublicKey(a: PublicKey, b: PublicKey): boolean {
  return equalBytes(a.blob, b.blob);
}

function typeOfBlob(blob: Uint8Array): string | null {
  try {
    return new Reader(blob, "public key", KeyFormatError).name("type", 256);
  } catch {
    return null;
  }
}

function lineError(why: string): KeyFormatError {
  return new KeyFormatError(`Cannot read public key line: ${why}`);
}
