/**
 * The rules of the house: who may import whom, and what a shipped file may name. Run by
 * `deno task floors`, it prints what breaks them.
 *
 * @module
 */

import { findCycles } from "./_cycles.ts";
import { type ModuleFacts, moduleFacts } from "./_module_facts.ts";
import { readProject, shippedModules } from "./_project.ts";

/** A rule that is broken. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** What a folder may import beside its own files. */
interface Floor {
  /** Folders, or single files of them. */
  readonly below: readonly string[];
  /** Whether it may use packages. */
  readonly packages: boolean;
}

/** The table of docs/ARCHITECTURE.md. */
const FLOORS: Readonly<Record<string, Floor>> = {
  wire: { below: [], packages: false },
  flow: { below: ["wire/errors.ts"], packages: true },
  crypto: { below: ["wire"], packages: true },
  keys: { below: ["crypto", "wire"], packages: true },
  protocol: { below: ["keys", "crypto", "wire"], packages: true },
  connection: { below: ["protocol", "flow", "keys", "crypto", "wire"], packages: true },
  client: {
    below: ["connection", "protocol", "keys", "flow", "crypto", "wire"],
    packages: true,
  },
  server: {
    below: ["connection", "protocol", "keys", "flow", "crypto", "wire"],
    packages: true,
  },
  sftp: { below: ["flow", "wire"], packages: true },
};

/** A file at the root is the roof, which sees everything. */
const ROOF = "";

/** The packages of the import map that are there for tests only. */
const TEST_PACKAGES = ["@std/testing", "fast-check"];

/** The runtimes' globals: what they offer is found through `globalThis`, by feature. */
const RUNTIME_GLOBALS = new Set([
  "process",
  "Buffer",
  "require",
  "global",
  "module",
  "__dirname",
  "__filename",
  "setImmediate",
  "clearImmediate",
]);

/** The runtimes that are not even looked for. */
const RUNTIME_NAMES = new Set(["Deno", "Bun"]);

/** The folders that do no I/O: clock and randomness are passed in. */
const PURE_FOLDERS = ["wire", "protocol"];

const IMPURE_GLOBALS = new Set([
  "setTimeout",
  "setInterval",
  "Date",
  "performance",
  "crypto",
  "console",
  "fetch",
  "WebSocket",
  "ReadableStream",
  "WritableStream",
  "TransformStream",
  "Math.random",
]);

const MAX_LINES = 500;

/**
 * Checks shipped modules against the rules.
 *
 * @param files The source of each module, by its path from the project's root.
 * @param packages The names of the packages that the import map has.
 * @returns What is wrong, in the order of files and lines.
 */
export function checkFloors(
  files: ReadonlyMap<string, string>,
  packages: readonly string[],
): readonly Finding[] {
  const findings: Finding[] = [];
  const graph = new Map<string, readonly string[]>();
  const firstLines = new Map<string, number>();
  for (const [file, source] of files) {
    const report = (line: number, message: string): void => {
      const last = findings.at(-1);
      // A shorthand property names a thing twice in the same place.
      if (last?.file === file && last.line === line && last.message === message) return;
      findings.push({ file, line, message });
    };
    let facts: ModuleFacts;
    try {
      facts = moduleFacts(source);
    } catch (error) {
      report(1, `cannot be parsed: ${error instanceof Error ? error.message : error}`);
      continue;
    }
    checkShape(file, facts, report);
    checkNames(file, facts, report);
    const targets: string[] = [];
    for (const { specifier, line } of facts.imports) {
      const target = checkImport(file, specifier, { files, packages, line, report });
      if (target === null) continue;
      targets.push(target);
      firstLines.set(`${file} ${target}`, firstLines.get(`${file} ${target}`) ?? line);
    }
    graph.set(file, targets);
  }
  for (const cycle of findCycles(graph)) {
    const [first = "", second = first] = cycle;
    findings.push({
      file: first,
      line: firstLines.get(`${first} ${second}`) ?? 1,
      message: `imports in a circle: ${[...cycle, first].join(" → ")}`,
    });
  }
  return findings.sort((a, b) => compare(a.file, b.file) || a.line - b.line);
}

type Report = (line: number, message: string) => void;

/** The rules for the file as a whole. */
function checkShape(file: string, facts: ModuleFacts, report: Report): void {
  const folder = floorOf(file);
  if (folder !== ROOF && !(folder in FLOORS)) {
    report(1, `${folder}/ has no floor: add it to the table of tools/floors.ts`);
  }
  if (facts.lines > MAX_LINES) {
    report(MAX_LINES + 1, `has ${facts.lines} lines: past ${MAX_LINES} it is two files`);
  }
  if (baseName(file) === "mod.ts") {
    for (const line of facts.ownStatements) report(line, "a mod.ts only re-exports");
  }
}

/** The rules for what a shipped file may name. */
function checkNames(file: string, facts: ModuleFacts, report: Report): void {
  for (const { name, line } of facts.identifiers) {
    if (RUNTIME_NAMES.has(name)) report(line, `names the runtime ${name}`);
  }
  const pure = PURE_FOLDERS.includes(floorOf(file));
  for (const { name, line } of facts.globals) {
    if (RUNTIME_GLOBALS.has(name)) {
      report(line, `uses ${name}, which not every runtime has: look for it in globalThis`);
    }
    if (pure && IMPURE_GLOBALS.has(name)) {
      report(
        line,
        `uses ${name}: ${floorOf(file)}/ does no I/O, and is given clock and randomness`,
      );
    }
  }
  for (const line of facts.usings) {
    report(line, "`using` is for tests and examples: not every runtime has it");
  }
}

/**
 * The rules for an import.
 *
 * @returns The shipped file that it leads to, if it does.
 */
function checkImport(
  file: string,
  specifier: string | null,
  { files, packages, line, report }: {
    files: ReadonlyMap<string, string>;
    packages: readonly string[];
    line: number;
    report: Report;
  },
): string | null {
  if (specifier === null) {
    report(line, "imports what only an expression tells: write the module's name");
    return null;
  }
  const folder = floorOf(file);
  const floor = FLOORS[folder];
  if (!specifier.startsWith(".")) {
    const message = checkPackage(specifier, packages) ??
      (floor?.packages === false ? `${folder}/ imports nothing, not even ${specifier}` : null);
    if (message !== null) report(line, message);
    return null;
  }
  const target = resolve(file, specifier);
  if (!files.has(target)) {
    report(line, `imports ${target}, which is not a shipped module`);
    return null;
  }
  const below = floorOf(target);
  const allowed = folder === ROOF || below === folder ||
    floor?.below.includes(below) || floor?.below.includes(target);
  if (floor !== undefined && !allowed) {
    const list = floor.below.map((name) => name.includes("/") ? name : `${name}/`).join(", ");
    report(line, `${folder}/ may not import ${target}: below it are ${list || "nothing"}`);
  }
  if (baseName(target).startsWith("_") && !file.startsWith(`${folderOf(target)}/`)) {
    report(line, `imports ${target}, which is private to its folder`);
  }
  return target;
}

function checkPackage(specifier: string, packages: readonly string[]): string | null {
  if (/^[a-z]+:/.test(specifier)) {
    return `imports ${specifier}: a package is imported by its name in deno.json's import map, ` +
      "and a runtime's module not at all";
  }
  const name = packages.find((name) => specifier === name || specifier.startsWith(`${name}/`));
  if (name === undefined) return `imports ${specifier}, which is not in deno.json's import map`;
  return TEST_PACKAGES.includes(name) ? `imports ${specifier}, which is for tests` : null;
}

function resolve(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}

function floorOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : ROOF;
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf("/")));
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

if (import.meta.main) {
  const project = readProject();
  const files = new Map(
    shippedModules(project).map((file) => [file, Deno.readTextFileSync(`${project.root}/${file}`)]),
  );
  const findings = checkFloors(files, project.packages);
  for (const { file, line, message } of findings) console.error(`${file}:${line}: ${message}`);
  console.log(`${files.size} modules, ${findings.length} findings`);
  if (findings.length > 0) Deno.exit(1);
}
