/**
 * The sessions of the example server: a command, or a shell with the same commands.
 *
 * @module
 */

import { Eof, LineEditor, type ServerSession } from "@sshflow/ssh/server";
import { type CommandResult, runCommand, say, splitWords } from "./commands.ts";

/** Where lines of commands come from, and what is left for the commands themselves. */
interface Lines {
  /** The next line; null at the end. */
  next(): Promise<string | null>;
  /** The input of a command that is run now. */
  input(signal: AbortSignal): ReadableStream<Uint8Array>;
  close(): void;
}

/** What interrupts the command that runs, by Ctrl-C or by a signal of the client. */
interface Interrupts {
  handler: ((signalName: string | null) => void) | null;
}

/** Runs a session of the example server. */
export async function hostSession(session: ServerSession): Promise<void> {
  const writer = session.stdout.getWriter();
  // A terminal's editor and a command write to the same output, in turns.
  const output = (): WritableStream<Uint8Array> =>
    new WritableStream({ write: (chunk) => writer.write(chunk) });
  const interrupts: Interrupts = { handler: null };
  const lines = session.pty === null
    ? plainLines(session)
    : terminalLines(session, output(), interrupts);
  followSignals(session, interrupts);
  const run = (line: string): Promise<CommandResult> =>
    runLine(session, line, lines, output, interrupts);
  try {
    const result = session.command === null
      ? await runShell(session, lines, output(), run)
      : await run(session.command);
    if (typeof result === "number") session.exit(result);
    else session.exitSignal(result.signal);
  } finally {
    lines.close();
  }
}

async function followSignals(session: ServerSession, interrupts: Interrupts): Promise<void> {
  for await (const name of session.signals) interrupts.handler?.(name);
}

async function runShell(
  session: ServerSession,
  lines: Lines,
  output: WritableStream<Uint8Array>,
  run: (line: string) => Promise<CommandResult>,
): Promise<CommandResult> {
  if (session.pty !== null) {
    await say(output, `Hello ${session.user}. Commands are listed by help.\n`);
  }
  let last: CommandResult = 0;
  for (let line; (line = await lines.next()) !== null;) {
    const [name] = splitWords(line);
    if (name === undefined) continue;
    last = await run(line);
    if (typeof last !== "number" || name === "exit") break;
  }
  return last;
}

/** Runs a command line, which Ctrl-C or a signal of the client ends. */
async function runLine(
  session: ServerSession,
  line: string,
  lines: Lines,
  output: () => WritableStream<Uint8Array>,
  interrupts: Interrupts,
): Promise<CommandResult> {
  const interrupt = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, session.abortSignal]);
  let received: string | null = null;
  interrupts.handler = (name) => {
    received = name;
    interrupt.abort();
  };
  try {
    const result = await runCommand(line, {
      user: session.user,
      env: session.env,
      pty: session.pty,
      input: lines.input(signal),
      output: output(),
      // A terminal has one output: on two, what comes first might show last.
      errors: session.pty === null ? session.stderr : output(),
      signal,
    });
    return received === null ? result : { signal: received };
  } finally {
    interrupts.handler = null;
  }
}

/** Lines that are typed and edited on a terminal; Ctrl-D ends the input of one command. */
function terminalLines(
  session: ServerSession,
  output: WritableStream<Uint8Array>,
  interrupts: Interrupts,
): Lines {
  const editor = new LineEditor({ input: session.stdin, output, sizes: session.sizes });
  editor.onInterrupt = () => interrupts.handler?.(null);
  return {
    next: async () => {
      const line = await editor.readLine({ prompt: `${session.user}@sshflow$ ` });
      if (line !== Eof) return line;
      if (!editor.ended) await say(output, "exit\n");
      return null;
    },
    input: (signal) => {
      const typed = editor.lines({ signal });
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { done, value } = await typed.next();
          if (done) controller.close();
          else controller.enqueue(new TextEncoder().encode(`${value}\n`));
        },
      }, { highWaterMark: 0 });
    },
    close: () => editor.close(),
  };
}

/** Lines of a pipe: a command takes what is left. */
function plainLines(session: ServerSession): Lines {
  const MAX_LINE_BYTES = 65536;
  let waiting = new Uint8Array(0);
  let ended = false;
  const more = async (): Promise<void> => {
    const reader = session.stdin.getReader();
    try {
      const { done, value } = await reader.read();
      ended ||= done;
      if (value) waiting = new Uint8Array([...waiting, ...value]);
    } finally {
      reader.releaseLock();
    }
  };
  return {
    next: async () => {
      let end;
      while ((end = waiting.indexOf(0x0a)) === -1 && !ended && waiting.length < MAX_LINE_BYTES) {
        await more();
      }
      if (waiting.length === 0) return null;
      const line = new TextDecoder().decode(end === -1 ? waiting : waiting.subarray(0, end));
      waiting = end === -1 ? new Uint8Array(0) : waiting.slice(end + 1);
      return line;
    },
    input: () => {
      if (session.command !== null) return session.stdin;
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (waiting.length === 0 && !ended) await more();
          if (waiting.length > 0) controller.enqueue(waiting);
          else controller.close();
          waiting = new Uint8Array(0);
        },
      }, { highWaterMark: 0 });
    },
    close: () => {},
  };
}
