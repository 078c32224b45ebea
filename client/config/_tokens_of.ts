/**
 * What tokens stand for in a configuration.
 *
 * @module
 */

import { sha1 } from "@noble/hashes/legacy.js";
import { quoted } from "./config_error.ts";
import type { SshConfigContext } from "./context.ts";
import type { TokenValues } from "./_tokens.ts";

/** What is connected to. */
export interface Destination {
  readonly hostname: string;
  readonly port: number;
  /** Who logs in, if that is known. */
  readonly user: string | undefined;
  /** The name by which the host key is looked up, if it is not the host's own. */
  readonly hostKeyAlias: string | undefined;
}

/** The tokens of commands that connect. */
export const PROXY_TOKENS = ["h", "n", "p", "r"] as const;

/** The tokens that say what others may have named. */
const FOREIGN_TOKENS = ["h", "k", "n", "r"];

// deno-lint-ignore no-control-regex
const UNSAFE = /^-|[\s"'`$\\;&<>|(){}\u0000-\u001f\u007f]/;

/** The tokens that most options may have. */
export function tokensOf(
  { host, localHostname, localUser, localUserId, homeDirectory }: SshConfigContext,
  { hostname, port, user, hostKeyAlias }: Destination,
): TokenValues {
  const localName = localHostname ?? unknown("localHostname");
  const userName = user ?? unknown("user");
  return {
    C: localHostname === undefined
      ? unknown("localHostname")
      : user === undefined
      ? unknown("user")
      : connectionHash(`${localHostname}${hostname}${port}${user}`),
    d: homeDirectory ?? unknown("homeDirectory"),
    h: hostname,
    i: localUserId === undefined ? unknown("localUserId") : String(localUserId),
    k: hostKeyAlias ?? host,
    L: localHostname?.split(".", 1)[0] ?? localName,
    l: localName,
    n: host,
    p: String(port),
    r: userName,
    u: localUser ?? unknown("localUser"),
  };
}

/** Some of the tokens. */
export function someTokens(values: TokenValues, letters: readonly string[]): TokenValues {
  return Object.fromEntries(Object.entries(values).filter(([letter]) => letters.includes(letter)));
}

/**
 * The tokens of what a shell on this machine runs. The names of hosts and users come from whoever
 * made the link or the repository that is being opened: what a shell would not take for a part of a
 * word is refused, as OpenSSH does since 9.6 (CVE-2023-51385).
 */
export function shellTokens(values: TokenValues): TokenValues {
  return Object.fromEntries(
    Object.entries(values).map(([letter, value]) => [
      letter,
      typeof value === "string" && FOREIGN_TOKENS.includes(letter) && UNSAFE.test(value)
        ? { problem: `has what a shell would not take as it is: ${quoted(value)}` }
        : value,
    ]),
  );
}

function unknown(name: string): { readonly problem: string } {
  return { problem: `is not known: give ${name}` };
}

/** A name for a connection, as short as the paths of sockets have to be: SHA-1 in hexadecimals. */
function connectionHash(text: string): string {
  const hash = sha1(new TextEncoder().encode(text));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
