/**
 * A database of users: who they are, and what they prove it with.
 *
 * @module
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { platformRandom } from "../crypto/random.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { parsePublicKeyLine } from "../keys/public_key.ts";
import type { PublicKey } from "../keys/types.ts";
import type { AuthDecision } from "../protocol/auth/decision.ts";
import type { AuthAttempt } from "../protocol/auth/server.ts";
import type { Authenticate } from "./serve_options.ts";

/** The methods that users of a database can prove themselves by. */
export type UserMethod = "publickey" | "password" | "keyboard-interactive";

/** A user, and what is needed of them. */
export interface User {
  /** The password, or what `verifyPassword` makes of it; without one no password is accepted. */
  readonly password?: string | undefined;
  /** The keys that let the user in, as keys or as lines of `.pub` files. */
  readonly keys?: readonly (PublicKey | string)[] | undefined;
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
export interface UserOptions {
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
}

/**
 * Makes an `authenticate` of users. The method `none` is always refused; keyboard-interactive asks
 * for the password.
 *
 * Whether a user exists does not show in the time that is taken: all comparisons are made for users
 * who do not exist too, and take as long for whatever is compared. What a lookup function takes is
 * its own; `authFailureDelayMs` evens that out.
 *
 * @throws {TypeError} If a user of a table has an empty password.
 * @throws {KeyFormatError} If a key of a table cannot be read.
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

  async function checkPassword(user: User | null, password: string): Promise<boolean> {
    const known = user?.password || null;
    const right = await verify(password, known ?? standIn);
    return right === true && known !== null;
  }

  async function check(attempt: AuthAttempt, user: User | null): Promise<boolean> {
    switch (attempt.method) {
      case "publickey":
        return hasKey(user, attempt.key);
      case "password": {
        const right = await checkPassword(user, attempt.password);
        // Nothing here could change it.
        return right && attempt.newPassword === null;
      }
      case "keyboard-interactive": {
        const prompts = [{ prompt: options.prompt ?? "Password: ", echo: false }];
        const [password = ""] = await attempt.ask({ name: "", instruction: "", prompts });
        return await checkPassword(user, password);
      }
    }
    return false;
  }

  return async (attempt) => {
    const user = await find(attempt.user) ?? null;
    return await check(attempt, user) ? decide(attempt, user) : false;
  };
}

/** What a method that has succeeded comes to. */
function decide(attempt: AuthAttempt, user: User | null): AuthDecision {
  const required: readonly string[] | undefined = user?.require;
  if (required === undefined) return true;
  // Only what was accepted before counts, in its order: a method cannot be skipped.
  const done = attempt.accepted.length;
  if (required[done] !== attempt.method) return false;
  const next = required[done + 1];
  return next === undefined ? true : { partial: [next] };
}

function readTable(
  users: Readonly<Record<string, User>> | ReadonlyMap<string, User>,
): Map<string, User> {
  const entries = users instanceof Map ? [...users] : Object.entries(users);
  return new Map(entries.map(([name, user]: [string, User]) => {
    if (user.password === "") {
      throw new TypeError(`Cannot use the user ${JSON.stringify(name)}: the password is empty`);
    }
    return [name, { ...user, keys: user.keys?.map(readKey) }];
  }));
}

function readKey(key: PublicKey | string): PublicKey {
  return typeof key === "string" ? parsePublicKeyLine(key) : key;
}

const NO_KEY = new Uint8Array(0);

function hasKey(user: User | null, key: PublicKey): boolean {
  const keys = user?.keys ?? [];
  const blobs = keys.length > 0 ? keys.map((known) => readKey(known).blob) : [NO_KEY];
  // All are compared, whichever is right.
  return blobs.filter((blob) => sameBytes(blob, key.blob)).length > 0;
}

function samePassword(password: string, stored: string): boolean {
  const encoder = new TextEncoder();
  return sameBytes(encoder.encode(password), encoder.encode(stored));
}

/** Compares hashes, so that the time tells nothing of the lengths either. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const key = platformRandom(32);
  return timingSafeEqual(hmac(sha256, key, a), hmac(sha256, key, b));
}
