/**
 * Reads lines from a terminal, and lets its user edit them.
 *
 * @module
 */

import { Eof } from "../flow/flow.ts";
import type { TerminalSize } from "../wire/channel_requests.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";
import { EditBuffer } from "./_edit_buffer.ts";
import { History } from "./_history.ts";
import { type Key, KeyDecoder, type KeyName } from "./_keys.ts";
import { LineView } from "./_line_view.ts";

export { Eof } from "../flow/flow.ts";

/** What goes with a {@linkcode LineEditor}. A `ServerSession` has most of it. */
export interface LineEditorOptions {
  /** What the terminal sends; the editor keeps it locked. */
  readonly input: ReadableStream<Uint8Array>;
  /** What the terminal shows; it is locked only while the editor writes, which is while it reads. */
  readonly output: WritableStream<Uint8Array>;
  /** The terminal's sizes; unless given it has 80 columns. */
  readonly sizes?: AsyncIterable<Pick<TerminalSize, "columns">>;
  /** How long a line may become, in UTF-16 code units: 4096, unless given. */
  readonly maxLineLength?: number;
  /** How many lines the history keeps: 1000, unless given. */
  readonly maxHistory?: number;
  /** The lines that the history begins with, the oldest first. */
  readonly history?: Iterable<string>;
}

/** What goes with {@linkcode LineEditor.readLine}. */
export interface ReadLineOptions {
  /** Stands before the line; it may have colours. */
  readonly prompt?: string;
  /** Whether what is typed is shown, and kept in the history: not for passwords. */
  readonly echo?: boolean;
  /** Ends the wait: what was typed of the line is dropped. */
  readonly signal?: AbortSignal;
}

interface PendingRead {
  readonly line: Deferred<string | typeof Eof>;
  readonly echo: boolean;
}

const DEFAULT_COLUMNS = 80;
const MAX_COLUMNS = 10_000;
/** What may be typed before it is read: keys, or characters of text. */
const MAX_TYPED_AHEAD = 16 * 1024;
const BELL = "\x07";

/**
 * A line editor for a terminal in raw mode, such as the one at the other end of a session.
 *
 * Keys: arrows, Home, End, Delete and Backspace; Ctrl-A, -E, -B, -F for moving; Ctrl-K, -U, -W for
 * erasing to the end, to the start, a word; Alt or Ctrl with arrows, Alt-B, -F, -D for words; Up,
 * Down, Ctrl-P, -N for the history; Ctrl-L to clear the screen. Ctrl-C gives the line up and
 * begins it anew. Ctrl-D on an empty line is the end of this one read: the next read goes on.
 *
 * @example
 * ```ts
 * import { Eof, LineEditor } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const typed = new TextEncoder().encode("hellp\x7fo\r\x04");
 * const editor = new LineEditor({
 *   input: ReadableStream.from([typed]),
 *   output: new WritableStream(),
 * });
 * assert.equal(await editor.readLine({ prompt: "> " }), "hello");
 * assert.equal(await editor.readLine({ prompt: "> " }), Eof);
 * editor.close();
 * ```
 */
export class LineEditor {
  /** Told of Ctrl-C, whether a line is being read or not. */
  onInterrupt: (() => void) | null = null;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #output: WritableStream<Uint8Array>;
  readonly #decoder = new KeyDecoder();
  readonly #view = new LineView();
  readonly #buffer: EditBuffer;
  /** Stands in for the line where that is not shown. */
  readonly #hidden = new EditBuffer(0);
  readonly #history: History;
  #typed: Key[] = [];
  #typedLength = 0;
  #pending: PendingRead | null = null;
  #wanted: Deferred<void> | null = null;
  #writing: Promise<void> = Promise.resolve();
  #end: { readonly error: unknown } | "done" | null = null;
  #sizes: AsyncIterator<Pick<TerminalSize, "columns">> | null = null;

  /** Begins to read; nothing is shown before a line is asked for. */
  constructor(options: LineEditorOptions) {
    this.#reader = options.input.getReader();
    this.#output = options.output;
    this.#buffer = new EditBuffer(options.maxLineLength ?? 4096);
    this.#history = new History(options.history ?? [], options.maxHistory ?? 1000);
    this.#pump();
    if (options.sizes !== undefined) this.#follow(options.sizes[Symbol.asyncIterator]());
  }

  /** The lines that have been read, the oldest first; those that were not shown are not kept. */
  get history(): readonly string[] {
    return this.#history.lines;
  }

  /** Whether the input is at its end: every later read gives `Eof`. */
  get ended(): boolean {
    return this.#end !== null && this.#typed.length === 0;
  }

  /**
   * Reads a line.
   *
   * @returns The line, without its end; or `Eof` after Ctrl-D on an empty line, or at the end of
   * the input: {@linkcode ended} tells the two apart.
   * @throws {TypeError} If a line is being read already.
   * @throws The error that the input or the output failed with, or the signal's reason.
   */
  async readLine(options: ReadLineOptions = {}): Promise<string | typeof Eof> {
    const { prompt = "", echo = true, signal } = options;
    signal?.throwIfAborted();
    if (this.#pending !== null) throw new TypeError("Cannot read a line: one is being read");
    const line = deferred<string | typeof Eof>();
    this.#pending = { line, echo };
    const onAbort = (): void => this.#settle(() => line.reject(signal?.reason));
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      this.#begin(prompt);
      this.#work();
      this.#wanted?.resolve();
      return await line.promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      // The output is the caller's again.
      await this.#writing;
    }
  }

  /**
   * Reads lines until Ctrl-D on an empty one, or the end of the input: what a command reads that
   * is run from a terminal.
   */
  async *lines(options: ReadLineOptions = {}): AsyncGenerator<string, void, void> {
    for (let line; (line = await this.readLine(options)) !== Eof;) yield line;
  }

  /** Lets go of the input. What was typed and not read is lost; a read that waits gives `Eof`. */
  close(): void {
    if (this.#end === null) this.#end = "done";
    this.#typed = [];
    this.#settle((line) => line.resolve(Eof));
    this.#wanted?.resolve();
    this.#sizes?.return?.();
    this.#reader.releaseLock();
  }

  async #pump(): Promise<void> {
    try {
      while (this.#end === null) {
        if (this.#pending === null && this.#typedLength > MAX_TYPED_AHEAD) {
          this.#wanted = deferred();
          await this.#wanted.promise;
          continue;
        }
        const { done, value } = await this.#reader.read();
        if (done) break;
        await this.#take(this.#decoder.push(value));
        await this.#writing;
      }
      this.#end ??= "done";
    } catch (error) {
      this.#end ??= { error };
    }
    this.#work();
  }

  /** Works on what has been typed, up to where nobody waits for more. */
  async #take(keys: readonly Key[]): Promise<void> {
    for (const key of keys) {
      this.#typed.push(key);
      this.#typedLength += lengthOf(key);
    }
    this.#work();
    if (this.#pending !== null || !keys.some(isInterrupt)) return;
    // Whoever has just got a line is given the time to begin with what can be interrupted.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const last = this.#typed.findLastIndex(isInterrupt);
    if (this.#pending !== null || last === -1) return;
    for (const key of this.#typed.splice(0, last + 1)) this.#typedLength -= lengthOf(key);
    this.onInterrupt?.();
  }

  async #follow(sizes: AsyncIterator<Pick<TerminalSize, "columns">>): Promise<void> {
    this.#sizes = sizes;
    try {
      for (let next; !(next = await sizes.next()).done;) {
        const columns = Math.min(next.value.columns || DEFAULT_COLUMNS, MAX_COLUMNS);
        const shown = this.#pending === null ? null : this.#shown;
        this.#view.resize(columns, shown);
        if (shown !== null) this.#write(this.#view.draw(shown));
      }
    } catch {
      // Without sizes the last one stays.
    }
  }

  #begin(prompt: string): void {
    this.#buffer.set("");
    this.#history.restart();
    this.#view.begin(prompt);
    if (prompt !== "") this.#write(this.#view.draw(this.#buffer));
  }

  #work(): void {
    while (this.#pending !== null) {
      const key = this.#typed.shift();
      if (key !== undefined) {
        this.#typedLength -= lengthOf(key);
        this.#do(key, this.#pending);
      } else if (this.#end !== null) return this.#giveEnd(this.#end);
      else return;
    }
  }

  #giveEnd(end: { readonly error: unknown } | "done"): void {
    this.#settle((line) => {
      if (end !== "done") line.reject(end.error);
      // A last line without an end is a line.
      else line.resolve(this.#buffer.isEmpty ? Eof : this.#buffer.text);
    });
  }

  #settle(settle: (line: PendingRead["line"]) => void): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null) settle(pending.line);
  }

  /** What of the line is on the screen. */
  get #shown(): EditBuffer {
    return this.#pending?.echo === false ? this.#hidden : this.#buffer;
  }

  #do(key: Key, pending: PendingRead): void {
    if (key.name === "text") return this.#insert(key.text);
    switch (key.name) {
      case "enter":
        return this.#enter(pending);
      case "interrupt":
        return this.#interrupt();
      case "delete-or-end":
        if (this.#buffer.isEmpty) return this.#settle((line) => line.resolve(Eof));
        break;
      case "clear-screen":
        return this.#write(this.#view.clearScreen(this.#shown));
    }
    this.#edit(key.name);
  }

  #insert(text: string): void {
    const atEnd = this.#buffer.isAtEnd;
    const before = this.#buffer.characters.length;
    const fits = this.#buffer.insert(text);
    if (this.#shown === this.#buffer) {
      const added = this.#buffer.characters.slice(before).join("");
      // An accent changes the letter before it, so that more has to be drawn than was typed.
      const plain = atEnd && fits && added === text;
      this.#write(plain ? this.#view.append(this.#buffer, text) : this.#view.draw(this.#buffer));
    }
    if (!fits) this.#write(BELL);
  }

  #enter(pending: PendingRead): void {
    const { text } = this.#buffer;
    this.#write(this.#view.finish(this.#shown));
    if (pending.echo) this.#history.add(text);
    this.#settle((line) => line.resolve(text));
  }

  #interrupt(): void {
    this.#write(this.#view.finish(this.#shown, "^C"));
    this.#buffer.set("");
    this.#history.restart();
    this.onInterrupt?.();
    if (this.#pending !== null) this.#write(this.#view.draw(this.#shown));
  }

  #edit(name: KeyName): void {
    const buffer = this.#buffer;
    const before = buffer.text;
    const cursor = buffer.cursor;
    switch (name) {
      case "left":
        buffer.move(-1);
        break;
      case "right":
        buffer.move(1);
        break;
      case "home":
        buffer.move(-Infinity);
        break;
      case "end":
        buffer.move(Infinity);
        break;
      case "word-left":
        buffer.move(buffer.wordLeft);
        break;
      case "word-right":
        buffer.move(buffer.wordRight);
        break;
      case "backspace":
        buffer.erase(-1);
        break;
      case "delete":
      case "delete-or-end":
        buffer.erase(1);
        break;
      case "erase-to-end":
        buffer.erase(Infinity);
        break;
      case "erase-to-start":
        buffer.erase(-Infinity);
        break;
      case "erase-word":
        buffer.erase(buffer.blankLeft);
        break;
      case "erase-word-right":
        buffer.erase(buffer.wordRight);
        break;
      case "up":
      case "down":
        this.#recall(name === "up" ? 1 : -1);
        break;
    }
    if (buffer.text === before && buffer.cursor === cursor) this.#write(BELL);
    else if (this.#shown === buffer) this.#write(this.#view.draw(buffer));
  }

  #recall(by: 1 | -1): void {
    if (this.#pending?.echo === false) return;
    const line = this.#history.go(by, this.#buffer.text);
    if (line !== null) this.#buffer.set(line);
  }

  #write(text: string): void {
    if (text === "") return;
    const data = new TextEncoder().encode(text);
    this.#writing = this.#writing.then(async () => {
      const writer = this.#output.getWriter();
      try {
        await writer.write(data);
      } finally {
        writer.releaseLock();
      }
    });
    this.#writing.catch((error) => this.#settle((line) => line.reject(error)));
  }
}

function isInterrupt(key: Key): boolean {
  return key.name === "interrupt";
}

function lengthOf(key: Key): number {
  return key.name === "text" ? key.text.length : 1;
}
