/**
 * Deciding whether a key lets a user in, by the file of authorized keys, as `sshd` does.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { type KeyFormatError, printable } from "../wire/errors.ts";
import { isFrom } from "./_from.ts";
import { type AuthorizedKeyEntry, parseAuthorizedKeys } from "./authorized_keys.ts";
import { Certificate } from "./certificate.ts";
import type { KeyOptions } from "./key_options.ts";
import { mergePermissions, type Permissions } from "./permissions.ts";
import type { PublicKey } from "./types.ts";
import { isRevoked, type Revocation, verifyCertificate } from "./verify_certificate.ts";

/** Who wants to be let in, and by what. */
export interface AuthorizationRequest {
  /** The key, or a certificate; that it is theirs has been proven, or will be. */
  readonly key: PublicKey;
  /** The name of the user. */
  readonly user: string;
  /** The address, or the name, that they come from; null if that is not known. */
  readonly address: string | null;
  /** The time in milliseconds since 1970: `Date.now`, unless given. */
  readonly now?: (() => number) | undefined;
  /** What has been revoked: nothing, unless given. */
  readonly revoked?: Revocation | undefined;
  /** The algorithms that authorities may have signed with: as with `verifyCertificate`. */
  readonly signatureAlgorithms?: readonly string[] | undefined;
}

/** What became of it. */
export type Authorization =
  | {
    readonly accepted: true;
    /** What the user may do. */
    readonly permissions: Permissions;
    /** The line that lets them in. */
    readonly entry: AuthorizedKeyEntry;
  }
  | {
    readonly accepted: false;
    /** Why, line by line, for logs: it is not for the other end. */
    readonly reasons: readonly string[];
  };

/** The lines of a file of authorized keys. */
export interface AuthorizedKeys {
  /** Those that have keys, in order. */
  readonly entries: readonly AuthorizedKeyEntry[];
  /** What is wrong with others: they let nobody in. */
  readonly problems: readonly KeyFormatError[];
}

/**
 * Reads the text of a file of authorized keys, to be asked by {@linkcode authorize}.
 *
 * @throws {KeyFormatError} If the text is too large to be read.
 */
export function authorizedKeys(text: string): AuthorizedKeys {
  const lines = parseAuthorizedKeys(text);
  return {
    entries: lines.map(({ entry }) => entry).filter((entry) => entry !== null),
    problems: lines.map(({ problem }) => problem).filter((problem) => problem !== null),
  };
}

/**
 * Decides whether a key lets a user in. The first line that does so counts: what it allows is what
 * the user may do. A certificate needs a line with `cert-authority` that has its authority's key,
 * and may do what both allow.
 *
 * @example
 * ```ts
 * import { authorize, authorizedKeys, formatPublicKeyLine, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const { publicKey: key } = await generateKey("ed25519");
 * const keys = authorizedKeys(`from="192.0.2.0/24",no-pty ${formatPublicKeyLine(key)}\n`);
 * const answer = await authorize(keys, { key, user: "ada", address: "192.0.2.7" });
 * assert.deepEqual(answer.accepted && answer.permissions, { pty: false });
 * const other = await authorize(keys, { key, user: "ada", address: "203.0.113.7" });
 * assert.equal(other.accepted, false);
 * ```
 */
export async function authorize(
  keys: AuthorizedKeys,
  request: AuthorizationRequest,
): Promise<Authorization> {
  const { key } = request;
  const wanted = key instanceof Certificate ? key.ca : key;
  const reasons: string[] = [];
  for (const entry of keys.entries) {
    if (!equalBytes(entry.blob, wanted.blob)) continue;
    const verdict = await judge(entry.options, request);
    if (typeof verdict !== "string") return { accepted: true, permissions: verdict, entry };
    reasons.push(`line ${entry.line}: ${verdict}`);
  }
  return { accepted: false, reasons };
}

/** What the options of a key come to, once it has been accepted. */
export function permissionsOfKey(options: KeyOptions): Permissions {
  const { command, environment, permitOpen, permitListen, tunnel } = options;
  const denied = RIGHTS.filter((right) =>
    options[right] === false ||
    (options.restrict === true && options[right] !== true)
  );
  return {
    ...(command !== undefined && { forceCommand: command }),
    ...(environment !== undefined && { environment }),
    ...(permitOpen !== undefined && { permitOpen }),
    ...(permitListen !== undefined && { permitListen }),
    ...(tunnel !== undefined && { tunnel }),
    ...Object.fromEntries(denied.map((right) => [right, false])),
    ...(options.touchRequired === false && { touchRequired: false }),
    ...(options.verifyRequired === true && { verifyRequired: true }),
  };
}

const RIGHTS = ["pty", "portForwarding", "agentForwarding", "x11Forwarding", "userRc"] as const;

/** What the user may do; or why they are not let in by this line. */
async function judge(
  options: KeyOptions,
  request: AuthorizationRequest,
): Promise<Permissions | string> {
  const { key, user, address, now = Date.now, revoked = [] } = request;
  const isCertificate = key instanceof Certificate;
  if (isCertificate !== (options.certAuthority === true)) {
    return isCertificate ? "its key is no authority's" : "its key is an authority's";
  }
  if (!isCertificate && options.principals !== undefined) {
    return "it has principals, and its key is no authority's";
  }
  // What cannot be compared is not within the time.
  if (options.expiryTime !== undefined && !(now() <= options.expiryTime.getTime())) {
    return `it was valid until ${options.expiryTime.toISOString()}`;
  }
  if (options.from !== undefined && !isFrom(options.from, address)) {
    return `it is for ${printable(options.from)}, and not for ${printable(address ?? "nowhere")}`;
  }
  if (await isRevoked(revoked, key)) return "its key has been revoked";
  const permissions = permissionsOfKey(options);
  if (!isCertificate) return permissions;
  const verdict = await verifyCertificate(key, {
    role: "user",
    principals: options.principals ?? user,
    trustedCas: [key.ca],
    now,
    address,
    revoked,
    signatureAlgorithms: request.signatureAlgorithms,
  });
  if (!verdict.accepted) return verdict.reason;
  return mergePermissions(permissions, verdict.permissions) ??
    "the certificate and the line do not agree on the command or a variable";
}
