/**
 * How a client authenticates, in the forms that users give it in.
 *
 * @module
 */

import type { MaybePromise } from "../crypto/types.ts";
import { Certificate } from "../keys/certificate.ts";
import { parsePublicKeyLine } from "../keys/public_key.ts";
import type { Signer } from "../keys/types.ts";
import { withCertificate } from "../keys/with_certificate.ts";
import type { ClientAuthMethod } from "../protocol/auth/client.ts";
import {
  KEYBOARD_INTERACTIVE,
  keyboardInteractive,
} from "../protocol/auth/keyboard_interactive.ts";
import { PASSWORD, password } from "../protocol/auth/password.ts";
import { publicKey } from "../protocol/auth/publickey.ts";

/** What a user has to show; at least one of them. */
export interface Credentials {
  /** A key, in memory or wherever it can sign. It is tried first. */
  readonly privateKey?: Signer;
  /**
   * A certificate of the key, or the line of its `-cert.pub` file. It is shown first, and then the
   * key without it.
   */
  readonly certificate?: Certificate | string;
  /**
   * A password, or a function that asks for it and gives null to stop. It also answers the one
   * hidden question that servers ask which know passwords by the name of keyboard-interactive.
   */
  readonly password?: string | (() => MaybePromise<string | null>);
}

/** How a client authenticates: methods in the order in which they are tried, or credentials. */
export type ClientAuth = readonly ClientAuthMethod[] | Credentials;

/**
 * The methods.
 *
 * @throws {TypeError} If it is neither methods nor credentials, or the certificate is another key's.
 * @throws {KeyFormatError} If the certificate cannot be read.
 */
export function authMethodsOf(auth: ClientAuth): readonly ClientAuthMethod[] {
  if (isMethods(auth)) return auth;
  const methods: ClientAuthMethod[] = [];
  if (auth?.privateKey !== undefined) methods.push(...keyMethods(auth.privateKey, auth));
  if (auth?.password !== undefined) methods.push(...passwordMethods(auth.password));
  if (methods.length > 0) return methods;
  throw new TypeError(
    "Cannot authenticate: auth has to be a list of methods, or have a privateKey or a password",
  );
}

function isMethods(auth: ClientAuth): auth is readonly ClientAuthMethod[] {
  return Array.isArray(auth);
}

function keyMethods(key: Signer, { certificate }: Credentials): readonly ClientAuthMethod[] {
  if (certificate === undefined) return [publicKey(key)];
  const read = typeof certificate === "string" ? parsePublicKeyLine(certificate) : certificate;
  if (!(read instanceof Certificate)) {
    throw new TypeError(`Cannot authenticate: certificate is a key of type ${read.type}`);
  }
  return [publicKey(withCertificate(key, read)), publicKey(key)];
}

/** Both methods by which a password may be asked for; what one refused, the other need not hear. */
function passwordMethods(
  source: string | (() => MaybePromise<string | null>),
): readonly ClientAuthMethod[] {
  const plain = password(source);
  let refused = false;
  let asked = false;
  const answering = keyboardInteractive(async ({ prompts }) => {
    if (prompts.length === 0) return [];
    if (asked || prompts.length > 1 || prompts[0]?.echo !== false) return null;
    asked = true;
    const secret = typeof source === "string" ? source : await source();
    return secret === null ? null : [secret];
  });
  return [
    {
      name: PASSWORD,
      async authenticate(context) {
        const result = await plain.authenticate(context);
        // A server that does not list the method has not looked at the password.
        refused = result.outcome === "failure" && !result.partial &&
          result.remaining.includes(PASSWORD);
        return result;
      },
    },
    {
      name: KEYBOARD_INTERACTIVE,
      authenticate(context) {
        if (!refused) return answering.authenticate(context);
        return Promise.resolve({ outcome: "skipped", why: "the password was refused already" });
      },
    },
  ];
}
