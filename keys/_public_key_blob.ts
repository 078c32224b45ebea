/**
 * Reading public keys of whatever types are supported: RFC 4253 section 6.6.
 *
 * @module
 */

import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { ecdsaKeyType } from "./ecdsa.ts";
import { ed25519KeyType } from "./ed25519.ts";
import { rsaKeyType } from "./rsa.ts";
import { securityKeyType } from "./security_key.ts";
import type { KeyType, PublicKey } from "./types.ts";

/** The types that are keys and nothing more: no certificates. */
export const plainKeyTypes: readonly KeyType[] = [
  ed25519KeyType,
  ecdsaKeyType,
  rsaKeyType,
  securityKeyType,
];

/**
 * Reads a key.
 *
 * @param what What the blob is, for messages.
 * @throws {KeyFormatError} If its type is not one of `types`, or it is not a valid key of its type.
 */
export function readPublicKeyBlob(
  blob: Uint8Array,
  types: readonly KeyType[],
  comment: string,
  what: string,
): PublicKey {
  const reader = new Reader(blob, what, KeyFormatError);
  const name = reader.name("type", 256);
  const type = types.find((type) => type.names.includes(name));
  if (type === undefined) {
    const supported = types.flatMap((type) => type.names).join(", ");
    throw reader.error(`type ${printable(name)} is not one of ${supported}`);
  }
  const key = type.readPublic(name, reader, comment);
  reader.end();
  return key;
}
