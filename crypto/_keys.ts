/**
 * Checks that every cipher makes of what it is keyed with.
 *
 * @module
 */

import type { CipherAlgorithm, CipherKeys } from "./types.ts";

/**
 * Makes sure that the key and the initial vector have the lengths that the cipher names.
 *
 * @throws {RangeError} If they have not.
 */
export function checkCipherKeys(
  { name, keyBytes, ivBytes }: Pick<CipherAlgorithm, "name" | "keyBytes" | "ivBytes">,
  { key, iv }: CipherKeys,
): void {
  if (key.length !== keyBytes) {
    throw new RangeError(`Cannot key ${name}: ${key.length} bytes, but it takes ${keyBytes}`);
  }
  if (iv.length !== ivBytes) {
    throw new RangeError(
      `Cannot key ${name}: an IV of ${iv.length} bytes, but it takes ${ivBytes}`,
    );
  }
}
