/**
 * The lines of PuTTY's private keys.
 *
 * @module
 */

import { hexToBytes } from "@noble/curves/utils.js";
import { fromBase64 } from "../crypto/base64.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";

/** More than the longest RSA key takes, with a certificate of many principals. */
const MAX_LENGTH = 131_072;

/** Reads the lines of a file one after the other; each is there in its place, or the file is bad. */
export class PpkLines {
  readonly #lines: readonly string[];
  #next = 0;

  /**
   * @param text The whole file.
   * @throws {KeyFormatError} If it is longer than any key is.
   */
  constructor(text: string) {
    if (text.length > MAX_LENGTH) {
      throw new KeyFormatError(
        `Cannot read PuTTY private key: it has ${text.length} characters, and at most ` +
          `${MAX_LENGTH} are read`,
      );
    }
    this.#lines = text.replace(/\s+$/, "").split(/\r\n|\n|\r/);
  }

  /** The first line: the version, and the key's type. */
  start(): { version: 2 | 3; type: string } {
    const [, version, type = ""] = /^PuTTY-User-Key-File-(\d+): (.*)$/.exec(this.#line()) ?? [];
    if (version === undefined) throw this.error("it does not begin with PuTTY-User-Key-File-");
    if (version !== "2" && version !== "3") {
      throw this.error(`version ${printable(version, 20)} is not 2 or 3`);
    }
    return { version: version === "2" ? 2 : 3, type };
  }

  /** The text behind a name. */
  header(name: string): string {
    const line = this.#line();
    if (!line.startsWith(`${name}: `)) throw this.error(`there should be ${name}`);
    return line.slice(name.length + 2);
  }

  /** A number behind a name. */
  number(name: string): number {
    const text = this.header(name);
    if (!/^(0|[1-9]\d{0,9})$/.test(text)) throw this.error(`${name} is not a number`);
    return Number(text);
  }

  /** Bytes in hexadecimal behind a name. */
  hex(name: string): Uint8Array {
    const text = this.header(name);
    if (!/^([0-9a-f]{2})*$/i.test(text)) throw this.error(`${name} is not hexadecimal`);
    return hexToBytes(text);
  }

  /** Bytes in base64: how many lines of them stands behind the name. */
  block(name: string): Uint8Array {
    const count = this.number(name);
    const lines = this.#lines.slice(this.#next, this.#next + count);
    if (lines.length < count) throw this.error(`there should be ${count} lines`);
    this.#next += count;
    const bytes = fromBase64(lines.join(""));
    if (bytes === null) throw this.error("what stands before it is not base64");
    return bytes;
  }

  /** Makes sure that nothing is left. */
  end(): void {
    if (this.#next < this.#lines.length) throw this.error("something follows the end");
  }

  /** The error for what was found wrong in the line that was read last. */
  error(why: string): KeyFormatError {
    const line = Math.min(this.#next, this.#lines.length);
    return new KeyFormatError(`Cannot read PuTTY private key: ${why} (line ${line})`);
  }

  #line(): string {
    const line = this.#lines[this.#next++];
    if (line === undefined) throw this.error("it ends too early");
    return line;
  }
}
