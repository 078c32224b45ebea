/**
 * The words of a line, which `ssh_config(5)` cuts in two ways: a keyword and the criteria of Match
 * in the older one, all other arguments in one that is like a shell's.
 *
 * @module
 */

/** A word, and where the text goes on; null where it does not. */
export interface DelimitedWord {
  readonly word: string;
  readonly next: number | null;
}

/** What stands between a keyword and its argument. */
export function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\r" || character === "\n";
}

/**
 * Takes a word that ends at white space or at an equals sign, of which one is skipped with the
 * white space around it. What stands in double quotes is not looked into.
 *
 * @returns Null if a quote is not closed.
 */
export function takeDelimited(text: string, start: number): DelimitedWord | null {
  let at = start;
  while (at < text.length && !isBlank(text[at]) && text[at] !== "=" && text[at] !== '"') at++;
  if (at >= text.length) return { word: text.slice(start), next: null };
  if (text[at] === '"') {
    const close = text.indexOf('"', at + 1);
    if (close === -1) return null;
    return {
      word: text.slice(start, at) + text.slice(at + 1, close),
      next: skipBlanks(text, close + 1),
    };
  }
  const isEquals = text[at] === "=";
  const next = skipBlanks(text, at + 1);
  if (isEquals || text[next] !== "=") return { word: text.slice(start, at), next };
  return { word: text.slice(start, at), next: skipBlanks(text, next + 1) };
}

/** The first character from `at` on that is no white space. */
export function skipBlanks(text: string, at: number): number {
  while (isBlank(text[at])) at++;
  return at;
}

/**
 * Cuts arguments: spaces and tabs stand between them, quotes of either kind hold one together, a
 * backslash makes a quote, a backslash or a space outside of quotes stand for itself, and a `#`
 * where an argument would begin ends them.
 *
 * @returns Null if a quote is not closed.
 */
export function splitArguments(text: string): string[] | null {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (text[at] === " " || text[at] === "\t") at++;
    if (at >= text.length || text[at] === "#") return words;
    let word = "";
    let quote = "";
    for (; at < text.length; at++) {
      const character = text[at] ?? "";
      if (character === "\\" && isEscaped(text[at + 1], quote)) word += text[++at];
      else if (quote === "" && (character === " " || character === "\t")) break;
      else if (quote === "" && (character === '"' || character === "'")) quote = character;
      else if (character === quote) quote = "";
      else word += character;
    }
    if (quote !== "") return null;
    words.push(word);
  }
}

function isEscaped(character: string | undefined, quote: string): boolean {
  return character === '"' || character === "'" || character === "\\" ||
    (character === " " && quote === "");
}
