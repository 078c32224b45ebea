/**
 * Reading files, and those that they include.
 *
 * @module
 */

import { matchPatternList } from "../../keys/patterns.ts";
import { ConfigError, quoted } from "./config_error.ts";
import type { ConfigFile, SshConfigContext } from "./context.ts";
import { matchesCriteria, matchesHost, type MatchSubject } from "./_match.ts";
import type {
  CollectedOption,
  CollectingRules,
  Collection,
  FirstOption,
  FirstRules,
  FirstValues,
} from "./_rules.ts";
import {
  collectingRules,
  commandKeywords,
  firstRules,
  formerKeywords,
  keywordAliases,
  otherKeywords,
  readCommand,
} from "./_rules.ts";
import type { SshConfigOptions } from "./options.ts";
import { readStatement, readStatements, type Statement } from "./_statements.ts";
import { expandHome, expandTokens, type TokenValues } from "./_tokens.ts";

/** How deep files may include files. */
const MAX_DEPTH = 16;
/** How many files may be read: files that include others twice would be countless otherwise. */
const MAX_FILES = 1000;
/** How many characters they may have together. */
const MAX_CHARACTERS = 16_777_216;

/** The options to which every line adds. */
export type Collections = {
  readonly [K in CollectedOption]: Collection<SshConfigOptions[K][number]>;
};

/** Whether lines count that follow, and where they stand. */
interface Position {
  readonly file: ConfigFile;
  readonly depth: number;
  /** False below a file that is included where lines do not count. */
  readonly canMatch: boolean;
  isActive: boolean;
}

const firstNames = /* @__PURE__ */ namesOf<FirstOption>(firstRules);
const collectedNames = /* @__PURE__ */ namesOf<CollectedOption>(collectingRules);

/** Collects what files say. */
export class ConfigReader {
  /** The values of options whose first line counts. */
  readonly first: FirstValues = {};
  /** Where they stand. */
  readonly places: Map<string, Statement> = new Map();
  /** The values of options to which every line adds. */
  readonly collected: Collections = {
    identityFile: new Map(),
    certificateFile: new Map(),
    localForward: new Map(),
    remoteForward: new Map(),
    dynamicForward: new Map(),
    sendEnv: new Map(),
  };
  /** Further options, by their keyword. */
  readonly others: Map<string, readonly string[]> = new Map();
  /** Whether a line asks for the files to be read for the second time. */
  wantsFinal = false;
  readonly #context: SshConfigContext;
  readonly #included: Map<string, readonly ConfigFile[]> = new Map();
  #host: string;
  #isFinal = false;
  #fileCount = 0;
  #characterCount = 0;
  /** The tokens of Match exec. */
  readonly #tokens: (hostname: string) => TokenValues;

  /** @param tokens Gives what tokens stand for, when the host's name is known so far. */
  constructor(context: SshConfigContext, tokens: (hostname: string) => TokenValues) {
    this.#context = context;
    this.#host = context.host;
    this.#tokens = tokens;
  }

  /** Takes what the user says, which counts before what files say. */
  async readOptions(options: readonly string[]): Promise<void> {
    const file = { path: "the option", text: "" };
    for (const [index, option] of options.entries()) {
      const place = { file: file.path, line: index + 1 };
      if (option.includes("\n")) throw new ConfigError(place, "it has more than one line");
      const statement = readStatement(option, place);
      if (statement === null) continue;
      if (["host", "match", "include"].includes(statement.keyword)) {
        throw statement.refuse("stands in files only");
      }
      await this.#take(statement, { file, depth: 0, canMatch: true, isActive: true });
    }
  }

  /** Reads files; later ones count for what earlier ones have left open. */
  async readFiles(files: readonly ConfigFile[]): Promise<void> {
    this.#fileCount = 0;
    this.#characterCount = 0;
    for (const file of files) {
      await this.#readFile({ file, depth: 0, canMatch: true, isActive: true });
    }
  }

  /** From now on files are read for the second time, for a name that is known. */
  beginFinal(hostname: string): void {
    this.#host = hostname;
    this.#isFinal = true;
    this.first.hostname = hostname;
  }

  /** The host's name, as far as lines up to here say. */
  get hostname(): string {
    const { hostname } = this.first;
    const statement = this.places.get("hostname");
    if (this.#isFinal || hostname === undefined || statement === undefined) return this.#host;
    return expandTokens(hostname, { h: this.#context.host }, statement);
  }

  async #readFile(position: Position): Promise<void> {
    const { path, text } = position.file;
    this.#fileCount++;
    this.#characterCount += text.length;
    if (this.#fileCount > MAX_FILES || this.#characterCount > MAX_CHARACTERS) {
      const why = `with it there are more than ${MAX_FILES} files or ${MAX_CHARACTERS} characters`;
      throw new ConfigError({ file: path, line: 1 }, why);
    }
    for (const statement of readStatements(text, path)) await this.#take(statement, position);
  }

  async #take(statement: Statement, position: Position): Promise<void> {
    switch (statement.keyword) {
      case "host":
        position.isActive = matchesHost(statement, this.#host) && position.canMatch;
        break;
      case "match":
        position.isActive = await matchesCriteria(statement, this.#subject()) &&
          position.canMatch;
        break;
      case "include":
        await this.#include(statement, position);
        break;
      default:
        this.#takeOption(statement, position.isActive);
    }
    statement.end();
  }

  /** What a line says has to be right also where it does not count. */
  #takeOption(statement: Statement, isActive: boolean): void {
    const keyword = keywordAliases.get(statement.keyword) ?? statement.keyword;
    const first = firstNames.get(keyword);
    if (first !== undefined) return this.#takeFirst(first, statement, isActive);
    const collected = collectedNames.get(keyword);
    if (collected !== undefined) return this.#collect(collected, statement, isActive);
    if (otherKeywords.has(keyword)) {
      const words = commandKeywords.has(keyword) ? [readCommand(statement)] : statement.rest();
      if (isActive && !this.others.has(keyword)) this.others.set(keyword, words);
      return;
    }
    if (!formerKeywords.has(keyword) && !this.#isIgnored(keyword)) {
      throw statement.refuse("is not an option of ssh; IgnoreUnknown can name it");
    }
    statement.skip();
  }

  #takeFirst<K extends FirstOption>(name: K, statement: Statement, isActive: boolean): void {
    const read: FirstRules[K] = firstRules[name];
    const value = read(statement);
    if (!isActive || value === undefined || this.places.has(name)) return;
    if (this.#isFinal && name === "hostname") return;
    // Of the two ways to get there, the first that is named is taken.
    if (name === "proxyJump" && this.places.has("proxyCommand")) return;
    if (name === "proxyCommand" && (this.first.proxyJump ?? []).length > 0) return;
    this.first[name] = value;
    this.places.set(name, statement);
  }

  #collect<K extends CollectedOption>(name: K, statement: Statement, isActive: boolean): void {
    const read: CollectingRules[K] = collectingRules[name];
    const add = read(statement);
    if (isActive) add(this.collected[name]);
  }

  #isIgnored(keyword: string): boolean {
    const [patterns = ""] = this.others.get("ignoreunknown") ?? [];
    return matchPatternList(keyword, patterns.toLowerCase()) === "match";
  }

  #subject(): MatchSubject {
    const { host: originalHost, localUser = null, exec } = this.#context;
    return {
      host: this.hostname,
      originalHost,
      user: this.first.user ?? localUser,
      localUser,
      isFinal: this.#isFinal,
      exec: async (command, statement) => {
        if (exec === undefined) {
          throw statement.refuse("has exec, which nobody has allowed: give exec");
        }
        return await exec(expandTokens(command, this.#tokens(this.hostname), statement)) === true;
      },
      wantFinal: () => this.wantsFinal = true,
    };
  }

  async #include(statement: Statement, position: Position): Promise<void> {
    const { file: { isSystem = false }, depth } = position;
    for (const word of statement.rest()) {
      for (const file of await this.#filesOf(word, statement, position)) {
        if (depth >= MAX_DEPTH) {
          throw statement.refuse(`stands more than ${MAX_DEPTH} files deep`);
        }
        await this.#readFile({
          file: { ...file, isSystem },
          depth: depth + 1,
          canMatch: position.isActive,
          isActive: position.isActive,
        });
      }
    }
  }

  async #filesOf(
    word: string,
    statement: Statement,
    { file: { isSystem = false }, isActive }: Position,
  ): Promise<readonly ConfigFile[]> {
    const { include, homeDirectory } = this.#context;
    if (isSystem && word.startsWith("~")) {
      throw statement.refuse(`has ${quoted(word)}: files of the system's name no user's`);
    }
    const anchored = /^[/~]/.test(word) ? word : `${isSystem ? "/etc/ssh" : "~/.ssh"}/${word}`;
    const pattern = expandHome(anchored, homeDirectory);
    if (include === undefined) {
      if (!isActive) return [];
      throw statement.refuse("needs somebody who reads files: give include");
    }
    let files = this.#included.get(pattern);
    if (files === undefined) {
      const found = await include(pattern);
      files = [...found].sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
      this.#included.set(pattern, files);
    }
    return files;
  }
}

function namesOf<K extends string>(rules: Readonly<Record<K, unknown>>): ReadonlyMap<string, K> {
  return new Map((Object.keys(rules) as K[]).map((name) => [name.toLowerCase(), name]));
}
