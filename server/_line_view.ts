/**
 * Shows a prompt and the line behind it on a terminal.
 *
 * @module
 */

import type { EditBuffer } from "./_edit_buffer.ts";
import { characterWidth, splitCharacters } from "./_text_width.ts";

/** Colours and titles, which take no room (ECMA-48 sections 5.4 and 5.6). */
// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;

const TO_END_OF_SCREEN = "\x1b[J";
const HOME_AND_CLEAR = "\x1b[H\x1b[2J";

interface Position {
  readonly row: number;
  readonly column: number;
}

/** Knows what of a prompt and a line stands where, and what to send when they change. */
export class LineView {
  #columns = 80;
  #prompt = "";
  #promptCharacters: readonly string[] = [];
  /** The row of the cursor, counted from where the prompt begins. */
  #row = 0;

  /** A new line begins where the cursor is, which is at the start of a row. */
  begin(prompt: string): void {
    this.#prompt = prompt.replaceAll(/\r?\n/g, "\r\n");
    this.#promptCharacters = splitCharacters(prompt.replaceAll(ESCAPES, ""));
    this.#row = 0;
  }

  /**
   * Takes the terminal's width, and what it does with text that it has to wrap anew.
   *
   * @param shown What is on the screen; null if nothing is.
   */
  resize(columns: number, shown: EditBuffer | null): void {
    this.#columns = columns;
    if (shown !== null) this.#row = this.#positionOf(shown.characters, shown.cursor).row;
  }

  /** Shows all of it anew. */
  draw(buffer: EditBuffer, cursor: number = buffer.cursor): string {
    const up = this.#row > 0 ? `\x1b[${this.#row}A` : "";
    const clear = `${up}\r${TO_END_OF_SCREEN}`;
    const end = this.#positionOf(buffer.characters, buffer.characters.length);
    const target = this.#positionOf(buffer.characters, cursor);
    this.#row = target.row;
    // Behind a full row the terminal holds the cursor back; a space makes it come down.
    const isBroken = buffer.isEmpty && this.#prompt.endsWith("\n");
    const wrap = end.column === 0 && end.row > 0 && !isBroken ? " \r\x1b[K" : "";
    return `${clear}${this.#prompt}${buffer.text}${wrap}${moveTo(end, target)}`;
  }

  /** Shows text that was just inserted at the end, in the fewest bytes. */
  append(buffer: EditBuffer, text: string): string {
    const end = this.#positionOf(buffer.characters, buffer.characters.length);
    if (end.row !== this.#row || end.column === 0) return this.draw(buffer);
    return text;
  }

  /** Leaves the line: the cursor goes to the start of the row below it. */
  finish(buffer: EditBuffer, mark = ""): string {
    const end = this.#positionOf(buffer.characters, buffer.characters.length);
    const here = this.#positionOf(buffer.characters, buffer.cursor);
    this.#row = 0;
    return `${moveTo(here, end)}${mark}\r\n`;
  }

  /** Clears the screen, and shows the line at its top. */
  clearScreen(buffer: EditBuffer): string {
    this.#row = 0;
    return HOME_AND_CLEAR + this.draw(buffer);
  }

  /** Where a character stands, or will: `count` characters of the line come before it. */
  #positionOf(characters: readonly string[], count: number): Position {
    let row = 0;
    let column = 0;
    const pass = (character: string): void => {
      if (character === "\n" || character === "\r\n") {
        row++;
        column = 0;
        return;
      }
      const width = characterWidth(character);
      if (column + width > this.#columns && column > 0) {
        row++;
        column = 0;
      }
      column += width;
    };
    for (const character of this.#promptCharacters) pass(character);
    for (let index = 0; index < count; index++) pass(characters[index] ?? "");
    const next = characters[count];
    const nextWidth = next === undefined ? 1 : characterWidth(next);
    if (column + nextWidth > this.#columns && column > 0) return { row: row + 1, column: 0 };
    return { row, column };
  }
}

function moveTo(from: Position, to: Position): string {
  const rows = to.row - from.row;
  const vertical = rows === 0 ? "" : rows < 0 ? `\x1b[${-rows}A` : `\x1b[${rows}B`;
  if (vertical === "" && to.column === from.column) return "";
  return `${vertical}\r${to.column > 0 ? `\x1b[${to.column}C` : ""}`;
}
