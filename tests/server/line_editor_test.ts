import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { Eof, LineEditor, type LineEditorOptions } from "../../server/mod.ts";
import { AsyncQueue } from "../../connection/async_queue.ts";
import { utf8 } from "../helpers/bytes.ts";
import { Terminal } from "./_terminal.ts";

/** An editor, what types into it, and the terminal that shows what it writes. */
function open(options: Partial<LineEditorOptions> & { columns?: number; rows?: number } = {}) {
  const { columns = 40, rows = 10 } = options;
  const terminal = new Terminal(columns, rows);
  const keyboard = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 10,
  });
  const sizes = new AsyncQueue<{ columns: number }>();
  sizes.push({ columns });
  const decoder = new TextDecoder();
  let written = "";
  const output = new WritableStream<Uint8Array>({
    write(chunk) {
      const text = decoder.decode(chunk, { stream: true });
      written += text;
      terminal.write(text);
    },
  });
  const editor = new LineEditor({ input: keyboard.readable, output, sizes, ...options });
  const writer = keyboard.writable.getWriter();
  return {
    editor,
    terminal,
    sizes,
    output,
    written: () => written,
    async type(...texts: (string | Uint8Array)[]): Promise<void> {
      for (const text of texts) await writer.write(typeof text === "string" ? utf8(text) : text);
      await settle();
    },
    end: () => writer.close(),
    break: (error: unknown) => writer.abort(error),
  };
}

/** Lets what was typed be worked on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The line that comes of keys. */
async function lineOf(keys: string, options: Partial<LineEditorOptions> = {}): Promise<string> {
  const { editor, type } = open(options);
  const reading = editor.readLine({ prompt: "> " });
  await type(keys, "\r");
  const line = await reading;
  editor.close();
  assert.ok(line !== Eof);
  return line;
}

const LEFT = "\x1b[D";
const RIGHT = "\x1b[C";
const UP = "\x1b[A";
const DOWN = "\x1b[B";

describe("a line editor", () => {
  it("reads a line, shows it behind its prompt, and leaves the cursor below it", async () => {
    const { editor, terminal, type } = open();
    const reading = editor.readLine({ prompt: "$ " });
    await type("l", "s");
    assert.deepEqual(terminal.screen, ["$ ls"]);
    assert.deepEqual(terminal.cursor, [0, 4]);
    await type("\r");
    assert.equal(await reading, "ls");
    assert.deepEqual(terminal.cursor, [1, 0]);
    editor.close();
  });

  it("takes CR, LF and CR LF for the end of a line", async () => {
    const { editor, type } = open();
    await type("a\rb\nc\r\nd\r", "\n\r\n");
    const lines = [];
    for (let i = 0; i < 5; i++) lines.push(await editor.readLine());
    assert.deepEqual(lines, ["a", "b", "c", "d", ""]);
    editor.close();
  });

  it("knows the editing keys", async () => {
    const cases: [string, string][] = [
      ["helo\x1b[Dl", "hello"],
      ["abc\x7f\x08d", "ad"],
      ["\x7f\x7fa", "a"],
      ["bc\x01a\x05d", "abcd"],
      ["bc\x1b[Ha\x1b[Fd", "abcd"],
      ["bc\x1bOHa\x1bOFd", "abcd"],
      ["bc\x1b[1~a\x1b[4~d\x1b[7~_\x1b[8~_", "_abcd_"],
      [`axb${LEFT}${LEFT}\x1b[3~`, "ab"],
      ["axb\x02\x02\x04", "ab"],
      [`ab${LEFT}${LEFT}${LEFT}_${RIGHT}${RIGHT}${RIGHT}_`, "_ab_"],
      ["\x1bOD\x1bOCa", "a"],
      ["ab\x02\x02\x06x", "axb"],
      ["hello world\x01\x06\x06\x0b", "he"],
      [`hello world${LEFT.repeat(5)}\x15`, "world"],
      ["one two  \x17three", "one three"],
      ["a/b c/d\x17", "a/b "],
      ["one two\x1bbx", "one xtwo"],
      ["one two\x1b[1;5D\x1b[1;3Dx", "xone two"],
      ["one two\x01\x1bfx", "onex two"],
      ["one two\x01\x1b[1;5Cx", "onex two"],
      ["one two three\x01\x1bd\x1bd", " three"],
      ["one two\x1b\x7f", "one "],
      ["a\tb", "a b"],
    ];
    for (const [keys, line] of cases) {
      assert.equal(await lineOf(keys), line, JSON.stringify(keys));
    }
  });

  it("leaves out what it does not know, wherever it is cut", async () => {
    const keys = `a\x1b[5~\x1b[200~\x1b[?1;2c\x1b[1;2P\x1bOP\x1bz\x00\x1c\x1b[${
      "1;".repeat(500)
    }xb\x1b[12\rc`;
    assert.equal(await lineOf(keys), "ab");
    const { editor, type } = open();
    const reading = editor.readLine();
    for (const byte of utf8("x\x1b[Dy\x1b\x1b[3~ü→\r")) await type(Uint8Array.of(byte));
    assert.equal(await reading, "yü→");
    editor.close();
  });

  it("edits what users take for characters: accents, wide ones, emoji", async () => {
    assert.equal(await lineOf("äöü\x7f"), "äö");
    assert.equal(await lineOf("a\u0308o\u0308\x7f"), "a\u0308");
    assert.equal(await lineOf(`ab${LEFT}\u0308`), "a\u0308b");
    assert.equal(await lineOf("日本語\x02\x7f"), "日語");
    assert.equal(await lineOf("👩‍👩‍👧x\x02\x7f"), "x");
    assert.equal(await lineOf(`日${LEFT}a\x04`), "a");
  });

  it("shows wide characters in two columns", async () => {
    const { editor, terminal, type } = open({ columns: 8 });
    const reading = editor.readLine({ prompt: "> " });
    await type("日本語");
    assert.deepEqual(terminal.screen, ["> 日本語"]);
    await type("文");
    assert.deepEqual(terminal.screen, ["> 日本語", "文"]);
    await type(LEFT);
    assert.deepEqual(terminal.cursor, [1, 0]);
    await type(LEFT);
    assert.deepEqual(terminal.cursor, [0, 6]);
    await type("a");
    // A wide character that does not fit leaves a column empty.
    assert.deepEqual(terminal.screen, ["> 日本a", "語文"]);
    await type("\r");
    assert.equal(await reading, "日本a語文");
    editor.close();
  });

  it("counts a prompt's colours as nothing", async () => {
    const { editor, terminal, type } = open({ columns: 10 });
    const reading = editor.readLine({ prompt: "\x1b[1;32mada\x1b[0m$ " });
    await type("12345");
    assert.deepEqual(terminal.screen, ["ada$ 12345"]);
    assert.deepEqual(terminal.cursor, [1, 0]);
    await type("6", LEFT, LEFT, "x");
    assert.deepEqual(terminal.screen, ["ada$ 1234x", "56"]);
    await type("\r");
    assert.equal(await reading, "1234x56");
    editor.close();
  });

  it("has prompts of several lines", async () => {
    const { editor, terminal, type } = open();
    const reading = editor.readLine({ prompt: "one\ntwo> " });
    await type("ab", LEFT, "x");
    assert.deepEqual(terminal.screen, ["one", "two> axb"]);
    await type("\r");
    await reading;
    const other = editor.readLine({ prompt: "three\n" });
    await type("x", "\x7f", "y", "\r");
    assert.equal(await other, "y");
    assert.deepEqual(terminal.screen, ["one", "two> axb", "three", "y"]);
    editor.close();
  });

  it("clears the screen", async () => {
    const { editor, terminal, type } = open();
    terminal.write("something\r\n");
    const reading = editor.readLine({ prompt: "> " });
    await type("abc", LEFT, "\x0c");
    assert.deepEqual(terminal.screen, ["> abc"]);
    assert.deepEqual(terminal.cursor, [0, 4]);
    await type("\r");
    assert.equal(await reading, "abc");
    editor.close();
  });

  it("begins a line anew on Ctrl-C, and says so", async () => {
    const { editor, terminal, type } = open();
    let interrupts = 0;
    editor.onInterrupt = () => interrupts++;
    const reading = editor.readLine({ prompt: "> " });
    await type("wrong", LEFT, "\x03");
    assert.deepEqual(terminal.screen, ["> wrong^C", ">"]);
    await type("right\r");
    assert.equal(await reading, "right");
    assert.equal(interrupts, 1);
    editor.close();
  });

  it("tells of Ctrl-C while nothing is read, and forgets what was typed before it", async () => {
    const { editor, type } = open();
    let interrupts = 0;
    editor.onInterrupt = () => interrupts++;
    await type("typed ahead\r", "\x03after\r");
    assert.equal(interrupts, 1);
    assert.equal(await editor.readLine(), "after");
    editor.close();
  });

  it("lets whoever has got a line begin before it tells of Ctrl-C", async () => {
    const { editor, type } = open();
    const order: string[] = [];
    const running = (async () => {
      const line = await editor.readLine();
      order.push(`run ${String(line)}`);
      editor.onInterrupt = () => order.push("interrupted");
    })();
    await type("sleep 100\r\x03");
    await running;
    await settle();
    assert.deepEqual(order, ["run sleep 100", "interrupted"]);
    editor.close();
  });

  it("ends one read on Ctrl-D, and not the next", async () => {
    const { editor, type } = open();
    await type("a\r\x04b\r", "\x04");
    assert.equal(await editor.readLine(), "a");
    assert.equal(await editor.readLine(), Eof);
    assert.equal(editor.ended, false);
    assert.equal(await editor.readLine(), "b");
    assert.equal(await editor.readLine(), Eof);
    const lines = Array.fromAsync(editor.lines());
    await type("one\r", "two\r", "\x04");
    assert.deepEqual(await lines, ["one", "two"]);
    assert.equal(editor.ended, false);
    editor.close();
  });

  it("gives Eof for ever at the end of the input, after what came before it", async () => {
    const { editor, type, end } = open();
    await type("a\rlast");
    await end();
    assert.equal(await editor.readLine(), "a");
    assert.equal(await editor.readLine(), "last");
    assert.equal(await editor.readLine(), Eof);
    assert.equal(await editor.readLine(), Eof);
    assert.equal(editor.ended, true);
  });

  it("rejects with what the input or the output failed with", async () => {
    const { editor, break: breakInput } = open();
    const reading = editor.readLine();
    await breakInput(new Error("the line is down"));
    await assert.rejects(reading, /the line is down/);
    await assert.rejects(editor.readLine(), /the line is down/);

    const output = new WritableStream<Uint8Array>({
      write: () => Promise.reject(new Error("the screen is off")),
    });
    const other = open({ output });
    await assert.rejects(other.editor.readLine({ prompt: "> " }), /the screen is off/);
  });

  it("shows nothing of a password, keeps it out of the history, but lets it be edited", async () => {
    const { editor, terminal, type, written } = open();
    const reading = editor.readLine({ prompt: "Password: ", echo: false });
    await type("secrex", "\x7f", "t", LEFT, UP, "\x01S", "\x05!", "\r");
    assert.equal(await reading, "Ssecret!");
    assert.deepEqual(terminal.screen, ["Password:"]);
    assert.doesNotMatch(written(), /secre/);
    assert.deepEqual(editor.history, []);
    assert.deepEqual(terminal.cursor, [1, 0]);
    editor.close();
  });

  it("goes through its history, and comes back to what was being written", async () => {
    const { editor, terminal, type } = open({ history: ["zero"] });
    await type("one\r", "one\r", "  \r", "two\r");
    for (let i = 0; i < 4; i++) await editor.readLine();
    assert.deepEqual(editor.history, ["zero", "one", "two"]);
    const reading = editor.readLine({ prompt: "> " });
    await type("new", UP);
    assert.equal(terminal.screen.at(-1), "> two");
    await type(UP, "\x10", UP);
    assert.equal(terminal.screen.at(-1), "> zero");
    await type(DOWN, "!");
    assert.equal(terminal.screen.at(-1), "> one!");
    await type("\x0e", DOWN, DOWN);
    assert.equal(terminal.screen.at(-1), "> new");
    await type(UP, "\r");
    assert.equal(await reading, "two");
    editor.close();
  });

  it("bounds its lines and its history", async () => {
    const { editor, terminal, type } = open({ maxLineLength: 5, maxHistory: 2 });
    const reading = editor.readLine({ prompt: "> " });
    await type("123456789", "日");
    assert.equal(terminal.screen.at(-1), "> 12345");
    assert.equal(terminal.bells, 2);
    await type("\x7f日", "\r");
    assert.equal(await reading, "1234日");
    await type("a\rb\r");
    await editor.readLine();
    await editor.readLine();
    assert.deepEqual(editor.history, ["a", "b"]);
    editor.close();
  });

  it("stops reading when too much is typed ahead", async () => {
    let pulled = 0;
    const input = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(utf8("x".repeat(1000)));
      },
    }, { highWaterMark: 0 });
    const editor = new LineEditor({ input, output: new WritableStream() });
    await settle();
    assert.ok(pulled >= 16 && pulled < 20, `${pulled} thousand characters were taken`);
    editor.close();
  });

  it("redraws when the terminal is resized", async () => {
    const { editor, type, sizes, terminal } = open({ columns: 20 });
    const reading = editor.readLine({ prompt: "> " });
    await type("abcdefghijkl");
    assert.deepEqual(terminal.screen, ["> abcdefghijkl"]);
    // What a terminal does that wraps its lines anew.
    const narrow = new Terminal(10, 10);
    narrow.write("> abcdefghijkl");
    const write = terminal.write;
    terminal.write = (text) => narrow.write(text);
    sizes.push({ columns: 10 });
    await settle();
    assert.deepEqual(narrow.screen, ["> abcdefgh", "ijkl"]);
    await type(LEFT.repeat(5), "x");
    assert.deepEqual(narrow.screen, ["> abcdefgx", "hijkl"]);
    assert.deepEqual(narrow.cursor, [1, 0]);
    terminal.write = write;
    await type("\r");
    assert.equal(await reading, "abcdefgxhijkl");
    editor.close();
  });

  it("reads one line at a time", async () => {
    const { editor, type } = open();
    const reading = editor.readLine();
    await assert.rejects(editor.readLine(), TypeError);
    await type("a\r");
    assert.equal(await reading, "a");
    editor.close();
  });

  it("gives up by its signal, and goes on with the next read", async () => {
    const { editor, type } = open();
    const stop = new AbortController();
    const reading = editor.readLine({ signal: stop.signal });
    await type("half");
    stop.abort(new Error("enough"));
    await assert.rejects(reading, /enough/);
    await assert.rejects(editor.readLine({ signal: stop.signal }), /enough/);
    const next = editor.readLine();
    await type("whole\r");
    assert.equal(await next, "whole");
    editor.close();
  });

  it("lets go of its streams", async () => {
    const input = new ReadableStream<Uint8Array>();
    const output = new WritableStream<Uint8Array>();
    const editor = new LineEditor({ input, output });
    const reading = editor.readLine({ prompt: "> " });
    editor.close();
    assert.equal(await reading, Eof);
    assert.equal(input.locked, false);
    assert.equal(output.locked, false);
    assert.equal(await editor.readLine(), Eof);
  });

  it("leaves its output free between reads", async () => {
    const { editor, type, output } = open();
    await type("a\r");
    await editor.readLine({ prompt: "> " });
    const writer = output.getWriter();
    await writer.write(utf8("a command's output\r\n"));
    writer.releaseLock();
    await type("b\r");
    assert.equal(await editor.readLine({ prompt: "> " }), "b");
    editor.close();
  });

  it("shows, after any keys, what the line is and where the cursor is", async () => {
    const key = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom("a", "b ", "日", "é", "e\u0301", "xyz", "👍", ", ") },
      {
        weight: 4,
        arbitrary: fc.constantFrom(LEFT, RIGHT, "\x7f", "\x04", "\x01", "\x05", "\x17", "\x1bb"),
      },
      { weight: 1, arbitrary: fc.constantFrom("\x0b", "\x15", UP, DOWN, "\x1bf", "\x1bd") },
    );
    const keys = fc.array(key, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(keys, fc.integer({ min: 4, max: 24 }), async (keys, columns) => {
        const { editor, terminal, type } = open({ columns, rows: 60, history: ["before"] });
        const reading = editor.readLine({ prompt: "> " });
        await settle();
        // An "x" first, so that Ctrl-D ends nothing.
        for (const key of ["x", ...keys]) {
          if (key === "\x04") await type("x", LEFT, key);
          else await type(key);
        }
        const [row, column] = terminal.cursor;
        const shown = terminal.screen;
        await type("\x05", "\r");
        const line = await reading;
        editor.close();
        assert.ok(line !== Eof);
        const fresh = new Terminal(columns, 60);
        fresh.write(`> ${line}`);
        assert.deepEqual(shown, fresh.screen);
        // The cursor stands where some beginning of the line ends; or, where the next character is
        // too wide for the rest of the row, where that is shown.
        const places = Array.from({ length: line.length + 1 }, (_, length) => {
          const after = (text: string): readonly [number, number] => {
            const part = new Terminal(columns, 60);
            part.write(`> ${line.slice(0, length)}${text}`);
            return part.cursor;
          };
          const [row, column] = after(".");
          const wide = /^[日👍]/u.exec(line.slice(length))?.[0] ?? ".";
          const [wideRow, wideColumn] = after(wide);
          return wideRow > row ? `${wideRow},${wideColumn - 1}` : `${row},${column}`;
        });
        const dot = new Terminal(columns, 60);
        dot.write(`${"\n".repeat(row)}${" ".repeat(column)}.`);
        assert.ok(places.includes(`${dot.cursor[0]},${dot.cursor[1]}`), `${row},${column}`);
      }),
      { numRuns: 25, examples: [[[LEFT, "👍", "a", LEFT, "日", LEFT], 5]] },
    );
  });
});
