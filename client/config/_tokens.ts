/**
 * What stands for something else in arguments: `ssh_config(5)`, "TOKENS" and "ENVIRONMENT
 * VARIABLES".
 *
 * @module
 */

import { quoted } from "./config_error.ts";
import type { Statement } from "./_statements.ts";

/** What tokens stand for, by their letter; or what is wrong with that. */
export type TokenValues = Readonly<Record<string, string | { readonly problem: string }>>;

/** The environment's variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Puts in what `%` and a letter stand for, and environment variables for `${NAME}`. What has been
 * put in is not looked into.
 *
 * @param variables Null if `${` stands for itself.
 * @throws {ConfigError} If a token is not among the values, its value is not known, or a variable
 * is not set.
 */
export function expandTokens(
  text: string,
  values: TokenValues,
  statement: Statement,
  variables: Variables | null = null,
): string {
  const pattern = variables === null ? /%(.?)/gsu : /%(.?)|\$\{([^}]*)(\}?)/gsu;
  return text.replace(pattern, (_, letter?: string, name?: string, end?: string) => {
    if (letter !== undefined) return tokenValue(letter, values, statement);
    return variableValue(name ?? "", end === "}", variables ?? {}, statement);
  });
}

function tokenValue(letter: string, values: TokenValues, statement: Statement): string {
  if (letter === "%") return "%";
  const value = Object.hasOwn(values, letter) ? values[letter] : undefined;
  if (typeof value === "string") return value;
  if (value !== undefined) {
    throw statement.refuse(`has %${letter}, which ${value.problem}`);
  }
  const known = ["%%", ...Object.keys(values).map((name) => `%${name}`)].join(" ");
  throw statement.refuse(`has the token ${quoted(`%${letter}`)}; it can have ${known}`);
}

function variableValue(
  name: string,
  isClosed: boolean,
  variables: Variables,
  statement: Statement,
): string {
  if (!isClosed) throw statement.refuse(`has ${quoted(`\${${name}`)}, which does not end`);
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (value !== undefined) return value;
  throw statement.refuse(`has the environment variable ${quoted(name)}, which is not set`);
}

/** Puts the home directory for a `~` that is the first part of a path, if it is known. */
export function expandHome(path: string, homeDirectory: string | undefined): string {
  if (homeDirectory === undefined || !/^~(?:\/|$)/.test(path)) return path;
  return `${homeDirectory.replace(/\/$/, "")}${path.slice(1)}`;
}
