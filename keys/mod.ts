/**
 * Keys: public and private ones, the files that they are kept in, the fingerprints that people
 * compare them by, and how a client knows a server by its key.
 *
 * | to | use |
 * |---|---|
 * | make a key | {@linkcode generateKey} |
 * | read and write private keys | {@linkcode parsePrivateKey}, {@linkcode formatPrivateKey}, {@linkcode formatPkcs8}, {@linkcode formatPpk} |
 * | read and write public keys | {@linkcode parsePublicKeyLine}, {@linkcode formatPublicKeyLine}, {@linkcode parseRfc4716}, {@linkcode formatRfc4716} |
 * | sign with a key of WebCrypto's | {@linkcode cryptoKeySigner} |
 * | show a key to people | {@linkcode fingerprint}, {@linkcode randomart} |
 * | know a server | {@linkcode authenticatorOf}, {@linkcode certifiedBy}, {@linkcode checkKnownHost} |
 * | keep keys in an agent | {@linkcode AgentStore} |
 * | sign messages, and check who did | {@linkcode signMessage}, {@linkcode verifyMessage}, {@linkcode parseAllowedSigners} |
 * | say which keys and certificates count no more | {@linkcode parseRevokedKeys}, {@linkcode formatKrl} |
 * | certify keys, and use and check certificates | {@linkcode issueCertificate}, {@linkcode withCertificate}, {@linkcode verifyCertificate} |
 * | read, search and change known hosts | {@linkcode parseKnownHosts}, {@linkcode checkKnownHost}, {@linkcode addKnownHost} |
 * | read and change authorized keys, and decide by them | {@linkcode parseAuthorizedKeys}, {@linkcode addAuthorizedKey}, {@linkcode authorize} |
 *
 * Everything here takes text or bytes and gives values: it opens no file and no connection.
 *
 * @example A new key, and its two files
 * ```ts
 * import { formatPrivateKey, formatPublicKeyLine, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = await generateKey("ed25519", { comment: "ada@example" });
 * assert.match(await formatPrivateKey(key), /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
 * assert.match(formatPublicKeyLine(key.publicKey), /^ssh-ed25519 \S+ ada@example$/);
 * ```
 *
 * @example What is signed with the one half is verified with the other
 * ```ts
 * import { generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = await generateKey("ecdsa", { bits: 384 });
 * const [algorithm] = key.publicKey.algorithms;
 * assert.equal(algorithm, "ecdsa-sha2-nistp384");
 * const data = new TextEncoder().encode("a message");
 * const signature = await key.sign(algorithm, data);
 * assert.equal(await key.publicKey.verify(algorithm, data, signature), true);
 * ```
 *
 * @module
 */

export * from "./agent_bindings.ts";
export * from "./agent_framing.ts";
export * from "./agent_protocol.ts";
export * from "./agent_store.ts";
export {
  type AgentDestination,
  agentDestination,
  type AgentHost,
  type AgentHostKey,
  destinationConstraint,
} from "./agent_destinations.ts";
export * from "./allowed_signers.ts";
export * from "./authenticator.ts";
export * from "./authorize.ts";
export * from "./authorized_keys.ts";
export * from "./certificate_algorithms.ts";
export * from "./certified_by.ts";
export * from "./check_signer.ts";
export * from "./crypto_key_signer.ts";
export * from "./ecdsa.ts";
export * from "./ed25519.ts";
export * from "./fingerprint.ts";
export * from "./forward_target.ts";
export * from "./from_parts.ts";
export * from "./generate.ts";
export * from "./inspect_signature.ts";
export * from "./issue_certificate.ts";
export * from "./key_options.ts";
export * from "./known_hosts.ts";
export * from "./krl.ts";
export * from "./revoked_keys.ts";
export { formatKrl, parseKrl } from "./krl_format.ts";
export * from "./known_hosts_edit.ts";
export * from "./known_hosts_lookup.ts";
export * from "./known_hosts_verify.ts";
export * from "./permissions.ts";
export * from "./private_key.ts";
export * from "./public_key.ts";
export * from "./randomart.ts";
export * from "./rfc4716.ts";
export * from "./rsa.ts";
export * from "./security_key.ts";
export * from "./security_key_private.ts";
export * from "./sshsig.ts";
export * from "./supported_signatures.ts";
export * from "./types.ts";
export * from "./verify_certificate.ts";
export * from "./with_certificate.ts";
export { Certificate, type CertificateRole, plainKey } from "./certificate.ts";
export { formatPpk, type PpkOptions } from "./ppk.ts";
export { type EncryptionOptions, privateKeyCiphers } from "./openssh_format.ts";
export type { MaybePromise, RandomSource } from "../crypto/types.ts";
export { type HostKeyStatus, KeyFormatError, SshError } from "../wire/errors.ts";
export { Reader, type ReadErrorClass } from "../wire/reader.ts";
