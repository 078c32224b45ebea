/**
 * Authenticating as a configuration says.
 *
 * @module
 */

import type { Signer } from "../../keys/types.ts";
import { type ClientAuthMethod, none } from "../../protocol/auth/client.ts";
import {
  KEYBOARD_INTERACTIVE,
  keyboardInteractive,
} from "../../protocol/auth/keyboard_interactive.ts";
import { PASSWORD, password } from "../../protocol/auth/password.ts";
import { PUBLICKEY, publicKey } from "../../protocol/auth/publickey.ts";
import { authMethodsOf } from "../auth.ts";
import { agentKeys, identitiesOf, type Identity } from "./_identities.ts";
import { type LoginAccess, questionsOf } from "./login_access.ts";
import type { SshConfig } from "./parse_ssh_config.ts";

const USUAL_ORDER = [PUBLICKEY, KEYBOARD_INTERACTIVE, PASSWORD];

/**
 * The methods of authentication that a configuration describes: for `auth` of `connect`.
 *
 * It goes by PreferredAuthentications, PubkeyAuthentication, KbdInteractiveAuthentication and
 * PasswordAuthentication, NumberOfPasswordPrompts and BatchMode; for keys, by IdentityFile,
 * CertificateFile, IdentitiesOnly, IdentityAgent, PubkeyAcceptedAlgorithms and RequiredRSASize.
 * First `none` is tried, which tells what the server would take. Files are read, and the agent is
 * connected to, when a key is wanted; a passphrase is asked for when the server has said that it
 * would take the key. `hostbased` is the caller's to add.
 *
 * @returns The methods, in the order in which they are tried.
 *
 * @example
 * ```ts
 * import { authOf, parseSshConfig } from "@sshflow/ssh/client";
 * import { formatPrivateKey, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const file = await formatPrivateKey(await generateKey("ed25519"));
 * const config = await parseSshConfig("IdentityFile /id", { host: "db" });
 * const methods = authOf(config, {
 *   files: { read: (path) => path === "/id" ? file : null },
 *   ask: { password: () => "sesame" },
 * });
 * const names = methods.map(({ name }) => name);
 * assert.deepEqual(names, ["none", "publickey", "keyboard-interactive", "password"]);
 * ```
 */
export function authOf(
  config: SshConfig,
  access: LoginAccess = {},
): readonly ClientAuthMethod[] {
  const names = config.preferredAuthentications ?? USUAL_ORDER;
  const methods = [
    ...(config.pubkeyAuthentication === "no" ? [] : [keysMethod(config, access)]),
    ...askingMethods(config, access),
  ];
  return [none(), ...names.flatMap((name) => methods.filter((method) => method.name === name))];
}

/** Stands for a method for each key, once they are known. */
function keysMethod(config: SshConfig, access: LoginAccess): ClientAuthMethod {
  return {
    name: PUBLICKEY,
    async authenticate(context) {
      const held = await agentKeys(config, access, context);
      const identities = await identitiesOf(config, access, held);
      if (identities.length === 0) return { outcome: "skipped", why: "there are no keys" };
      return { outcome: "replaced", by: identities.map(keyMethod) };
    },
  };
}

function keyMethod(identity: Identity): ClientAuthMethod {
  if (typeof identity !== "function") return publicKey(identity, { probe: true });
  return {
    name: PUBLICKEY,
    async authenticate(context) {
      let signer: Signer;
      try {
        signer = await identity();
      } catch (error) {
        return { outcome: "skipped", why: error instanceof Error ? error.message : String(error) };
      }
      return await publicKey(signer).authenticate(context);
    },
  };
}

/** What the user is asked for, as often as they are. */
function askingMethods(config: SshConfig, access: LoginAccess): readonly ClientAuthMethod[] {
  const { numberOfPasswordPrompts: limit } = config;
  const ask = questionsOf(config, access);
  const methods: ClientAuthMethod[] = [];
  let asked = 0;
  const secret = async () => asked++ < limit ? await ask.password?.(config) ?? null : null;
  if (ask.answers !== undefined) {
    let hasDeclined = false;
    const respond = keyboardInteractive(async (challenge) => {
      const answers = hasDeclined ? null : await ask.answers?.(challenge, config) ?? null;
      hasDeclined = answers === null;
      return answers;
    });
    const once: ClientAuthMethod["authenticate"] = (context) =>
      hasDeclined
        ? Promise.resolve({ outcome: "skipped", why: "no answers were given" })
        : respond.authenticate(context);
    // Each time it is a method of its own: one that failed is not tried again.
    methods.push(
      ...Array.from({ length: limit }, () => ({ name: KEYBOARD_INTERACTIVE, authenticate: once })),
    );
    if (ask.password !== undefined) methods.push(password(secret));
  } else if (ask.password !== undefined) {
    methods.push(...authMethodsOf({ password: secret }));
  }
  return methods.filter(({ name }) =>
    name === PASSWORD ? config.passwordAuthentication : config.kbdInteractiveAuthentication
  );
}
