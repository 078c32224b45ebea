/**
 * Runs modules in runtimes that are programs of the command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Bundle } from "./bundle.ts";

/** How long a runtime may take. */
const LIMIT_MS = 60_000;

/** Flags of Deno's, by which it takes the bundle as it is, and gives it no permission. */
export const DENO_FLAGS = ["run", "--no-prompt", "--no-config", "--no-lock"] as const;

/** Flags of Node's: that WebCrypto has algorithms which Node calls experimental is no news. */
export const NODE_FLAGS = ["--disable-warning=ExperimentalWarning"] as const;

/**
 * Runs a module next to a bundle.
 *
 * @param path The runtime.
 * @param args Its flags.
 * @param source The module's text.
 * @param argument Given to the module.
 * @returns What it wrote to its standard output.
 */
export async function runModule(
  path: string,
  args: readonly string[],
  bundle: Bundle,
  source: string,
  argument: string = "",
): Promise<string> {
  const file = `${bundle.folder}/entry-${crypto.randomUUID()}.js`;
  await Deno.writeTextFile(file, source);
  const { success, stdout, stderr } = await new Deno.Command(path, {
    args: [...args, file, argument],
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  // Whatever nobody waited for, and was rejected, shows here too.
  assert.equal(decoder.decode(stderr), "");
  const output = decoder.decode(stdout);
  assert.ok(success, `${path} failed, or took more than ${LIMIT_MS} ms: ${output}`);
  return output;
}
