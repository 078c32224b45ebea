/**
 * The textual encoding of keys: RFC 7468, and the headers of RFC 1421 that old files have.
 *
 * @module
 */

import { fromBase64, toBase64, wrap } from "../crypto/base64.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";

/** What stands between a BEGIN line and its END line. */
export interface PemBlock {
  /** What the block says that it is: `OPENSSH PRIVATE KEY`. */
  readonly label: string;
  /** The headers of RFC 1421, such as `DEK-Info`. */
  readonly headers: ReadonlyMap<string, string>;
  /** The content. */
  readonly bytes: Uint8Array;
}

/** The longest text that is read, in characters: nobody's keys are near it. */
const maxLength = 1_048_576;

/**
 * Reads the blocks of a text; what is around them is ignored.
 *
 * @throws {KeyFormatError} If a block has no end or is not base64, or the text is very long.
 */
export function parsePem(text: string): PemBlock[] {
  if (text.length > maxLength) {
    throw new KeyFormatError(
      `Cannot read PEM: the text has ${text.length} characters, and at most ${maxLength} are read`,
    );
  }
  const blocks: PemBlock[] = [];
  const lines = text.split("\n").map((line) => line.trim());
  for (let i = 0; i < lines.length; i++) {
    const label = labelOf(lines[i] as string, "BEGIN");
    if (label === null) continue;
    let end = i + 1;
    while (end < lines.length && labelOf(lines[end] as string, "END") !== label) end++;
    if (end === lines.length) {
      throw new KeyFormatError(
        `Cannot read PEM: the block ${printable(label)}, which begins in line ${i + 1}, has no end`,
      );
    }
    blocks.push(parseBlock(label, lines.slice(i + 1, end), i + 2));
    i = end;
  }
  return blocks;
}

/**
 * Writes a block.
 *
 * @param label What the block is: `PRIVATE KEY`.
 * @param width How many characters a line has: 64 in RFC 7468, 70 in OpenSSH's own format.
 */
export function formatPem(label: string, bytes: Uint8Array, width = 64): string {
  return `-----BEGIN ${label}-----\n${wrap(toBase64(bytes), width)}-----END ${label}-----\n`;
}

function labelOf(line: string, which: "BEGIN" | "END"): string | null {
  const before = `-----${which} `;
  if (!line.startsWith(before) || !line.endsWith("-----") || line.length < before.length + 6) {
    return null;
  }
  return line.slice(before.length, -5);
}

function parseBlock(label: string, lines: readonly string[], firstLine: number): PemBlock {
  const headers = new Map<string, string>();
  let i = 0;
  for (; lines[i]?.includes(":"); i++) {
    const [name = "", ...value] = (lines[i] as string).split(":");
    headers.set(name, value.join(":").trim());
  }
  const bytes = fromBase64(lines.slice(i).join(""));
  if (bytes === null) {
    const bad = lines.findIndex((line, j) => j >= i && !/^[A-Za-z0-9+/=]*$/.test(line));
    const where = bad < 0 ? "" : ` (line ${firstLine + bad})`;
    throw new KeyFormatError(
      `Cannot read PEM: the block ${printable(label)} is not base64${where}`,
    );
  }
  return { label, headers, bytes };
}
