/**
 * Keys: public and private ones, and the signatures that they make and verify.
 *
 * @module
 */

export * from "./ecdsa.ts";
export * from "./ed25519.ts";
export * from "./from_parts.ts";
export * from "./private_key.ts";
export * from "./public_key.ts";
export * from "./rsa.ts";
export * from "./types.ts";
