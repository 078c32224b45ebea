/**
 * The names that types of keys and signature algorithms have where a certificate goes with the key
 * (PROTOCOL.certkeys).
 *
 * @module
 */

const SUFFIX = "-cert-v01@openssh.com";
const VENDOR = "@openssh.com";

/**
 * The name that a type of key, or a signature algorithm, has with a certificate.
 *
 * @returns Null if there is no such: browsers sign with no certificates.
 */
export function certificateAlgorithm(plain: string): string | null {
  if (plain.startsWith("webauthn-") || plain.endsWith(SUFFIX)) return null;
  const base = plain.endsWith(VENDOR) ? plain.slice(0, -VENDOR.length) : plain;
  return `${base}${SUFFIX}`;
}

/**
 * The name that a type of key, or a signature algorithm, has without the certificate: what stands
 * in the signature itself.
 *
 * @example
 * ```ts
 * import { plainAlgorithm } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * assert.equal(plainAlgorithm("rsa-sha2-512-cert-v01@openssh.com"), "rsa-sha2-512");
 * assert.equal(plainAlgorithm("rsa-sha2-512"), "rsa-sha2-512");
 * ```
 */
export function plainAlgorithm(name: string): string {
  if (!name.endsWith(SUFFIX)) return name;
  const base = name.slice(0, -SUFFIX.length);
  return base.startsWith("sk-") ? `${base}${VENDOR}` : base;
}

/** Whether a type of key, or a signature algorithm, is one of certificates. */
export function isCertificateAlgorithm(name: string): boolean {
  return name.endsWith(SUFFIX);
}
