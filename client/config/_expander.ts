/**
 * Expanding what a configuration says.
 *
 * @module
 */

import type { SshConfigContext } from "./context.ts";
import type { Forward, ForwardEnd, ForwardSource } from "./forwards.ts";
import type { JumpHost } from "./jump_hosts.ts";
import type { ConfigReader } from "./_reader.ts";
import type { Statement } from "./_statements.ts";
import { expandHome, expandTokens, type TokenValues } from "./_tokens.ts";
import { PROXY_TOKENS, someTokens } from "./_tokens_of.ts";

type TextOption =
  | "proxyCommand"
  | "remoteCommand"
  | "revokedHostKeys"
  | "identityAgent"
  | "forwardAgent";

/** Expands options, and says where they stand if that cannot be done. */
export class Expander {
  /** What has been read. */
  readonly reader: ConfigReader;
  readonly #context: SshConfigContext;
  readonly #tokens: TokenValues;

  constructor(reader: ConfigReader, context: SshConfigContext, tokens: TokenValues) {
    this.reader = reader;
    this.#context = context;
    this.#tokens = tokens;
  }

  /** A command, in which only tokens are expanded: a shell is to see the rest. */
  command(name: TextOption, tokens: TokenValues): string | undefined {
    const given = this.#given(name);
    return given && expandTokens(given.text, tokens, given.statement);
  }

  /** A path in which nothing but the home directory is expanded. */
  plainPath(name: TextOption): string | undefined {
    const given = this.#given(name);
    return given && expandHome(given.text, this.#context.homeDirectory);
  }

  /** A path. */
  path(name: TextOption): string | undefined {
    const given = this.#given(name);
    return given && this.#expandPath(given.text, given.statement);
  }

  /** Paths of a line; undefined if there is none. */
  paths(name: "userKnownHostsFile"): string[] | undefined {
    const statement = this.reader.places.get(name);
    if (statement === undefined) return undefined;
    return unlessNone(this.reader.first[name] ?? [])
      .map((path) => this.#expandPath(path, statement));
  }

  /** Paths of many lines; undefined if there is none. */
  collectedPaths(name: "identityFile" | "certificateFile"): string[] | undefined {
    const collection = this.reader.collected[name];
    if (collection.size === 0) return undefined;
    return [...collection.values()]
      .filter(({ value }) => !isNone(value))
      .map(({ value, statement }) => this.#expandPath(value, statement));
  }

  /** Forwardings, whose sockets have paths. */
  forwards(name: "localForward" | "remoteForward" | "dynamicForward"): Forward[] {
    return Array.from(this.reader.collected[name].values(), ({ value, statement }) => ({
      listen: this.#expandEnd(value.listen, statement),
      connect: value.connect && this.#expandEnd(value.connect, statement),
    }));
  }

  /** Hosts on the way. */
  jumpHosts(hosts: readonly JumpHost[]): JumpHost[] {
    const statement = this.reader.places.get("proxyJump");
    if (statement === undefined) return [];
    const tokens = someTokens(this.#tokens, PROXY_TOKENS);
    return hosts.map(({ hostname, user, ...port }) => ({
      hostname: expandTokens(hostname, tokens, statement),
      ...(user !== undefined && { user: expandTokens(user, tokens, statement) }),
      ...port,
    }));
  }

  #expandEnd<End extends ForwardEnd | ForwardSource>(end: End, statement: Statement): End {
    if (!("path" in end)) return end;
    return { ...end, path: this.#expandPath(end.path, statement) };
  }

  #expandPath(path: string, statement: Statement): string {
    const { homeDirectory, env = {} } = this.#context;
    // What is expanded into the path is no further path to be expanded.
    const start = expandHome("~", homeDirectory);
    const isInHome = start !== "~" && (path === "~" || path.startsWith("~/"));
    const rest = isInHome ? path.slice(1) : path;
    return (isInHome ? start : "") + expandTokens(rest, this.#tokens, statement, env);
  }

  #given(name: TextOption): { text: string; statement: Statement } | undefined {
    const [text, statement] = [this.reader.first[name], this.reader.places.get(name)];
    if (typeof text !== "string" || statement === undefined || isNone(text)) return undefined;
    return { text, statement };
  }
}

/** The words, of which `none` alone says that there are none. */
export function unlessNone(words: readonly string[]): readonly string[] {
  const [only = ""] = words;
  return words.length === 1 && isNone(only) ? [] : words;
}

/** Whether a text says that there is nothing. */
export function isNone(text: string): boolean {
  return text.toLowerCase() === "none";
}
