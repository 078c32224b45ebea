/**
 * Names of hosts that are hashed, so that the file does not tell where its owner logs in:
 * `|1|salt|hash`, HMAC-SHA1 of the name with the salt as the key, as OpenSSH's `hostfile.c` has it.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { fromBase64, toBase64 } from "../crypto/base64.ts";

/** The length of the salt and of the hash, in bytes. */
export const HASH_BYTES = 20;

/** A hashed name. */
export interface HashedName {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const utf8 = /* @__PURE__ */ new TextEncoder();

/** Whether a field is meant to be a hashed name. */
export function looksHashed(field: string): boolean {
  return field.startsWith("|");
}

/** Reads a hashed name; null if it is not one. */
export function parseHashedName(field: string): HashedName | null {
  const [, ...parts] = /^\|1\|([^|]{28})\|([^|]{28})$/.exec(field) ?? [];
  const [salt, hash] = parts.map(fromBase64);
  return salt?.length === HASH_BYTES && hash?.length === HASH_BYTES ? { salt, hash } : null;
}

/** Hashes a name. */
export function hashName(name: string, salt: Uint8Array): string {
  return `|1|${toBase64(salt)}|${toBase64(hashOf(name, salt))}`;
}

/** Whether a hashed name is this one. */
export function isHashOf({ salt, hash }: HashedName, name: string): boolean {
  return equalBytes(hashOf(name, salt), hash);
}

function hashOf(name: string, salt: Uint8Array): Uint8Array {
  return hmac(sha1, salt, utf8.encode(name));
}
