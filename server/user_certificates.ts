/**
 * Certificates of users, and keys that have been revoked.
 *
 * @module
 */

import { Certificate } from "../keys/certificate.ts";
import type { Permissions } from "../keys/permissions.ts";
import { parsePublicKeyLine } from "../keys/public_key.ts";
import type { PublicKey } from "../keys/types.ts";
import { isRevoked, type Revocation, verifyCertificate } from "../keys/verify_certificate.ts";
import type { ServerAuthAttempt } from "./serve_options.ts";

/** An attempt by a key. */
export type KeyAttempt = Extract<ServerAuthAttempt, { method: "publickey" }>;

/** Which certificates let users in, and which keys do not. */
export interface UserCertificateOptions {
  /**
   * The keys of authorities, as keys or as lines of `.pub` files: whoever has a certificate by one
   * of them for a user's name is let in as that user, to what the certificate allows.
   */
  readonly trustedUserCas?: readonly (PublicKey | string)[] | undefined;
  /**
   * Keys, certificates and authorities' keys that let nobody in, in the same forms, a list of them
   * such as `parseRevokedKeys` gives, or a function that says of each whether it is one.
   */
  readonly revokedKeys?:
    | readonly (PublicKey | string)[]
    | Exclude<Revocation, readonly PublicKey[]>
    | undefined;
  /** The algorithms that authorities may have signed with: all but SHA-1, unless given. */
  readonly caSignatureAlgorithms?: readonly string[] | undefined;
  /** The time in milliseconds since 1970: `Date.now`, unless given. */
  readonly now?: (() => number) | undefined;
  /** Told why a certificate is refused, for logs. */
  readonly onCertificateRefused?: ((reason: string, attempt: KeyAttempt) => void) | undefined;
}

/** Judges keys by the options. */
export interface KeyJudge {
  /** What has been revoked. */
  readonly revoked: Revocation;
  /** Whether a key, that is no certificate, lets nobody in. */
  isRevoked(key: PublicKey): Promise<boolean>;
  /**
   * What a certificate lets a user do.
   *
   * @param principals The names of which the certificate has to have one.
   * @returns Null if it lets nobody in.
   */
  permissionsBy(
    certificate: Certificate,
    attempt: KeyAttempt,
    principals: readonly string[],
  ): Promise<Permissions | null>;
}

/**
 * Makes the judge.
 *
 * @throws {KeyFormatError} If a line of a key cannot be read.
 * @throws {TypeError} If an authority's key is a certificate itself.
 */
export function keyJudge(options: UserCertificateOptions): KeyJudge {
  const trustedCas = (options.trustedUserCas ?? []).map(readKey);
  if (trustedCas.some((ca) => ca instanceof Certificate)) {
    throw new TypeError("Cannot trust an authority: its key is a certificate itself");
  }
  const { revokedKeys = [], caSignatureAlgorithms: signatureAlgorithms, now } = options;
  const revoked: Revocation = "map" in revokedKeys ? revokedKeys.map(readKey) : revokedKeys;
  return {
    revoked,
    isRevoked: (key) => isRevoked(revoked, key),
    async permissionsBy(certificate, attempt, principals) {
      const verdict = await verifyCertificate(certificate, {
        role: "user",
        principals,
        trustedCas,
        revoked,
        signatureAlgorithms,
        now,
        address: attempt.peer.address?.hostname ?? null,
      });
      if (verdict.accepted) return verdict.permissions;
      options.onCertificateRefused?.(verdict.reason, attempt);
      return null;
    },
  };
}

/** A key, of a key or of a line of a `.pub` file. */
export function readKey(key: PublicKey | string): PublicKey {
  return typeof key === "string" ? parsePublicKeyLine(key) : key;
}
