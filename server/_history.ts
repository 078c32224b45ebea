/**
 * Lines that were entered before.
 *
 * @module
 */

/** A bounded history, and a place in it while a line is being edited. */
export class History {
  readonly #lines: string[];
  readonly #maxLines: number;
  /** How far back the present line is; 0 is the one that is being written. */
  #back = 0;
  #written = "";

  constructor(lines: Iterable<string>, maxLines: number) {
    this.#maxLines = maxLines;
    this.#lines = [...lines];
    this.#trim();
  }

  /** The lines, the oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Keeps a line, unless it is blank or the same as the last one. */
  add(line: string): void {
    if (line.trim() === "" || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
    this.#trim();
  }

  /** A new line begins. */
  restart(): void {
    this.#back = 0;
    this.#written = "";
  }

  /**
   * Goes back by one line, or forth.
   *
   * @param current The line as it stands, to come back to.
   * @returns The other line; null if there is none.
   */
  go(by: 1 | -1, current: string): string | null {
    const back = this.#back + by;
    if (back < 0 || back > this.#lines.length) return null;
    if (this.#back === 0) this.#written = current;
    this.#back = back;
    return back === 0 ? this.#written : this.#lines.at(-back) ?? null;
  }

  #trim(): void {
    this.#lines.splice(0, this.#lines.length - this.#maxLines);
  }
}
