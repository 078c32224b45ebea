/**
 * Deciding whether a key is one of the signers that are allowed.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { printable } from "../wire/errors.ts";
import type { AllowedSignerEntry, AllowedSignersLine, SignerOptions } from "./allowed_signers.ts";
import { Certificate } from "./certificate.ts";
import { matchesPattern, matchPatternList } from "./patterns.ts";
import type { PublicKey } from "./types.ts";
import { isRevoked, type Revocation, verifyCertificate } from "./verify_certificate.ts";

/** Who is to have signed, what and when. */
export interface SignerExpectation {
  /** The identity; null to have any. */
  readonly identity: string | null;
  /** The namespace of the signature; null to have any. */
  readonly namespace: string | null;
  /** The time in milliseconds since 1970: `Date.now`, unless given. */
  readonly now?: (() => number) | undefined;
  /** What has been revoked: nothing, unless given. */
  readonly revoked?: Revocation | undefined;
}

/** What became of it. */
export type SignerVerdict =
  | {
    readonly accepted: true;
    /** The identities that the line stands for: patterns, but with a certificate its principals. */
    readonly principals: readonly string[];
    /** The line that allows it. */
    readonly entry: AllowedSignerEntry;
  }
  | {
    readonly accepted: false;
    /** Why, line by line, for those that have the key. */
    readonly reasons: readonly string[];
  };

/**
 * Decides whether a key is allowed to sign. The first line that has it, and allows it, counts.
 *
 * A certificate needs a line with `cert-authority` that has its authority's key, and has to hold
 * itself, to sign messages: see `verifyCertificate`.
 *
 * @param lines What {@linkcode parseAllowedSigners} gave.
 */
export async function checkSigner(
  lines: readonly Pick<AllowedSignersLine, "entry">[],
  key: PublicKey,
  expectation: SignerExpectation,
): Promise<SignerVerdict> {
  const wanted = key instanceof Certificate ? key.ca : key;
  const reasons: string[] = [];
  for (const { entry } of lines) {
    if (entry === null || !equalBytes(entry.blob, wanted.blob)) continue;
    const verdict = await judge(entry, key, expectation);
    if (typeof verdict !== "string") return { accepted: true, principals: verdict, entry };
    reasons.push(`line ${entry.line}: ${verdict}`);
  }
  return { accepted: false, reasons };
}

/** The principals of a line that allows a key; or why it does not. */
async function judge(
  { principals, options }: AllowedSignerEntry,
  key: PublicKey,
  expectation: SignerExpectation,
): Promise<readonly string[] | string> {
  const { identity, namespace, now = Date.now, revoked = [] } = expectation;
  if (identity !== null && matchPatternList(identity, principals) !== "match") {
    return `it is for ${printable(principals)}, and not for ${printable(identity)}`;
  }
  const isCertificate = key instanceof Certificate;
  if (isCertificate !== (options.certAuthority === true)) {
    return isCertificate ? "its key is no authority's" : "its key is an authority's";
  }
  if (await isRevoked(revoked, key)) return "its key has been revoked";
  const why = whyNotIn(options, namespace) ?? whyNotAt(options, now());
  if (why !== null) return why;
  const patterns = principals.split(",");
  if (!isCertificate) return patterns;
  const named = identity === null
    ? key.principals.filter((name) => patterns.some((pattern) => matchesPattern(name, pattern)))
    : [identity];
  const verdict = await verifyCertificate(key, {
    role: "user",
    principals: named,
    use: "message",
    trustedCas: [key.ca],
    now,
    revoked,
  });
  return verdict.accepted ? named : verdict.reason;
}

function whyNotIn({ namespaces }: SignerOptions, namespace: string | null): string | null {
  if (namespaces === undefined || namespace === null) return null;
  if (matchPatternList(namespace, namespaces) === "match") return null;
  return `it is for the namespaces ${printable(namespaces)}, and not for ${printable(namespace)}`;
}

/** The limits count to the second, and are both within the time. */
function whyNotAt({ validAfter, validBefore }: SignerOptions, time: number): string | null {
  const second = Math.floor(time / 1000) * 1000;
  if (validAfter !== undefined && !(second >= validAfter.getTime())) {
    return `it is not valid before ${validAfter.toISOString()}`;
  }
  if (validBefore !== undefined && !(second <= validBefore.getTime())) {
    return `it was valid until ${validBefore.toISOString()}`;
  }
  return null;
}
