/**
 * Private keys from their secrets.
 *
 * @module
 */

import { EcdsaPrivateKey } from "./ecdsa.ts";
import { Ed25519PrivateKey } from "./ed25519.ts";
import { RsaPrivateKey } from "./rsa.ts";
import { SecurityKeyPrivateKey } from "./security_key_private.ts";
import type { PrivateKey, PrivateKeySource } from "./types.ts";

/**
 * Makes a private key from its secret; the public half is derived from it.
 *
 * @throws {KeyFormatError} If the secret is not one of a key of that kind, or too weak to be used.
 */
export function privateKeyFrom(
  parts: PrivateKeySource,
  options: { comment?: string } = {},
): PrivateKey {
  switch (parts.kind) {
    case "ed25519":
      return new Ed25519PrivateKey(parts, options);
    case "ecdsa":
      return new EcdsaPrivateKey(parts, options);
    case "rsa":
      return new RsaPrivateKey(parts, options);
    case "security-key":
      return new SecurityKeyPrivateKey(parts, options);
  }
}
