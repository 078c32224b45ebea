/**
 * The files that people have: `ssh_config(5)`.
 *
 * @module
 */

import type { ConfigFile, SshConfigContext } from "./context.ts";
import { effectiveOptions, fallbackLocal, knownSoFar } from "./_effective.ts";
import { isNone } from "./_expander.ts";
import type { SshConfigOptions } from "./options.ts";
import { ConfigReader } from "./_reader.ts";
import { shellTokens, tokensOf } from "./_tokens_of.ts";

/** What a configuration comes to for one host. */
export interface SshConfig extends SshConfigOptions {
  /** The host, as the user called it. */
  readonly host: string;
  /**
   * Who logs in: that of `user`, `User` and `localUser` which is given first; undefined if none is.
   */
  readonly user?: string;
  /** The names of those options that somebody has set: the others are defaults. */
  readonly given: ReadonlySet<string>;
  /**
   * Further options of `ssh`, which mean nothing here, by their name in lower case: their
   * arguments, of which no tokens are expanded.
   */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads a configuration for a host, as OpenSSH does: of each option the first value counts that
 * stands where lines count for that host. What the caller gives, in `user`, `port` and `options`,
 * counts before that.
 *
 * Nothing is read or run but by the functions that the caller gives. All lines are checked, also
 * those that do not count. It takes the time that the files are long: at most 16 Mi characters in
 * 1000 files, 16 deep.
 *
 * @param text The file; or several, which count one after the other, as the user's and the system's
 * do.
 * @param context The host, and what else a file may ask about.
 * @returns What it comes to.
 * @throws {ConfigError} If a line cannot be read, or asks for what is not given. It names the file
 * and the line.
 *
 * @example
 * ```ts
 * import { connectOptionsOf, parseSshConfig } from "@sshflow/ssh/client";
 * import assert from "node:assert/strict";
 *
 * const text = `
 * Host db
 *   HostName %h.internal.example
 *   User ada
 * Host *.example db
 *   Port 2222
 *   IdentityFile ~/.ssh/%h
 * `;
 * const config = await parseSshConfig(text, { host: "db", homeDirectory: "/home/ada" });
 * assert.deepEqual(config.identityFile, ["/home/ada/.ssh/db.internal.example"]);
 * assert.equal(config.strictHostKeyChecking, "ask");
 * const { user, hostname, port } = connectOptionsOf(config);
 * assert.deepEqual([user, hostname, port], ["ada", "db.internal.example", 2222]);
 * ```
 */
export async function parseSshConfig(
  text: string | readonly ConfigFile[],
  context: SshConfigContext,
): Promise<SshConfig> {
  if (typeof context.host !== "string" || context.host === "") {
    throw new TypeError("Cannot read a configuration: there is no host to read it for");
  }
  const files = typeof text === "string" ? [{ path: context.path ?? "ssh_config", text }] : text;
  const reader: ConfigReader = new ConfigReader(
    context,
    (hostname) => shellTokens(tokensOf(context, knownSoFar(reader, context, hostname))),
  );
  await reader.readOptions(ownOptions(context));
  await reader.readFiles(files);
  let hostname = reader.hostname.toLowerCase();
  const { canonicalizeHostname = "no" } = reader.first;
  if (canonicalizeHostname !== "no") hostname = await canonical(reader, context, hostname);
  if (reader.wantsFinal || canonicalizeHostname !== "no") {
    reader.beginFinal(hostname);
    await reader.readFiles(files);
  }
  return {
    ...effectiveOptions(reader, context, hostname),
    host: context.host,
    given: new Set([
      ...reader.places.keys(),
      ...Object.entries(reader.collected)
        .filter(([, collection]) => collection.size > 0)
        .map(([name]) => name),
    ]),
    others: reader.others,
  };
}

function ownOptions({ user, port, options = [] }: SshConfigContext): string[] {
  return [
    ...(port === undefined ? [] : [`Port=${port}`]),
    ...(user === undefined ? [] : [`User="${escaped(user)}"`]),
    ...options,
  ];
}

/** Quotes what is to be taken for what it is. */
function escaped(text: string): string {
  return text.replace(/["\\]/g, "\\$&");
}

async function canonical(
  reader: ConfigReader,
  context: SshConfigContext,
  hostname: string,
): Promise<string> {
  const { canonicalize } = context;
  const { first } = reader;
  const mode = first.canonicalizeHostname;
  const { proxyCommand = "none", proxyJump = [] } = first;
  const isProxied = !isNone(proxyCommand) || proxyJump.length > 0;
  if (canonicalize === undefined || (isProxied && mode !== "always")) return hostname;
  const found = await canonicalize(hostname, {
    canonicalizeHostname: mode ?? "no",
    canonicalDomains: first.canonicalDomains ?? [],
    canonicalizeMaxDots: first.canonicalizeMaxDots ?? 1,
    canonicalizeFallbackLocal: first.canonicalizeFallbackLocal ?? true,
    proxyJump,
    ...(!isNone(proxyCommand) && { proxyCommand }),
  });
  return found?.toLowerCase() ?? fallbackLocal(reader, hostname);
}
