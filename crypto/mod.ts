/**
 * Ciphers, MACs, hashes and key agreements, as objects to list in order of preference. What is
 * weak is in `insecure.ts`, and not here.
 *
 * @module
 */

export * from "./aes_ctr.ts";
export * from "./aes_gcm.ts";
export * from "./chacha20_poly1305.ts";
export * from "./diffie_hellman.ts";
export * from "./diffie_hellman_groups.ts";
export * from "./ecdh_nist.ts";
export * from "./hashes.ts";
export { hmacSha256, hmacSha256Etm, hmacSha512, hmacSha512Etm } from "./macs.ts";
export { mlkem768X25519 } from "./mlkem768_x25519.ts";
export * from "./plaintext.ts";
export * from "./random.ts";
export { sntrup761X25519 } from "./sntrup761_x25519.ts";
export * from "./types.ts";
export { x25519Agreement } from "./x25519.ts";
