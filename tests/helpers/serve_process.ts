/**
 * The server of the command line, as a process.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { toText } from "@std/streams/to-text";

const ROOT = new URL("../../", import.meta.url).pathname;
/** How long it may take to come up, or to go. */
const TIMEOUT_MS = 30_000;

/** What is left of a process. */
export interface ServeResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server that runs. */
export interface ServeProcess extends AsyncDisposable {
  readonly port: number;
  /** What it said when it came up, but for the first line. */
  readonly lines: readonly string[];
  /** Sends it a signal, and waits for its end. */
  end(signal: Deno.Signal): Promise<ServeResult>;
}

function command(run: readonly string[], args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...run, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/**
 * What the task runs. A signal has to reach the server itself, as it does from a terminal: given to
 * `deno task` alone, that sometimes ends first, with a status of its own.
 */
async function serverArguments(): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  const [deno, ...args] = tasks.serve.command.split(" ");
  if (deno !== "deno") throw new Error("Cannot start the server: its task runs something else");
  return args;
}

/** Runs `deno task serve` to its end, which comes at once where the arguments are wrong. */
export async function runServe(args: readonly string[]): Promise<ServeResult> {
  const { code, stdout, stderr } = await command(["task", "--quiet", "serve"], args).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Starts what `deno task serve` runs, on a free port.
 *
 * @param count How many lines it says when it is up.
 * @throws {Error} If it does not come up: with what it said.
 */
export async function startServe(args: readonly string[], count: number): Promise<ServeProcess> {
  const child = command(await serverArguments(), ["--port", "0", ...args]).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const stderr = toText(child.stderr);
  const reader = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const lines: string[] = [];
  while (lines.length < count) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The server did not come up: ${await stderr}`);
    lines.push(value);
  }
  clearTimeout(timer);
  const [first = "", ...others] = lines;
  const port = /^listening on 127\.0\.0\.1:(\d+)$/.exec(first)?.[1];
  if (port === undefined) throw new Error(`The first line is ${JSON.stringify(first)}`);
  let ended: Promise<ServeResult> | null = null;

  async function end(signal: Deno.Signal): Promise<ServeResult> {
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    let rest = "";
    for (let next; !(next = await reader.read()).done;) rest += `${next.value}\n`;
    const { code } = await child.status;
    clearTimeout(timer);
    return { code, stdout: rest, stderr: await stderr };
  }

  return {
    port: Number(port),
    lines: others,
    end: (signal) => ended ??= end(signal),
    async [Symbol.asyncDispose]() {
      await (ended ??= end("SIGINT"));
    },
  };
}
