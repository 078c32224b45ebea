/**
 * The names of signature algorithms.
 *
 * @module
 */

/** Every signature algorithm that keys have, but none with SHA-1; the preferred ones first. */
export const supportedSignatures: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
  "rsa-sha2-512",
  "rsa-sha2-256",
];
