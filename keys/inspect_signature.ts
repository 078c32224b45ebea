/**
 * Verifying a signature, and learning what a security key says of it.
 *
 * @module
 */

import { plainKey } from "./certificate.ts";
import { plainAlgorithm } from "./certificate_algorithms.ts";
import { type SecurityKeyDetails, SecurityKeyPublicKey } from "./security_key.ts";
import type { PublicKey } from "./types.ts";

/** A signature that is right. */
export interface InspectedSignature {
  /** What the security key says of it that made it; null if it was made by none. */
  readonly securityKey: SecurityKeyDetails | null;
}

/**
 * Verifies a signature as {@linkcode PublicKey.verify} does, but leaves it to the caller whether a
 * security key has to have been touched for it.
 *
 * @returns Null if it is not the key's signature over `data`.
 */
export async function inspectSignature(
  key: PublicKey,
  algorithm: string,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<InspectedSignature | null> {
  const plain = plainKey(key);
  if (!(plain instanceof SecurityKeyPublicKey)) {
    return await key.verify(algorithm, data, signature) ? { securityKey: null } : null;
  }
  if (!key.algorithms.includes(algorithm)) return null;
  const securityKey = await plain.inspect(plainAlgorithm(algorithm), data, signature);
  return securityKey && { securityKey };
}
