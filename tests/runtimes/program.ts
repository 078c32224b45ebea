/**
 * Runs the scenario, and tells in JSON what came of it: what every runtime's entry calls.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { describeError, type Outcome } from "./outcome.ts";
import { type Library, runScenario } from "./scenario.ts";

/**
 * Runs the scenario.
 *
 * @param library The library's exports.
 * @param bytes The file that they came from.
 * @param runtime What the runtime calls itself.
 * @returns An {@linkcode Outcome}, or what was thrown as `{ error }`, in JSON.
 */
export async function run(
  library: Library,
  bytes: ArrayBuffer | Uint8Array,
  runtime: string,
): Promise<string> {
  try {
    const outcome: Outcome = {
      runtime,
      sha256: bytesToHex(sha256(new Uint8Array(bytes))),
      webCrypto: globalThis.crypto?.subtle !== undefined,
      nodeCrypto: hasNodeCrypto(),
      report: await runScenario(library),
    };
    return JSON.stringify(outcome);
  } catch (error) {
    return JSON.stringify({ error: describeError(error) });
  }
}

function hasNodeCrypto(): boolean {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  return Boolean(process?.getBuiltinModule?.("node:crypto"));
}
