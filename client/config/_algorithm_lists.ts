/**
 * Lists of algorithms: names and patterns, which may be added to the default ones, taken from them,
 * or put before them.
 *
 * @module
 */

import { matchesPattern } from "../../keys/patterns.ts";
import { quoted } from "./config_error.ts";
import type { Statement } from "./_statements.ts";

/** A list, as a file has it. */
export interface AlgorithmList {
  /** `+` adds, `-` takes away, `^` puts first, and nothing replaces. */
  readonly sign: "+" | "-" | "^" | "";
  /** Names, and patterns of them. */
  readonly items: readonly string[];
}

/** More than anybody knows. */
const MAX_ITEMS = 1000;

/** Reads a list. */
export function readAlgorithmList(statement: Statement): AlgorithmList {
  const text = statement.need();
  const [first = ""] = text;
  const sign = first === "+" || first === "-" || first === "^" ? first : "";
  const items = text.slice(sign.length).split(",").filter((item) => item !== "");
  const isList = items.length > 0 && items.length <= MAX_ITEMS;
  if (!isList || items.some((item) => item.startsWith("!"))) {
    throw statement.refuse(
      `has to be names of algorithms with commas between them, and is ${quoted(text)}`,
    );
  }
  return { sign, items };
}

/**
 * The names that a list stands for. Those that are not supported are left out: other
 * implementations have others.
 *
 * @param supported What there is, in the default order.
 * @throws {ConfigError} If nothing is left.
 */
export function resolveAlgorithms(
  { sign, items }: AlgorithmList,
  supported: readonly string[],
  statement: Statement,
): string[] {
  const named = sign === "-"
    ? supported.filter((name) => !items.some((item) => matchesPattern(name, item)))
    : items.flatMap((item) => supported.filter((name) => matchesPattern(name, item)));
  const all = {
    "": () => named,
    "-": () => named,
    "+": () => [...supported, ...named],
    "^": () => [...named, ...supported],
  }[sign]();
  if (all.length > 0) return [...new Set(all)];
  throw statement.refuse(`leaves no algorithm; supported are ${supported.join(", ")}`);
}
