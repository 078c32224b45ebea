/**
 * Whether the lines that follow count: Host and Match.
 *
 * @module
 */

import type { MaybePromise } from "../../crypto/types.ts";
import { matchesPattern, matchPatternList } from "../../keys/patterns.ts";
import { quoted } from "./config_error.ts";
import type { Statement } from "./_statements.ts";
import { oneOf } from "./_values.ts";
import { takeDelimited } from "./_words.ts";

/** What criteria are compared with. */
export interface MatchSubject {
  /** The host's name, as far as it is known by now. */
  readonly host: string;
  /** The host's name, as the user gave it. */
  readonly originalHost: string;
  /** Who logs in; null if nobody says. */
  readonly user: string | null;
  /** Who is here; null if nobody says. */
  readonly localUser: string | null;
  /** Whether the files are read for the second time. */
  readonly isFinal: boolean;
  /** Runs a command, whose tokens are not expanded yet. */
  exec(command: string, statement: Statement): MaybePromise<boolean>;
  /** Told that somebody wants a second time. */
  wantFinal(): void;
}

const CRITERIA = [
  "all",
  "canonical",
  "final",
  "exec",
  "host",
  "originalhost",
  "user",
  "localuser",
];

/** What a line of Host says: one of its patterns has to match, and none with `!` may. */
export function matchesHost(statement: Statement, host: string): boolean {
  let matches = false;
  for (const word of statement.rest()) {
    if (!word.startsWith("!")) matches ||= matchesPattern(host, word);
    else if (matchesPattern(host, word.slice(1))) return false;
  }
  return matches;
}

/**
 * What a line of Match says: all of its criteria have to hold.
 *
 * @throws {ConfigError} If it has none, or one that is not known.
 */
export async function matchesCriteria(
  statement: Statement,
  subject: MatchSubject,
): Promise<boolean> {
  const take = wordsOf(statement);
  statement.skip();
  let matches = true;
  let count = 0;
  for (let word = take(); word !== null; word = take()) {
    const isNegated = word.startsWith("!");
    const criterion = word.slice(isNegated ? 1 : 0).toLowerCase();
    if (criterion === "all") {
      if (count > 1 || take() !== null) {
        throw statement.refuse("has all, which stands alone, or behind final or canonical");
      }
      return matches && !isNegated;
    }
    count++;
    if (criterion === "final") subject.wantFinal();
    const holds = criterion === "final" || criterion === "canonical"
      ? subject.isFinal
      : await compare(criterion, take(), { statement, subject, isDecided: !matches });
    if (holds === isNegated) matches = false;
  }
  if (count > 0) return matches;
  throw statement.refuse(`has no criterion: there are ${oneOf(CRITERIA)}`);
}

async function compare(
  criterion: string,
  argument: string | null,
  { statement, subject, isDecided }: {
    statement: Statement;
    subject: MatchSubject;
    isDecided: boolean;
  },
): Promise<boolean> {
  if (!CRITERIA.includes(criterion)) {
    throw statement.refuse(
      `has the criterion ${quoted(criterion)}, which is not supported: there are ` +
        oneOf(CRITERIA),
    );
  }
  if (argument === null) throw statement.refuse(`has nothing behind ${criterion}`);
  const isListed = (text: string | null): boolean =>
    text !== null && matchPatternList(text, argument) === "match";
  switch (criterion) {
    case "host":
      return matchPatternList(subject.host.toLowerCase(), argument.toLowerCase()) === "match";
    case "originalhost":
      return matchPatternList(subject.originalHost.toLowerCase(), argument.toLowerCase()) ===
        "match";
    case "user":
      return isListed(subject.user);
    case "localuser":
      return isListed(subject.localUser);
    default:
      // What cannot change the answer is not run.
      return !isDecided && await subject.exec(argument, statement);
  }
}

/** Takes the criteria and their arguments, one after the other; null at the end. */
function wordsOf(statement: Statement): () => string | null {
  let at: number | null = 0;
  return () => {
    if (at === null) return null;
    const taken = takeDelimited(statement.text, at);
    if (taken === null) throw statement.refuse("has a quote that is not closed");
    at = taken.next;
    if (taken.word !== "" && !taken.word.startsWith("#")) return taken.word;
    at = null;
    return null;
  };
}
