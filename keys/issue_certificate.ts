/**
 * Issuing certificates: PROTOCOL.certkeys.
 *
 * @module
 */

import { platformRandom } from "../crypto/random.ts";
import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import {
  Certificate,
  certificateForever,
  type CertificateRole,
  certificateRoles,
  maxCertificatePrincipals,
  plainKey,
} from "./certificate.ts";
import { certificateAlgorithm } from "./certificate_algorithms.ts";
import type { PublicKey, Signer } from "./types.ts";

/** What a certificate is to say, and who signs it. */
export interface CertificateRequest {
  /** The key to certify; of a certificate its key is taken. */
  readonly key: PublicKey;
  /** Signs it. It needs a key of its own: one with a certificate cannot certify others. */
  readonly ca: Signer;
  /** Whether it vouches for a user or for a host. */
  readonly role: CertificateRole;
  /** What it is called in logs. */
  readonly keyId: string;
  /** The names of the users or hosts that it is for: at least one. Hosts' may be patterns. */
  readonly principals: readonly string[];
  /** When it begins to be valid; it always was, if this is left out. */
  readonly validAfter?: Date | null | undefined;
  /** From when on it is valid no more; null is never, which has to be said. */
  readonly validBefore: Date | null;
  /** The number that it is to have, by which it can be revoked: 0, unless given. */
  readonly serial?: bigint | number | undefined;
  /**
   * Conditions of a user's certificate, by name: `force-command`, `source-address`, and others with
   * a text; `verify-required: true`.
   */
  readonly criticalOptions?: Readonly<Record<string, string | true>> | undefined;
  /**
   * What a user's certificate allows: {@linkcode userCertificateExtensions}, unless given. Names,
   * or a text by name for those that have one.
   */
  readonly extensions?: readonly string[] | Readonly<Record<string, string | true>> | undefined;
  /** The algorithm that the authority signs with: its first, unless given. */
  readonly signatureAlgorithm?: string | undefined;
  /** The comment that the certificate carries: the key's, unless given. */
  readonly comment?: string | undefined;
  /** What nobody can have foreseen: 32 random bytes, unless given. */
  readonly nonce?: Uint8Array | undefined;
}

/** What `ssh-keygen` allows users unless it is told otherwise, and so do we. */
export const userCertificateExtensions: readonly string[] = [
  "permit-X11-forwarding",
  "permit-agent-forwarding",
  "permit-port-forwarding",
  "permit-pty",
  "permit-user-rc",
];

/**
 * Issues a certificate. `formatPublicKeyLine` writes it as `ssh-keygen` does.
 *
 * @throws {RangeError} If there is no principal, or one has a comma or NUL in it or they are too
 * many; if it would be valid at no time; or if a number or a text does not fit.
 * @throws {TypeError} If the authority's key is a certificate itself.
 *
 * @example A user's certificate for a day
 * ```ts
 * import { formatPublicKeyLine, generateKey, issueCertificate } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const [ca, key] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * const certificate = await issueCertificate({
 *   key: key.publicKey,
 *   ca,
 *   role: "user",
 *   keyId: "ada's laptop",
 *   principals: ["ada"],
 *   validBefore: new Date(Date.now() + 24 * 3_600_000),
 *   criticalOptions: { "source-address": "192.0.2.0/24" },
 *   extensions: ["permit-pty"],
 * });
 * assert.match(formatPublicKeyLine(certificate), /^ssh-ed25519-cert-v01@openssh\.com AAAA/);
 * ```
 */
export async function issueCertificate(request: CertificateRequest): Promise<Certificate> {
  const { ca, role, nonce = platformRandom(32) } = request;
  const key = plainKey(request.key);
  const type = certificateAlgorithm(key.type);
  const number = [...certificateRoles].find(([, known]) => known === role)?.[0];
  if (type === null) throw refusal(`a key of type ${key.type} cannot be certified`);
  if (number === undefined) throw refusal(`the role ${role} is not user or host`);
  if (ca.publicKey instanceof Certificate) {
    throw new TypeError("Cannot issue certificate: the authority's key is a certificate itself");
  }
  const { validAfter, validBefore } = timesOf(request);
  const extensions = request.extensions ?? (role === "user" ? userCertificateExtensions : []);

  const fields = new Reader(key.blob, "public key", KeyFormatError);
  fields.string("type");
  const signed = new Writer(1024).string(type).string(nonce).raw(fields.rest())
    .uint64(serialOf(request)).uint32(number).string(textOf("key id", request.keyId))
    .string(encodePrincipals(request.principals)).uint64(validAfter).uint64(validBefore)
    .string(encodeOptions("critical options", request.criticalOptions ?? {}))
    .string(encodeOptions("extensions", extensions))
    .string("").string(ca.publicKey.blob).finish();
  const algorithm = request.signatureAlgorithm ?? ca.publicKey.algorithms[0] ?? "";
  const signature = await ca.sign(algorithm, signed);
  const blob = new Writer(signed.length + signature.length + 4).raw(signed).string(signature)
    .finish();
  return new Certificate(blob, { comment: request.comment ?? key.comment });
}

function serialOf({ serial = 0n }: CertificateRequest): bigint {
  const number = typeof serial === "bigint" || Number.isSafeInteger(serial) ? BigInt(serial) : -1n;
  if (number < 0n || number >= 2n ** 64n) throw refusal(`the serial ${serial} is no uint64`);
  return number;
}

function timesOf(
  request: CertificateRequest,
): { validAfter: bigint; validBefore: bigint } {
  const validAfter = secondsOf(request.validAfter ?? null, 0n);
  const validBefore = secondsOf(request.validBefore, certificateForever);
  if (validBefore > validAfter) return { validAfter, validBefore };
  throw refusal("it would end before it begins");
}

function secondsOf(time: Date | null, unlimited: bigint): bigint {
  if (time === null) return unlimited;
  const seconds = Math.floor(time.getTime() / 1000);
  if (seconds >= 0) return BigInt(seconds);
  throw refusal("a time is not valid, or before 1970");
}

function encodePrincipals(principals: readonly string[]): Uint8Array {
  if (principals.length === 0) {
    throw refusal("there is no principal, and without one it would be for nobody, or everybody");
  }
  if (principals.length > maxCertificatePrincipals) {
    throw refusal(
      `there are ${principals.length} principals, and at most ${maxCertificatePrincipals} fit`,
    );
  }
  const writer = new Writer();
  for (const principal of principals) {
    // Whoever keeps principals in lists would take one with a comma for two.
    if (principal === "" || principal.includes(",")) {
      throw refusal(`the principal ${JSON.stringify(principal)} is empty or has a comma in it`);
    }
    writer.string(textOf("principal", principal));
  }
  return writer.finish();
}

function encodeOptions(
  what: string,
  options: readonly string[] | Readonly<Record<string, string | true>>,
): Uint8Array {
  const entries: [string, string | true][] = isNames(options)
    ? options.map((name) => [name, true])
    : Object.entries(options);
  // PROTOCOL.certkeys: in lexical order, each but once.
  const sorted = entries.map(([name, value]) => ({ name: textOf(what, name), value }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
  const writer = new Writer();
  for (const [i, { name, value }] of sorted.entries()) {
    if (sorted[i + 1]?.name === name) throw refusal(`${name} is there twice in the ${what}`);
    const data = value === true ? "" : new Writer().string(textOf(name, value)).finish();
    writer.string(name).string(data);
  }
  return writer.finish();
}

function isNames(
  options: readonly string[] | Readonly<Record<string, string | true>>,
): options is readonly string[] {
  return Array.isArray(options);
}

function textOf(what: string, text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return text;
  throw refusal(`the ${what} ${JSON.stringify(text)} has a NUL or half a character in it`);
}

function refusal(why: string): RangeError {
  return new RangeError(`Cannot issue certificate: ${why}`);
}
