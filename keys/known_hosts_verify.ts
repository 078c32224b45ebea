/**
 * Judging the key that a host has shown by what is known of the host: a plain key, or a certificate.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { Certificate } from "./certificate.ts";
import type { HostAddress } from "./known_hosts.ts";
import {
  checkKnownHost,
  findKnownHost,
  type KnownHostCheck,
  type KnownHostsText,
  revocationsOf,
} from "./known_hosts_lookup.ts";
import type { PublicKey } from "./types.ts";
import { type CertificateExpectation, verifyCertificate } from "./verify_certificate.ts";

/** The answer, and why a certificate has not been enough. */
export interface KnownHostVerdict extends KnownHostCheck {
  /** Why the certificate that was shown counts for nothing; null if it counts, or there is none. */
  readonly certificate: string | null;
}

/**
 * Asks whether a host may have the key that it has shown, as {@linkcode checkKnownHost} does. A
 * certificate is `ok` if it holds for the host's name and a line with `@cert-authority` has its
 * authority's key; `revoked` if one with `@revoked` has that key, or the one that it certifies.
 * Otherwise, as with OpenSSH, the key in it is judged as one without a certificate.
 *
 * @param options What a certificate is held against.
 */
export async function verifyKnownHost(
  texts: KnownHostsText,
  host: HostAddress,
  key: PublicKey,
  options: Pick<CertificateExpectation, "now" | "signatureAlgorithms"> = {},
): Promise<KnownHostVerdict> {
  if (!(key instanceof Certificate)) {
    return { ...checkKnownHost(texts, host, key), certificate: null };
  }
  const check = checkKnownHost(texts, host, key.publicKey);
  if (check.status === "revoked" || check.status === "error") {
    return { ...check, certificate: null };
  }
  const matches = findKnownHost(texts, host, { orWithoutPort: true });
  const revoked = [...revocationsOf(matches, key.ca), ...revocationsOf(matches, key)];
  if (revoked.length > 0) return { status: "revoked", matches: revoked, certificate: null };
  const authorities = matches.filter(({ marker, blob }) =>
    marker === "cert-authority" && equalBytes(blob, key.ca.blob)
  );
  if (authorities.length === 0) return { ...check, certificate: "its authority is not known" };
  const verdict = await verifyCertificate(key, {
    ...options,
    role: "host",
    principals: host.hostname,
    trustedCas: [key.ca],
  });
  if (!verdict.accepted) return { ...check, certificate: verdict.reason };
  return { status: "ok", matches: authorities, certificate: null };
}
