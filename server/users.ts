/**
 * A database of users: who they are, and what they prove it with.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { sha256 } from "../crypto/hashes.ts";
import { platformRandom } from "../crypto/random.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { authorize, type AuthorizedKeys, authorizedKeys } from "../keys/authorize.ts";
import { Certificate } from "../keys/certificate.ts";
import type { Permissions } from "../keys/permissions.ts";
import type { PublicKey } from "../keys/types.ts";
import type { AuthDecision } from "../protocol/auth/decision.ts";
import { EMPTY } from "../wire/empty.ts";
import { Writer } from "../wire/writer.ts";
import type { Authenticate, ServerAuthAttempt } from "./serve_options.ts";
import {
  type KeyAttempt,
  keyJudge,
  readKey,
  type UserCertificateOptions,
} from "./user_certificates.ts";

/** The methods that users of a database can prove themselves by. */
export type UserMethod = "publickey" | "password" | "keyboard-interactive";

/** A user, and what is needed of them. */
export interface User {
  /** The password, or what `verifyPassword` makes of it; without one no password is accepted. */
  readonly password?: string | undefined;
  /** The keys that let the user in, as keys or as lines of `.pub` files. */
  readonly keys?: readonly (PublicKey | string)[] | undefined;
  /**
   * A file of authorized keys that let the user in, `~/.ssh/authorized_keys`: its text, or what
   * `authorizedKeys` has read of it. The options of the line that lets in are obeyed; lines that
   * are not as they should be let nobody in.
   */
  readonly authorizedKeys?: string | AuthorizedKeys | undefined;
  /**
   * The names of which a certificate has to have one to let the user in: the user's own, unless
   * given.
   */
  readonly principals?: readonly string[] | undefined;
  /**
   * The methods that all have to succeed, in this order; unless given, any one of them will do.
   * Others are then refused.
   */
  readonly require?: readonly UserMethod[] | undefined;
}

/**
 * Users by their names, or a function that finds one. The function is called for each attempt; if
 * it throws, the connection ends.
 */
export type Users =
  | Readonly<Record<string, User>>
  | ReadonlyMap<string, User>
  | ((name: string) => MaybePromise<User | null | undefined>);

/** What goes with {@linkcode authenticateUsers}. */
export interface UserOptions extends UserCertificateOptions {
  /**
   * Whether a password is what a {@linkcode User.password} stands for, where that is a hash such
   * as bcrypt's; unless given, the two have to be equal.
   */
  readonly verifyPassword?: (password: string, stored: string) => MaybePromise<boolean>;
  /**
   * What `verifyPassword` is given for users who do not exist or have no password, so that it
   * takes as long for them; its answer does not count. A stored password of any user will do, and
   * the first one of a table is taken unless this is given.
   */
  readonly standIn?: string;
  /** The question that keyboard-interactive asks: `Password: `, unless given. */
  readonly prompt?: string;
  /** Told why an authorized key has not let a user in, line by line: for logs. */
  readonly onKeyRefused?: ((reasons: readonly string[], attempt: KeyAttempt) => void) | undefined;
}

/**
 * Makes an `authenticate` of users. The method `none` is always refused; keyboard-interactive asks
 * for the password.
 *
 * Whether a user exists does not show in the time that is taken: all comparisons are made for users
 * who do not exist too, and take as long for whatever is compared. What a lookup function takes is
 * its own; `authFailureDelayMs` evens that out.
 *
 * A certificate lets in by its authority, a line of the user's authorized keys or the option
 * `trustedUserCas`, and never as a key of a user's. Its conditions are obeyed, as
 * `verifyCertificate` has them; what it does not allow, the sessions refuse.
 *
 * @throws {TypeError} If a user of a table has an empty password, or an authority's key is a
 * certificate itself.
 * @throws {KeyFormatError} If a key of a table or of the options cannot be read.
 *
 * @example
 * ```ts
 * import { authenticateUsers } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const authenticate = authenticateUsers({ ada: { password: "sesame" } });
 * const peer = { identification: "SSH-2.0-example", address: null };
 * const attempt = { method: "password", newPassword: null, accepted: [], peer } as const;
 * assert.equal(await authenticate({ ...attempt, user: "ada", password: "sesame" }), true);
 * assert.equal(await authenticate({ ...attempt, user: "bob", password: "sesame" }), false);
 * ```
 */
export function authenticateUsers(users: Users, options: UserOptions = {}): Authenticate {
  const table = typeof users === "function" ? null : readTable(users);
  const find = typeof users === "function" ? users : (name: string) => table?.get(name);
  const stored = [...table?.values() ?? []].map(({ password }) => password);
  const standIn = options.standIn ?? stored.find((password) => password !== undefined) ?? "";
  const verify = options.verifyPassword ?? samePassword;
  const judge = keyJudge(options);

  async function checkPassword(user: User | null, password: string): Promise<boolean> {
    const known = user?.password || null;
    const right = await verify(password, known ?? standIn);
    return right === true && known !== null;
  }

  async function checkKey(attempt: KeyAttempt, user: User | null): Promise<Permissions | null> {
    const { key } = attempt;
    if (!(key instanceof Certificate)) {
      const isRevoked = await judge.isRevoked(key);
      if (hasKey(user, key) && !isRevoked) return ANYTHING;
    }
    const authorized = await authorizedPermissions(attempt, user);
    if (authorized !== null || !(key instanceof Certificate)) return authorized;
    const principals = user?.principals ?? [attempt.user];
    const permissions = await judge.permissionsBy(key, attempt, principals);
    return user === null ? null : permissions;
  }

  /** What a user may do by a line of their authorized keys; null if none lets them in. */
  async function authorizedPermissions(
    attempt: KeyAttempt,
    user: User | null,
  ): Promise<Permissions | null> {
    if (user?.authorizedKeys === undefined) return null;
    const answer = await authorize(readAuthorizedKeys(user.authorizedKeys), {
      key: attempt.key,
      user: attempt.user,
      address: attempt.peer.address?.hostname ?? null,
      now: options.now,
      revoked: judge.revoked,
      signatureAlgorithms: options.caSignatureAlgorithms,
    });
    if (answer.accepted) return answer.permissions;
    if (answer.reasons.length > 0) options.onKeyRefused?.(answer.reasons, attempt);
    return null;
  }

  /** What an attempt lets the user do; null if it fails. */
  async function check(attempt: ServerAuthAttempt, user: User | null): Promise<Permissions | null> {
    switch (attempt.method) {
      case "publickey":
        return await checkKey(attempt, user);
      case "password": {
        const right = await checkPassword(user, attempt.password);
        // Nothing here could change it.
        return right && attempt.newPassword === null ? ANYTHING : null;
      }
      case "keyboard-interactive": {
        const prompts = [{ prompt: options.prompt ?? "Password: ", echo: false }];
        const [password = ""] = await attempt.ask({ name: "", instruction: "", prompts });
        return await checkPassword(user, password) ? ANYTHING : null;
      }
    }
    return null;
  }

  return async (attempt) => {
    const user = await find(attempt.user) ?? null;
    const permissions = await check(attempt, user);
    return permissions === null ? false : decide(attempt, user, permissions);
  };
}

/** What a method that has succeeded comes to. */
function decide(
  attempt: ServerAuthAttempt,
  user: User | null,
  permissions: Permissions,
): AuthDecision {
  const accepted = permissions === ANYTHING ? true : { permissions };
  const required: readonly string[] | undefined = user?.require;
  if (required === undefined) return accepted;
  // Only what was accepted before counts, in its order: a method cannot be skipped.
  const done = attempt.accepted.length;
  if (required[done] !== attempt.method) return false;
  const next = required[done + 1];
  if (next === undefined) return accepted;
  return { partial: [next], ...(permissions !== ANYTHING && { permissions }) };
}

function readTable(
  users: Readonly<Record<string, User>> | ReadonlyMap<string, User>,
): Map<string, User> {
  const entries = users instanceof Map ? [...users] : Object.entries(users);
  return new Map(entries.map(([name, user]: [string, User]) => {
    if (user.password === "") {
      throw new TypeError(`Cannot use the user ${JSON.stringify(name)}: the password is empty`);
    }
    const { keys, authorizedKeys } = user;
    return [name, {
      ...user,
      keys: keys?.map(readKey),
      authorizedKeys: authorizedKeys === undefined ? undefined : readAuthorizedKeys(authorizedKeys),
    }];
  }));
}

function readAuthorizedKeys(keys: string | AuthorizedKeys): AuthorizedKeys {
  return typeof keys === "string" ? authorizedKeys(keys) : keys;
}

/** The permissions of whoever comes in by a password or a key. */
const ANYTHING: Permissions = {};

function hasKey(user: User | null, key: PublicKey): boolean {
  const keys = user?.keys ?? [];
  const blobs = keys.length > 0 ? keys.map((known) => readKey(known).blob) : [EMPTY];
  // All are compared, whichever is right.
  return blobs.filter((blob) => sameBytes(blob, key.blob)).length > 0;
}

function samePassword(password: string, stored: string): boolean {
  const encoder = new TextEncoder();
  return sameBytes(encoder.encode(password), encoder.encode(stored));
}

/** Compares hashes, so that the time tells nothing of the lengths either. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const salt = platformRandom(16);
  return timingSafeEqual(saltedHash(salt, a), saltedHash(salt, b));
}

function saltedHash(salt: Uint8Array, bytes: Uint8Array): Uint8Array {
  const writer = new Writer(salt.length + bytes.length);
  return sha256.digest(writer.raw(salt).raw(bytes).finish());
}
