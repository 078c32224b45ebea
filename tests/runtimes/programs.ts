/**
 * Runs the scenario in runtimes that are programs of the command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Bundle } from "./bundle.ts";
import { type Outcome, readOutcome } from "./outcome.ts";

/** How long a runtime may take. */
const LIMIT_MS = 60_000;

const DENO_ENTRY = `
import bytes from "./sshflow.js" with { type: "bytes" };
import * as library from "./sshflow.js";
import { run } from "./program.js";
console.log(await run(library, bytes, "Deno " + Deno.version.deno));
`;

const NODE_ENTRY = `
import { readFileSync } from "node:fs";
import * as library from "./sshflow.js";
import { run } from "./program.js";
const bytes = readFileSync(new URL("./sshflow.js", import.meta.url));
const { node, bun } = process.versions;
console.log(await run(library, bytes, bun ? "Bun " + bun : "Node " + node));
`;

/** Runs it in Deno, which is given no permission. */
export async function runInDeno(bundle: Bundle): Promise<Outcome> {
  await Deno.writeTextFile(`${bundle.folder}/deno.js`, DENO_ENTRY);
  const flags = ["--no-prompt", "--no-config", "--no-lock", "--unstable-raw-imports"];
  return await runProgram(Deno.execPath(), ["run", ...flags, "deno.js"], bundle.folder);
}

/** Runs it in Node, or in Bun. */
export async function runInNode(bundle: Bundle, path: string): Promise<Outcome> {
  await Deno.writeTextFile(`${bundle.folder}/node.js`, NODE_ENTRY);
  return await runProgram(path, ["node.js"], bundle.folder);
}

async function runProgram(path: string, args: string[], cwd: string): Promise<Outcome> {
  const { success, stdout, stderr } = await new Deno.Command(path, {
    args,
    cwd,
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  // Whatever nobody waited for, and was rejected, shows here too.
  assert.equal(decoder.decode(stderr), "");
  assert.ok(success, `${path} failed`);
  return readOutcome(decoder.decode(stdout));
}
