/**
 * Patterns of names, as OpenSSH's files have them: `ssh_config(5)`, "PATTERNS".
 *
 * @module
 */

/** What a list of patterns says of a name. */
export type PatternVerdict =
  /** A pattern matches it, and none with `!` does. */
  | "match"
  /** A pattern with `!` matches it: the others do not count. */
  | "negated"
  /** None matches it. */
  | "none";

/**
 * Whether a pattern matches the whole of a text: `*` stands for any characters, also none, and `?`
 * for one. All others stand for themselves, and their case counts.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  /** Where to go on if what follows the last `*` turns out not to match. */
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    const wanted = pattern[next];
    if (wanted === "*") {
      star = next++;
      resume = at;
    } else if (wanted === "?" || wanted === text[at]) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[next] === "*") next++;
  return next === pattern.length;
}

/**
 * What patterns with commas between them say of a name. One that begins with `!` rules out what it
 * matches, wherever it stands; a list of only such ones matches nothing.
 */
export function matchPatternList(text: string, list: string): PatternVerdict {
  let verdict: PatternVerdict = "none";
  for (const item of list.split(",")) {
    if (item.startsWith("!")) {
      if (matchesPattern(text, item.slice(1))) return "negated";
    } else if (matchesPattern(text, item)) {
      verdict = "match";
    }
  }
  return verdict;
}
