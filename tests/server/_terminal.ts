/**
 * A terminal in memory: as much of a VT100 as a line editor makes use of.
 *
 * @module
 */

/** What stands on a screen, and where the cursor is. */
export class Terminal {
  readonly columns: number;
  readonly rows: number;
  #cells: string[][];
  #row = 0;
  #column = 0;
  /** Behind the last column: the next character goes to the next row. */
  #pendingWrap = false;
  bells = 0;
  /** Rows that have scrolled out at the top. */
  readonly scrolled: string[] = [];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#cells = Array.from({ length: rows }, () => []);
  }

  /** Where the cursor is. */
  get cursor(): [row: number, column: number] {
    return [this.#row, this.#column];
  }

  /** The rows up to the last that is not empty, without blanks at their ends. */
  get screen(): string[] {
    const rows = this.#cells.map(textOf);
    while (rows.length > 0 && rows.at(-1) === "") rows.pop();
    return rows;
  }

  write(text: string): void {
    const pattern =
      // deno-lint-ignore no-control-regex
      /\x1b\[([0-9;]*)([A-Za-z])|[\r\n\x07]|(?:\p{Emoji_Presentation}|[^\x1b])[\p{M}\u200d\ufe0f]*/gu;
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index !== end) throw new Error(`The terminal cannot read ${JSON.stringify(text)}`);
      end += match[0].length;
      const [token, parameters = "", final] = match;
      if (final !== undefined) this.#control(final, parameters);
      else this.#put(token);
    }
  }

  #control(final: string, parameters: string): void {
    const count = Number(parameters || "1");
    this.#pendingWrap = false;
    switch (final) {
      case "A":
        this.#row = Math.max(this.#row - count, 0);
        return;
      case "B":
        this.#row = Math.min(this.#row + count, this.rows - 1);
        return;
      case "C":
        this.#column = Math.min(this.#column + count, this.columns - 1);
        return;
      case "H":
        this.#row = this.#column = 0;
        return;
      case "J":
        if (parameters === "2") this.#cells = this.#cells.map(() => []);
        else this.#eraseBelow();
        return;
      case "K":
        this.#cells[this.#row]?.splice(this.#column);
        return;
      case "m":
        return;
    }
    throw new Error(`The terminal does not know CSI ${parameters} ${final}`);
  }

  #eraseBelow(): void {
    this.#cells[this.#row]?.splice(this.#column);
    for (let row = this.#row + 1; row < this.rows; row++) this.#cells[row] = [];
  }

  #put(token: string): void {
    if (token === "\x07") {
      this.bells++;
    } else if (token === "\r") {
      this.#column = 0;
      this.#pendingWrap = false;
    } else if (token === "\n") {
      this.#lineFeed();
      this.#pendingWrap = false;
    } else {
      this.#putCharacter(token);
    }
  }

  #putCharacter(character: string): void {
    const width = /^[\u3000-\u9fff\uac00-\ud7af\uff00-\uff60]|^\p{Emoji_Presentation}/u
        .test(character)
      ? 2
      : 1;
    if (this.#pendingWrap || this.#column + width > this.columns) {
      this.#column = 0;
      this.#lineFeed();
    }
    const row = this.#cells[this.#row] ?? [];
    while (row.length < this.#column) row.push(" ");
    row[this.#column] = character;
    if (width === 2) row[this.#column + 1] = "";
    this.#column += width;
    this.#pendingWrap = this.#column >= this.columns;
    if (this.#pendingWrap) this.#column = this.columns - 1;
  }

  #lineFeed(): void {
    if (this.#row < this.rows - 1) {
      this.#row++;
    } else {
      this.scrolled.push(textOf(this.#cells.shift() ?? []));
      this.#cells.push([]);
    }
  }
}

function textOf(cells: readonly string[]): string {
  return cells.join("").trimEnd();
}
