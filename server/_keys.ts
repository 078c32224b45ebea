/**
 * What a terminal sends when keys are pressed (ECMA-48, and what xterm and its kin made of it).
 *
 * @module
 */

/** What a key does. */
export type KeyName =
  | "enter"
  | "interrupt"
  | "delete-or-end"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "word-left"
  | "word-right"
  | "home"
  | "end"
  | "up"
  | "down"
  | "erase-to-end"
  | "erase-to-start"
  | "erase-word"
  | "erase-word-right"
  | "clear-screen";

/** A key that was pressed: text to be inserted, or something to be done. */
export type Key =
  | { readonly name: "text"; readonly text: string }
  | { readonly name: KeyName };

const CONTROLS: Readonly<Record<string, KeyName>> = {
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "delete-or-end",
  "\x05": "end",
  "\x06": "right",
  "\x08": "backspace",
  "\x0b": "erase-to-end",
  "\x0c": "clear-screen",
  "\x0e": "down",
  "\x10": "up",
  "\x15": "erase-to-start",
  "\x17": "erase-word",
  "\x7f": "backspace",
};

/** After ESC. */
const META: Readonly<Record<string, KeyName>> = {
  b: "word-left",
  f: "word-right",
  d: "erase-word-right",
  "\x08": "erase-word",
  "\x7f": "erase-word",
};

/** After ESC [ or ESC O, by the last character. */
const FINALS: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
};

/** After ESC [, before `~`. */
const NUMBERS: Readonly<Record<string, KeyName>> = {
  "1": "home",
  "3": "delete",
  "4": "end",
  "7": "home",
  "8": "end",
};

/** With a modifier, as in ESC [ 1 ; 5 D. */
const MODIFIED: Readonly<Record<string, KeyName>> = { C: "word-right", D: "word-left" };

const MAX_PARAMETERS = 16;

/** Turns a terminal's bytes into keys, wherever the chunks are cut. */
export class KeyDecoder {
  readonly #utf8 = new TextDecoder();
  #state: "ground" | "escape" | "csi" | "ss3" = "ground";
  #parameters = "";
  #afterReturn = false;

  /** The keys that a chunk completes. Text comes in runs as long as can be. */
  push(chunk: Uint8Array): Key[] {
    const keys: Key[] = [];
    let text = "";
    for (const character of this.#utf8.decode(chunk, { stream: true })) {
      const name = this.#take(character);
      if (name === "text") {
        text += character === "\t" ? " " : character;
      } else if (name !== null) {
        if (text !== "") keys.push({ name: "text", text });
        text = "";
        keys.push({ name });
      }
    }
    if (text !== "") keys.push({ name: "text", text });
    return keys;
  }

  #take(character: string): KeyName | "text" | null {
    const state = this.#state;
    this.#state = "ground";
    switch (state) {
      case "ground":
        return this.#takeGround(character);
      case "escape":
        return this.#takeEscape(character);
      case "ss3":
        return FINALS[character] ?? null;
      case "csi":
        return this.#takeControlSequence(character);
    }
  }

  #takeGround(character: string): KeyName | "text" | null {
    const afterReturn = this.#afterReturn;
    this.#afterReturn = character === "\r";
    if (character === "\r") return "enter";
    // CR LF is one end of a line.
    if (character === "\n") return afterReturn ? null : "enter";
    if (character === "\x1b") {
      this.#state = "escape";
      return null;
    }
    if (character === "\t") return "text";
    if (character < " " || (character >= "\x7f" && character < "\xa0")) {
      return CONTROLS[character] ?? null;
    }
    return "text";
  }

  #takeEscape(character: string): KeyName | null {
    if (character === "[") this.#state = "csi";
    else if (character === "O") this.#state = "ss3";
    else if (character === "\x1b") this.#state = "escape";
    this.#parameters = "";
    return META[character] ?? null;
  }

  #takeControlSequence(character: string): KeyName | "text" | null {
    // A control character has no place in it: the sequence was cut short.
    if (character < " ") return this.#takeGround(character);
    if (character < "@") {
      this.#state = "csi";
      if (this.#parameters.length < MAX_PARAMETERS) this.#parameters += character;
      return null;
    }
    const parameters = this.#parameters;
    if (character === "~") return NUMBERS[parameters] ?? null;
    return (parameters.includes(";") ? MODIFIED[character] : undefined) ?? FINALS[character] ??
      null;
  }
}
