/**
 * The commands of the example server: what `ssh HOST COMMAND` and its shell know.
 *
 * @module
 */

import type { PtyRequest } from "@sshflow/ssh/server";

/** What a command works with. */
export interface CommandContext {
  /** The words behind the command's name. */
  readonly words: readonly string[];
  readonly user: string;
  readonly env: ReadonlyMap<string, string>;
  /** The terminal, with its present size; null if there is none. */
  readonly pty: PtyRequest | null;
  readonly input: ReadableStream<Uint8Array>;
  readonly output: WritableStream<Uint8Array>;
  readonly errors: WritableStream<Uint8Array>;
  /** Aborted by Ctrl-C, by a signal of the client, and when the client is gone. */
  readonly signal: AbortSignal;
}

/** How a command ends: with a status, or as if a signal had ended it. */
export type CommandResult = number | { readonly signal: string };

interface Command {
  /** What comes behind the name. */
  readonly usage: string;
  readonly about: string;
  readonly run: (context: CommandContext) => CommandResult | Promise<CommandResult>;
}

/** What is wrong with a command's words. */
class UsageError extends Error {}

const NOT_FOUND = 127;
const INTERRUPTED = 130;
const CHUNK_BYTES = 64 * 1024;

/** The commands, by their names. */
const commands: Readonly<Record<string, Command>> = {
  help: { usage: "", about: "lists the commands", run: help },
  echo: {
    usage: "WORDS",
    about: "says the words",
    run: ({ output, words }) => say(output, `${words.join(" ")}\n`),
  },
  stderr: {
    usage: "WORDS",
    about: "says the words on standard error",
    run: ({ errors, words }) => say(errors, `${words.join(" ")}\n`),
  },
  cat: { usage: "", about: "gives back what it gets", run: cat },
  sink: { usage: "", about: "counts the bytes that it gets", run: sink },
  source: { usage: "N", about: "gives N zero bytes", run: source },
  env: { usage: "", about: "shows the variables", run: showVariables },
  whoami: {
    usage: "",
    about: "says who is logged in",
    run: ({ output, user }) => say(output, `${user}\n`),
  },
  pty: { usage: "", about: "shows the terminal and its size", run: showTerminal },
  sleep: { usage: "S", about: "waits for S seconds", run: sleep },
  exit: {
    usage: "[N]",
    about: "ends with status N",
    run: ({ words }) => numberOf(words[0] ?? "0", 255),
  },
  signal: {
    usage: "NAME",
    about: "ends as if by a signal, such as TERM",
    run: ({ words }) => ({ signal: signalName(words[0]) }),
  },
};

/** Splits a command line: its first word is the command's name. */
export function splitWords(line: string): string[] {
  return line.trim().split(/\s+/).filter((word) => word !== "");
}

/** Runs a command line. What is wrong with it is said on its standard error. */
export async function runCommand(
  line: string,
  context: Omit<CommandContext, "words">,
): Promise<CommandResult> {
  const [name = "", ...words] = splitWords(line);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    await say(context.errors, `${name}: command not found; try help\n`);
    return NOT_FOUND;
  }
  try {
    return await command.run({ ...context, words });
  } catch (error) {
    if (context.signal.aborted) return INTERRUPTED;
    if (!(error instanceof UsageError)) throw error;
    await say(context.errors, `${name}: ${error.message}\nusage: ${name} ${command.usage}\n`);
    return 2;
  }
}

/** Writes text to a stream, and gives the stream free again. */
export async function say(stream: WritableStream<Uint8Array>, text: string): Promise<number> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
  } finally {
    writer.releaseLock();
  }
  return 0;
}

function help({ output }: CommandContext): Promise<number> {
  const lines = Object.entries(commands).map(([name, { usage, about }]) =>
    `${`${name} ${usage}`.padEnd(14)} ${about}\n`
  );
  return say(output, lines.join(""));
}

async function cat({ input, output, signal }: CommandContext): Promise<number> {
  await input.pipeTo(output, { preventClose: true, preventAbort: true, signal });
  return 0;
}

async function sink({ input, output, signal }: CommandContext): Promise<number> {
  let bytes = 0;
  const count = new WritableStream<Uint8Array>({
    write(chunk) {
      bytes += chunk.length;
    },
  });
  await input.pipeTo(count, { signal });
  return await say(output, `${bytes}\n`);
}

async function source({ words, output, signal }: CommandContext): Promise<number> {
  const zeros = new Uint8Array(CHUNK_BYTES);
  const writer = output.getWriter();
  try {
    for (let left = numberOf(words[0], Number.MAX_SAFE_INTEGER); left > 0; left -= CHUNK_BYTES) {
      signal.throwIfAborted();
      await writer.write(zeros.subarray(0, left));
    }
  } finally {
    writer.releaseLock();
  }
  return 0;
}

function showVariables({ env, output }: CommandContext): Promise<number> {
  const names = [...env.keys()].sort();
  return say(output, names.map((name) => `${name}=${env.get(name)}\n`).join(""));
}

async function showTerminal({ pty, output, errors }: CommandContext): Promise<number> {
  if (pty === null) {
    await say(errors, "pty: there is no terminal\n");
    return 1;
  }
  return await say(output, `${pty.term} ${pty.columns}x${pty.rows}\n`);
}

async function sleep({ words, signal }: CommandContext): Promise<number> {
  const seconds = words[0] ?? "";
  if (!/^[0-9]+([.][0-9]+)?$/.test(seconds)) {
    throw new UsageError(`${seconds || "nothing"} is not a number of seconds`);
  }
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, Math.min(Number(seconds) * 1000, 2 ** 31 - 1));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
  return 0;
}

function numberOf(text: string | undefined, max: number): number {
  if (text !== undefined && /^[0-9]{1,16}$/.test(text) && Number(text) <= max) return Number(text);
  throw new UsageError(`${text ?? "nothing"} is not a whole number from 0 to ${max}`);
}

function signalName(text = ""): string {
  if (/^[A-Z][A-Z0-9]*$/.test(text)) return text;
  throw new UsageError(`${text || "nothing"} is not a signal's name, such as TERM`);
}
