/**
 * Knowing a server by the authority that has certified its key.
 *
 * @module
 */

import type { HostKeyContext, HostKeyVerifier } from "./authenticator.ts";
import { Certificate } from "./certificate.ts";
import type { PublicKey } from "./types.ts";
import { type CertificateExpectation, verifyCertificate } from "./verify_certificate.ts";

/**
 * Makes the judge of host keys that trusts authorities: a server has to show a certificate by one
 * of them for the name that was connected to. A key without one is refused.
 *
 * @param trustedCas The keys of the authorities.
 * @param options What else a certificate is held against.
 * @throws {TypeError} When it judges, if the name that was connected to is not given.
 *
 * @example
 * ```ts
 * import { certifiedBy, generateKey, issueCertificate } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const [ca, { publicKey }] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * const certificate = await issueCertificate({
 *   key: publicKey,
 *   ca,
 *   role: "host",
 *   keyId: "db",
 *   principals: ["*.example.com"],
 *   validBefore: null,
 * });
 * const verifyHostKey = certifiedBy([ca.publicKey]);
 * assert.equal(await verifyHostKey(certificate, { hostname: "db.example.com" }), true);
 * assert.equal(await verifyHostKey(certificate, { hostname: "example.org" }), false);
 * assert.equal(await verifyHostKey(publicKey, { hostname: "db.example.com" }), false);
 * ```
 */
export function certifiedBy(
  trustedCas: readonly PublicKey[],
  options: Pick<CertificateExpectation, "now" | "revoked" | "signatureAlgorithms"> = {},
): HostKeyVerifier {
  return async (key: PublicKey, { hostname }: HostKeyContext) => {
    if (!(key instanceof Certificate)) return false;
    if (hostname === undefined) {
      throw new TypeError("Cannot judge a certificate: the option hostname is not given");
    }
    const expected = { ...options, role: "host", principals: hostname, trustedCas } as const;
    return (await verifyCertificate(key, expected)).accepted;
  };
}
