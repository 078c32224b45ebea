/**
 * The line that is being edited.
 *
 * @module
 */

import { splitCharacters } from "./_text_width.ts";

const ASCII = /^[ -~]*$/;
const WORD = /[\p{L}\p{N}\p{M}_]/u;

/** A line and the place of the cursor in it, both counted in characters as users see them. */
export class EditBuffer {
  #characters: string[] = [];
  #cursor = 0;
  #length = 0;
  readonly #maxLength: number;

  /** @param maxLength How long the line may become, in UTF-16 code units. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** The characters of the line. */
  get characters(): readonly string[] {
    return this.#characters;
  }

  /** How many of them stand before the cursor. */
  get cursor(): number {
    return this.#cursor;
  }

  /** The line. */
  get text(): string {
    return this.#characters.join("");
  }

  get isEmpty(): boolean {
    return this.#characters.length === 0;
  }

  get isAtEnd(): boolean {
    return this.#cursor === this.#characters.length;
  }

  /** Replaces the line; the cursor is behind it. */
  set(text: string): void {
    this.#characters = splitCharacters(text);
    this.#length = text.length;
    this.#cursor = this.#characters.length;
  }

  /**
   * Inserts text where the cursor is.
   *
   * @returns Whether there was room for all of it.
   */
  insert(text: string): boolean {
    const characters = this.#characters;
    const room = Math.max(this.#maxLength - this.#length, 0);
    if (ASCII.test(text)) {
      const inserted = Array.from(text.slice(0, room));
      characters.splice(this.#cursor, 0, ...inserted);
      this.#cursor += inserted.length;
      this.#length += inserted.length;
      return text.length <= room;
    }
    // Accents join the letter before them, and what is behind may join what comes before it now.
    const start = Math.max(this.#cursor - 1, 0);
    const before = characters.slice(start, this.#cursor).join("");
    const after = characters[this.#cursor] ?? "";
    const fitting = text.length <= room
      ? text
      : text.slice(0, room).replace(/[\ud800-\udbff]$/, "");
    const joined = splitCharacters(before + fitting + after);
    characters.splice(start, this.#cursor - start + (after === "" ? 0 : 1), ...joined);
    this.#length += fitting.length;
    this.#cursor = start;
    for (let passed = 0; passed < before.length + fitting.length; this.#cursor++) {
      passed += characters[this.#cursor]?.length ?? Infinity;
    }
    return fitting.length === text.length;
  }

  /** Moves the cursor by characters, as far as there are any. */
  move(by: number): void {
    this.#cursor = Math.min(Math.max(this.#cursor + by, 0), this.#characters.length);
  }

  /** Erases characters before the cursor (a negative number) or behind it. */
  erase(count: number): void {
    const start = Math.max(this.#cursor + Math.min(count, 0), 0);
    const end = Math.max(this.#cursor + count, this.#cursor);
    const erased = this.#characters.splice(start, end - start);
    for (const character of erased) this.#length -= character.length;
    this.#cursor = start;
  }

  /** How far it is to the start of this word or the one before, as a negative number. */
  get wordLeft(): number {
    let at = this.#cursor;
    while (at > 0 && !this.#isWord(at - 1)) at--;
    while (at > 0 && this.#isWord(at - 1)) at--;
    return at - this.#cursor;
  }

  /** How far it is to the end of this word or the next. */
  get wordRight(): number {
    let at = this.#cursor;
    while (at < this.#characters.length && !this.#isWord(at)) at++;
    while (at < this.#characters.length && this.#isWord(at)) at++;
    return at - this.#cursor;
  }

  /** How far it is to the white space before this word, as a negative number: what Ctrl-W erases. */
  get blankLeft(): number {
    let at = this.#cursor;
    while (at > 0 && this.#isBlank(at - 1)) at--;
    while (at > 0 && !this.#isBlank(at - 1)) at--;
    return at - this.#cursor;
  }

  #isWord(index: number): boolean {
    return WORD.test(this.#characters[index] ?? "");
  }

  #isBlank(index: number): boolean {
    return /^\s/.test(this.#characters[index] ?? "");
  }
}
