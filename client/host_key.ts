/**
 * Making sure that the server is the right one, before anything secret is sent to it.
 *
 * @module
 */

import type { MaybePromise } from "../crypto/types.ts";
import {
  authenticatorOf,
  describeKey,
  fingerprint,
  type HostKeyContext,
  type HostKeyVerifier,
  plainKey,
} from "../keys/mod.ts";
import { Certificate } from "../keys/certificate.ts";
import { parsePublicKeyLine } from "../keys/public_key.ts";
import type { PublicKey } from "../keys/types.ts";
import { isRevoked, type Revocation } from "../keys/verify_certificate.ts";
import { HostKeyError, type HostKeyStatus, printable } from "../wire/errors.ts";
import type { HostKeyExpectation } from "./algorithms.ts";

/** How the server's host key is judged: exactly one of three ways, which has to be given. */
export type HostKeyOptions =
  & {
    /**
     * Keys that no server may have, whatever else is known of it: such as `parseRevokedKeys` gives,
     * or a function. Certificates of such keys, or by them, are refused too.
     */
    readonly revokedHostKeys?: Revocation | undefined;
  }
  & (
    | {
      /**
       * Says whether the server may have this key, which it has proven to hold. For trust on first
       * use, known hosts, asking the user.
       */
      readonly verifyHostKey: HostKeyVerifier;
      readonly authenticator?: never;
      readonly insecureAcceptAnyHostKey?: never;
    }
    | {
      /** What is known of the key: its fingerprint, the key itself, or whatever `authenticatorOf` takes. */
      readonly authenticator: string | PublicKey | HostKeyVerifier;
      readonly verifyHostKey?: never;
      readonly insecureAcceptAnyHostKey?: never;
    }
    | {
      /** Accepts every key: whoever stands between the two ends can read and change everything. */
      readonly insecureAcceptAnyHostKey: true;
      readonly verifyHostKey?: never;
      readonly authenticator?: never;
    }
  );

/** A judge of host keys that knows something beforehand, and may want to be told more. */
export interface KnownHostsVerifier extends HostKeyVerifier {
  /**
   * Tells what is known of the key that a server will show.
   *
   * @throws {TypeError} If the context has no host name.
   */
  expect(context: HostKeyContext): MaybePromise<HostKeyExpectation>;
  /**
   * Is told of all keys that a server has proven to have, and of the one that it has shown; null if
   * that is not wanted.
   */
  readonly update:
    | ((
      keys: readonly PublicKey[],
      hostKey: PublicKey,
      context: HostKeyContext,
    ) => MaybePromise<void>)
    | null;
}

/** Judges a host key. */
export interface HostKeyJudge extends Pick<KnownHostsVerifier, "expect" | "update"> {
  /** @throws {HostKeyError} If the key is not to be trusted. */
  judge(key: PublicKey, context: HostKeyContext): Promise<void>;
}

/**
 * Makes the judge that the options ask for.
 *
 * @throws {TypeError} If they give no way, or more than one.
 * @throws {KeyFormatError} If the text of `authenticator` cannot be read.
 */
export function hostKeyJudge(options: HostKeyOptions): HostKeyJudge {
  const judge = judgeOf(options);
  const { revokedHostKeys } = options;
  return revokedHostKeys === undefined ? judge : notAmong(revokedHostKeys, judge);
}

function judgeOf(options: HostKeyOptions): HostKeyJudge {
  const { verifyHostKey, authenticator, insecureAcceptAnyHostKey } = options;
  const given = [verifyHostKey, authenticator, insecureAcceptAnyHostKey || undefined]
    .filter((way) => way !== undefined);
  if (given.length !== 1) {
    throw new TypeError(
      `Cannot connect with ${given.length === 0 ? "no" : "more than one"} way to verify the ` +
        `server's host key: give one of verifyHostKey, authenticator, insecureAcceptAnyHostKey`,
    );
  }
  if (insecureAcceptAnyHostKey) {
    const expected = { algorithms: [], certified: false };
    return { expect: () => expected, update: null, judge: () => Promise.resolve() };
  }
  const known = verifyHostKey ?? authenticator;
  const verify = authenticatorOf(known);
  if (typeof verify !== "function") {
    throw new TypeError("Cannot verify the server's host key: verifyHostKey is not a function");
  }
  const expected = typeof known === "function" ? null : expectationOf(known);
  const expectation = {
    algorithms: expected?.key == null ? [] : plainKey(expected.key).algorithms,
    certified: expected === null,
  };
  const remembers = isKnownHosts(verify) ? verify : null;
  return {
    expect: (context) => remembers?.expect(context) ?? expectation,
    update: remembers?.update ?? null,
    judge: async (key, context) => {
      let verdict: boolean;
      try {
        verdict = await verify(key, context);
      } catch (error) {
        if (error instanceof HostKeyError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        throw hostKeyRefusal(key, context, "error", `the check failed: ${why}`, error);
      }
      // What is not a boolean is a mistake of the caller's, and no consent.
      if (verdict === true) return;
      if (expected === null) {
        throw hostKeyRefusal(key, context, "not-known", "that key is not accepted");
      }
      const sameType = expected.key === null ||
        plainKey(expected.key).type === plainKey(key).type;
      const status = sameType ? "known-changed" : "found-other";
      throw hostKeyRefusal(key, context, status, `${expected.text()} was expected`);
    },
  };
}

/** The judge that asks first whether a key has been revoked. */
function notAmong(revoked: Revocation, { expect, update, judge }: HostKeyJudge): HostKeyJudge {
  return {
    expect,
    update: unlessRevoked(revoked, update),
    judge: async (key, context) => {
      await refuseRevoked(revoked, key, context);
      await judge(key, context);
    },
  };
}

/** @throws {HostKeyError} If a key has been revoked, or that cannot be told. */
export async function refuseRevoked(
  revoked: Revocation,
  key: PublicKey,
  context: HostKeyContext,
): Promise<void> {
  let isBad: boolean;
  try {
    isBad = await isRevoked(revoked, key) || key instanceof Certificate &&
        (await isRevoked(revoked, key.publicKey) || await isRevoked(revoked, key.ca));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const what = `whether it has been revoked cannot be told: ${why}`;
    throw hostKeyRefusal(key, context, "error", what, error);
  }
  if (!isBad) return;
  throw hostKeyRefusal(key, context, "revoked", "that key, or its authority's, has been revoked");
}

/** What is told of all keys that a server has, but for those that have been revoked. */
export function unlessRevoked(
  revoked: Revocation,
  update: KnownHostsVerifier["update"],
): KnownHostsVerifier["update"] {
  return update && (async (keys, hostKey, context) => {
    const good: PublicKey[] = [];
    for (const key of keys) if (!(await isRevoked(revoked, key))) good.push(key);
    await update(good, hostKey, context);
  });
}

/** What is expected, for people; and the key itself, if it is known. */
function expectationOf(
  known: string | PublicKey,
): { text: () => string; key: PublicKey | null } {
  if (typeof known === "string") {
    const text = known.trim();
    if (!/\s/.test(text)) return { text: () => printable(text), key: null };
    return expectationOf(parsePublicKeyLine(text));
  }
  return { text: () => `${describeKey(known).kind} ${fingerprint(known)}`, key: known };
}

/** Whether a judge is one that {@linkcode KnownHostsVerifier} describes. */
function isKnownHosts(verify: HostKeyVerifier): verify is KnownHostsVerifier {
  return "expect" in verify && "update" in verify;
}

/** The error for a key that is refused. */
export function hostKeyRefusal(
  key: PublicKey,
  { hostname, port }: HostKeyContext,
  status: HostKeyStatus,
  why: string,
  cause?: unknown,
): HostKeyError {
  const where = hostname === undefined ? "the server" : printable(hostname);
  const name = hostname === undefined || port === undefined ? where : `${where} port ${port}`;
  return new HostKeyError(
    `Cannot trust ${name}: its host key is ${describeKey(key).kind} ${fingerprint(key)}, ` +
      `and ${why}`,
    { status, key: key.blob, ...(cause === undefined ? {} : { cause }) },
  );
}
