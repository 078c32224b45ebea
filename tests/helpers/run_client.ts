/**
 * Other implementations' clients that are programs: one run, one command.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "./hex.ts";
import type { RunRequest, RunResult } from "./peer_roles.ts";

/** How long a command may take. */
const TIMEOUT_MS = 30_000;
/** As many bytes of the output are shown. */
const SHOWN_BYTES = 1000;

/** How a client is run. */
export interface ClientProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it says on standard error where it has not come as far as to run the command. */
  readonly failure: RegExp;
}

/**
 * Runs a client.
 *
 * @throws {Error} If it has not come as far as to run the command: with what it says.
 */
export async function runClient(
  { program, args, env, failure }: ClientProgram,
  { inputFile }: Pick<RunRequest, "inputFile">,
): Promise<RunResult> {
  const child = new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  try {
    const [output] = await Promise.all([child.output(), feed(child.stdin, inputFile)]);
    const stderr = latin1(output.stderr);
    const failed = failure.exec(stderr) ?? (output.signal === null ? null : [output.signal]);
    if (failed !== null) throw new Error(`Cannot run ${program}: ${failed[0]}`);
    return {
      status: output.code,
      signal: null,
      stdout: latin1(output.stdout),
      stdoutSha256: toHex(sha256(output.stdout)),
      stderr,
    };
  } finally {
    clearTimeout(timer);
  }
}

async function feed(
  stdin: WritableStream<Uint8Array>,
  inputFile: string | undefined,
): Promise<void> {
  if (inputFile === undefined) return await stdin.close();
  const file = await Deno.open(inputFile);
  // One that fails does not read to the end.
  await file.readable.pipeTo(stdin).catch(() => {});
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => String.fromCharCode(byte)).join("");
}
