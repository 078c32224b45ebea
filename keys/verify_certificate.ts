/**
 * Deciding whether a certificate holds, as OpenSSH does.
 *
 * @module
 */

import type { MaybePromise } from "../crypto/types.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { isInNetwork, parseAddress, parseNetworkList } from "./_addresses.ts";
import { type Certificate, type CertificateRole, plainKey } from "./certificate.ts";
import { matchesPattern } from "./patterns.ts";
import type { Permissions } from "./permissions.ts";
import { samePublicKey } from "./public_key.ts";
import { supportedSignatures } from "./supported_signatures.ts";
import type { PublicKey } from "./types.ts";

/**
 * Says whether a key, a certificate or an authority's key has been revoked: those that have, a list
 * such as `parseRevokedKeys` gives, or a function.
 */
export type Revocation =
  | readonly PublicKey[]
  | RevokedKeys
  | ((key: PublicKey) => MaybePromise<boolean>);

/** Knows what has been revoked. */
export interface RevokedKeys {
  /** Whether a key has been, or a certificate. */
  isRevoked(key: PublicKey): MaybePromise<boolean>;
}

/** What a certificate is held against. */
export interface CertificateExpectation {
  /** Whether it is to vouch for a user or for a host. */
  readonly role: CertificateRole;
  /**
   * The name that it has to be for, or several of which one is enough: the user's name, the host's
   * name or address. A host's certificate may have patterns in the place of names; a user's may not.
   */
  readonly principals: string | readonly string[];
  /** The keys of the authorities that are trusted. */
  readonly trustedCas: readonly PublicKey[];
  /** The time in milliseconds since 1970: `Date.now`, unless given. */
  readonly now?: (() => number) | undefined;
  /**
   * What a user shows it for: to log in, unless given. Who signs a message comes from nowhere and
   * runs nothing, so that `source-address` and `force-command` do not count for `message`, as with
   * `ssh-keygen -Y verify`; conditions that are not known do.
   */
  readonly use?: "login" | "message" | undefined;
  /** Where the user comes from; without it a certificate with `source-address` is refused. */
  readonly address?: string | null | undefined;
  /** What has been revoked: it is asked about the certificate, its key, and its authority's. */
  readonly revoked?: Revocation | undefined;
  /**
   * The algorithms that authorities may have signed with: {@linkcode supportedSignatures}, unless
   * given.
   */
  readonly signatureAlgorithms?: readonly string[] | undefined;
}

/** What became of it. */
export type CertificateVerdict =
  | {
    readonly accepted: true;
    /** What the user may do; for hosts there is nothing to it. */
    readonly permissions: Permissions;
  }
  | {
    readonly accepted: false;
    /** Why, for logs: it is not for the other end. */
    readonly reason: string;
  };

/**
 * Decides whether a certificate holds: whether a trusted authority has signed it, for this role and
 * name, for now, and with no condition that is unknown or not met.
 *
 * It does not tell who holds the key: that is proven by a signature.
 *
 * As with OpenSSH since 10.3, a certificate without principals is for nobody, and not for everybody.
 *
 * @example
 * ```ts
 * import { generateKey, issueCertificate, verifyCertificate } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const [ca, key] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * const certificate = await issueCertificate({
 *   key: key.publicKey,
 *   ca,
 *   role: "user",
 *   keyId: "ada's laptop",
 *   principals: ["ada"],
 *   validBefore: new Date(Date.now() + 3_600_000),
 * });
 * const expected = { role: "user", trustedCas: [ca.publicKey] } as const;
 * const verdict = await verifyCertificate(certificate, { ...expected, principals: "ada" });
 * assert.equal(verdict.accepted, true);
 * assert.deepEqual(await verifyCertificate(certificate, { ...expected, principals: "bob" }), {
 *   accepted: false,
 *   reason: "it is for ada, and not for bob",
 * });
 * ```
 */
export async function verifyCertificate(
  certificate: Certificate,
  expectation: CertificateExpectation,
): Promise<CertificateVerdict> {
  const reason = await whyNotTrusted(certificate, expectation) ??
    whyNotFor(certificate, expectation) ??
    whyNotNow(certificate, expectation);
  if (reason !== null) return { accepted: false, reason };
  return obey(certificate, expectation);
}

async function whyNotTrusted(
  certificate: Certificate,
  { trustedCas, revoked = [], signatureAlgorithms = supportedSignatures }: CertificateExpectation,
): Promise<string | null> {
  const { ca, signatureAlgorithm } = certificate;
  if (!trustedCas.some((trusted) => samePublicKey(trusted, ca))) {
    return "its authority is not trusted";
  }
  if (!signatureAlgorithms.includes(signatureAlgorithm)) {
    return `its authority signed with ${signatureAlgorithm}, which is not allowed`;
  }
  if (!(await certificate.isSigned())) return "its authority's signature is wrong";
  if (await isRevoked(revoked, ca)) return "its authority has been revoked";
  if (await isRevoked(revoked, certificate) || await isRevoked(revoked, certificate.publicKey)) {
    return "it has been revoked";
  }
  return null;
}

/** Whether a key, or the key of a certificate, is among those that have been revoked. */
export async function isRevoked(revoked: Revocation, key: PublicKey): Promise<boolean> {
  // What is not a clear no is none.
  if (typeof revoked === "function") return await revoked(key) !== false;
  if ("isRevoked" in revoked) return await revoked.isRevoked(key) !== false;
  return revoked.some((one) => samePublicKey(one, key) || samePublicKey(one, plainKey(key)));
}

function whyNotFor(
  { role, principals }: Certificate,
  expected: CertificateExpectation,
): string | null {
  if (role !== expected.role) return `it is a ${role}'s certificate, not a ${expected.role}'s`;
  if (principals.length === 0) return "it is for nobody: it has no principals";
  const names = [expected.principals].flat();
  const isFor = (name: string): boolean =>
    role === "host"
      ? principals.some((pattern) => matchesPattern(name.toLowerCase(), pattern.toLowerCase()))
      : principals.includes(name);
  if (names.some(isFor)) return null;
  const [theirs, ours] = [principals, names].map((list) => printable(list.join(", ")));
  return `it is for ${theirs}, and not for ${ours}`;
}

function whyNotNow(
  { validAfter, validBefore }: Certificate,
  { now = Date.now }: CertificateExpectation,
): string | null {
  const time = now();
  if (validAfter !== null && !(time >= validAfter.getTime())) {
    return `it is not valid before ${validAfter.toISOString()}`;
  }
  if (validBefore !== null && !(time < validBefore.getTime())) {
    return `it was valid before ${validBefore.toISOString()}`;
  }
  return null;
}

/** Extensions of users' certificates, by what they allow. */
const RIGHTS = {
  pty: "permit-pty",
  portForwarding: "permit-port-forwarding",
  agentForwarding: "permit-agent-forwarding",
  x11Forwarding: "permit-X11-forwarding",
  userRc: "permit-user-rc",
} as const;

/** Critical options that say how a user may log in. */
const OF_LOGINS: readonly string[] = ["force-command", "source-address"];

/** Checks the options, and makes permissions of them. */
function obey(
  { role, criticalOptions, extensions }: Certificate,
  { address = null, use = "login" }: CertificateExpectation,
): CertificateVerdict {
  const refused = (reason: string): CertificateVerdict => ({ accepted: false, reason });
  if (role === "host") {
    const [name] = criticalOptions.keys();
    // None is defined for hosts, and what is not known has to be refused.
    return name === undefined ? { accepted: true, permissions: {} } : refused(unknownOption(name));
  }
  let forceCommand: string | undefined;
  let verifyRequired = false;
  try {
    for (const [name, data] of criticalOptions) {
      if (use === "message" && OF_LOGINS.includes(name)) continue;
      switch (name) {
        case "force-command":
          forceCommand = readText(name, data);
          break;
        case "source-address": {
          const why = whyNotFrom(address, readText(name, data));
          if (why !== null) return refused(why);
          break;
        }
        case "verify-required":
          readFlag(name, data);
          verifyRequired = true;
          break;
        default:
          return refused(unknownOption(name));
      }
    }
    for (const [name, data] of extensions) {
      if (isFlag(name)) readFlag(name, data);
    }
  } catch (error) {
    if (error instanceof KeyFormatError) return refused(error.message);
    throw error;
  }
  const rights = Object.entries(RIGHTS).map(([right, name]) => [right, extensions.has(name)]);
  const permissions: Permissions = {
    ...(forceCommand !== undefined && { forceCommand }),
    ...Object.fromEntries(rights),
    ...(extensions.has("no-touch-required") && { touchRequired: false }),
    ...(verifyRequired && { verifyRequired }),
  };
  return { accepted: true, permissions };
}

/** Whether an extension is one whose value has to be empty. */
function isFlag(name: string): boolean {
  return name === "no-touch-required" || Object.values<string>(RIGHTS).includes(name);
}

function unknownOption(name: string): string {
  return `its critical option ${printable(name)} is not known`;
}

function whyNotFrom(address: string | null, allowed: string): string | null {
  const networks = parseNetworkList(allowed);
  if (networks === null) {
    return `its source-address ${printable(JSON.stringify(allowed))} is not a list of networks`;
  }
  if (address === null) return "it is bound to an address, and the user's is not known";
  // The zone of a link-local address says which of our own interfaces it is (RFC 4007 section 11).
  const bytes = parseAddress(address.replace(/%.*$/, ""));
  if (bytes !== null && networks.some((network) => isInNetwork(bytes, network))) return null;
  return `it is for ${printable(allowed)}, and not for ${printable(address)}`;
}

function readText(name: string, data: Uint8Array): string {
  const reader = new Reader(data, `certificate's ${name}`, KeyFormatError);
  const text = reader.text("value");
  reader.end();
  if (text.includes("\0")) throw reader.error("there is a NUL in it");
  return text;
}

function readFlag(name: string, data: Uint8Array): void {
  new Reader(data, `certificate's ${name}`, KeyFormatError).end();
}
