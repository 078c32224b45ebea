/**
 * Authentication by password (RFC 4252 section 8).
 *
 * @module
 */

import type { MaybePromise } from "../../crypto/types.ts";
import { decodePasswordChangeRequest } from "../../wire/auth_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { type ClientAuthMethod, type ClientAuthOutcome, outcomeOf } from "./client.ts";

/** The method's name. */
export const PASSWORD = "password";

/** How often a password, or a new one, is asked for, as with `ssh`. */
const MAX_ATTEMPTS = 3;
/** Longer ones only make the server work. */
const MAX_PASSWORD_BYTES = 1024;

/** Options of {@linkcode password}. */
export interface PasswordOptions {
  /**
   * Gives a new password when the server wants the old one changed; null to leave it. A server
   * that does not like it asks again, up to three times.
   *
   * @param prompt What the server has to say about it.
   */
  readonly change?: (prompt: string) => MaybePromise<string | null>;
}

/**
 * Authenticates with a password.
 *
 * @param source The password, or a function that asks for it, up to three times; it gives null
 *   to stop.
 */
export function password(
  source: string | (() => MaybePromise<string | null>),
  options: PasswordOptions = {},
): ClientAuthMethod {
  return {
    name: PASSWORD,
    async authenticate(context) {
      let last: ClientAuthOutcome = { outcome: "skipped", why: "no password was given" };
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const secret = typeof source === "string" ? source : await source();
        if (secret === null) return last;
        context.request(PASSWORD, new Writer(256).boolean(false).string(secret).finish());
        let reply = await context.reply(Msg.USERAUTH_PASSWD_CHANGEREQ);
        for (let changes = 0; reply[0] === Msg.USERAUTH_PASSWD_CHANGEREQ; changes++) {
          if (changes === MAX_ATTEMPTS) {
            return { outcome: "skipped", why: `the server took none of ${changes} new passwords` };
          }
          const fresh = await options.change?.(decodePasswordChangeRequest(reply)) ?? null;
          if (fresh === null) {
            return { outcome: "skipped", why: "the password has expired and was not changed" };
          }
          const fields = new Writer(256).boolean(true).string(secret).string(fresh).finish();
          context.request(PASSWORD, fields);
          reply = await context.reply(Msg.USERAUTH_PASSWD_CHANGEREQ);
        }
        last = outcomeOf(reply);
        const again = last.outcome === "failure" && !last.partial &&
          last.remaining.includes(PASSWORD) && typeof source === "function";
        if (!again) return last;
      }
      return last;
    },
  };
}

/** Reads what a password request adds. */
export function readPasswordRequest(
  fields: Uint8Array,
): { password: string; newPassword: string | null } {
  const reader = new Reader(fields, "a password authentication request");
  const change = reader.boolean("whether it is changed");
  const secret = reader.text("password", MAX_PASSWORD_BYTES);
  const newPassword = change ? reader.text("new password", MAX_PASSWORD_BYTES) : null;
  reader.end();
  return { password: secret, newPassword };
}
