/**
 * Signing with a key that has a certificate.
 *
 * @module
 */

import { algorithmError } from "./_signature.ts";
import { Certificate, plainKey } from "./certificate.ts";
import { plainAlgorithm } from "./certificate_algorithms.ts";
import { samePublicKey } from "./public_key.ts";
import type { Signer } from "./types.ts";

/** A signer that shows a certificate for its key. */
export interface CertifiedSigner extends Signer {
  /** The certificate. */
  readonly publicKey: Certificate;
  /** The signer without it. */
  readonly plain: Signer;
}

/**
 * Makes a signer that shows a certificate in the place of its public key: to log in with, or as a
 * server's host key. Whoever does not know the authority will not accept it; give the signer itself
 * too where its key alone may do.
 *
 * @param signer Signs with the key that is certified.
 * @throws {TypeError} If the certificate is that of another key.
 *
 * @example
 * ```ts
 * import { generateKey, issueCertificate, withCertificate } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const [ca, key] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * const certificate = await issueCertificate({
 *   key: key.publicKey,
 *   ca,
 *   role: "host",
 *   keyId: "db",
 *   principals: ["db.example"],
 *   validBefore: null,
 * });
 * const hostKey = withCertificate(key, certificate);
 * assert.equal(hostKey.publicKey.type, "ssh-ed25519-cert-v01@openssh.com");
 * ```
 */
export function withCertificate(signer: Signer, certificate: Certificate): CertifiedSigner {
  if (!samePublicKey(plainKey(signer.publicKey), certificate.publicKey)) {
    throw new TypeError("Cannot sign with a certificate: it is that of another key");
  }
  const plain = isCertifiedSigner(signer) ? signer.plain : signer;
  const shown = limited(certificate, plain.publicKey.algorithms);
  return {
    publicKey: shown,
    plain,
    ...(plain.bind !== undefined && { bind: plain.bind.bind(plain) }),
    sign(algorithm, data) {
      if (!shown.algorithms.includes(algorithm)) throw algorithmError(shown, algorithm);
      return plain.sign(plainAlgorithm(algorithm), data);
    },
  };
}

/** Whether a signer is one that {@linkcode withCertificate} made. */
export function isCertifiedSigner(signer: Signer): signer is CertifiedSigner {
  return "plain" in signer;
}

/** The certificate without the algorithms that the signer does not have. */
function limited(certificate: Certificate, algorithms: readonly string[]): Certificate {
  const { blob, comment } = certificate;
  if (certificate.publicKey.algorithms.every((name) => algorithms.includes(name))) {
    return certificate;
  }
  return new Certificate(blob, { comment, algorithms });
}
