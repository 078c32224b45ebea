/**
 * The terminal that a program runs in: what it asks the user, and its raw mode.
 *
 * @module
 */

/** What the user typed ahead, and nobody has read. */
let typedAhead: Uint8Array = new Uint8Array();

/** Whether there is somebody to ask. */
export function isInteractive(): boolean {
  return Deno.stdin.isTerminal();
}

/** Asks for a line. The prompt goes to the standard error, as the answer is no output. */
export function ask(prompt: string): Promise<string | null> {
  return readLine(prompt, false);
}

/**
 * Asks for what nobody is to see.
 *
 * @returns Null if the user would rather not, by Ctrl-C or Ctrl-D.
 */
export async function askSecret(prompt: string): Promise<string | null> {
  Deno.stdin.setRaw(true);
  try {
    return await readLine(prompt, true);
  } finally {
    Deno.stdin.setRaw(false);
    console.error();
  }
}

/** The size of the terminal's window. */
export function windowSize(): { columns: number; rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { columns: 80, rows: 24 };
  }
}

/** Runs something while every key goes through as it is; the terminal is as before afterwards. */
export async function inRawMode<T>(run: () => Promise<T>): Promise<T> {
  const endings = Deno.build.os === "windows" ? [] : ["SIGTERM", "SIGHUP"] as const;
  const onEnding = (): void => {
    Deno.stdin.setRaw(false);
    Deno.exit(255);
  };
  Deno.stdin.setRaw(true);
  for (const signal of endings) Deno.addSignalListener(signal, onEnding);
  try {
    return await run();
  } finally {
    for (const signal of endings) Deno.removeSignalListener(signal, onEnding);
    Deno.stdin.setRaw(false);
  }
}

/** Tells each new size of the window, until the function that is returned is called. */
export function onResize(tell: (columns: number, rows: number) => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  const onSignal = (): void => {
    const { columns, rows } = windowSize();
    tell(columns, rows);
  };
  Deno.addSignalListener("SIGWINCH", onSignal);
  return () => Deno.removeSignalListener("SIGWINCH", onSignal);
}

/** The standard input, with what was typed ahead. */
export function input(): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await readInput();
      if (chunk === null) controller.close();
      else controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}

async function readInput(): Promise<Uint8Array | null> {
  if (typedAhead.length > 0) {
    const chunk = typedAhead;
    typedAhead = new Uint8Array();
    return chunk;
  }
  const buffer = new Uint8Array(64 * 1024);
  const length = await Deno.stdin.read(buffer);
  return length === null ? null : buffer.subarray(0, length);
}

const Key = {
  CTRL_C: 3,
  CTRL_D: 4,
  BACKSPACE: 8,
  LF: 10,
  CR: 13,
  CTRL_U: 21,
  DELETE: 127,
} as const;

/** @param raw Whether the terminal leaves editing to us. */
async function readLine(prompt: string, raw: boolean): Promise<string | null> {
  await write(prompt);
  let line: number[] = [];
  for (;;) {
    const chunk = await readInput();
    if (chunk === null) return null;
    for (const [index, byte] of chunk.entries()) {
      if (byte === Key.LF || byte === Key.CR) {
        typedAhead = chunk.subarray(index + 1);
        return new TextDecoder().decode(Uint8Array.from(line));
      }
      if (!raw) line.push(byte);
      else if (byte === Key.CTRL_C || byte === Key.CTRL_D) return null;
      else if (byte === Key.CTRL_U) line = [];
      else if (byte === Key.BACKSPACE || byte === Key.DELETE) eraseLetter(line);
      else line.push(byte);
    }
  }
}

/** A letter is a byte that begins one, and those behind it that go on with it, in UTF-8. */
function eraseLetter(line: number[]): void {
  while (line.length > 0 && ((line.pop() ?? 0) & 0xc0) === 0x80);
}

async function write(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += await Deno.stderr.write(bytes.subarray(written));
  }
}
