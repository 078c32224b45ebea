/**
 * The exchange of protocol versions (RFC 4253 section 4.2).
 *
 * @module
 */

import type { ByteQueue } from "../../wire/byte_queue.ts";
import { DisconnectCode, printable, ProtocolError } from "../../wire/errors.ts";
import { decodeLatin1, encodeLatin1 } from "../../wire/latin1.ts";

/** Of a line before the identification, as of the identification itself: RFC 4253 says 255. */
const MAX_LINE_BYTES = 255;
/** A server may send lines before its identification, but not without end. */
const MAX_LINES = 1024;
const MAX_LINES_BYTES = 65536;
const LF = 0x0a;
const CR = 0x0d;

/** Checks that a string can be sent as this end's identification, without CR LF. */
export function checkIdentification(text: string): string {
  if (!/^SSH-2\.0-[\x21-\x2c\x2e-\x7e]+( [\x20-\x7e]+)?$/.test(text) || text.length > 253) {
    throw new TypeError(
      `Cannot identify as ${JSON.stringify(text)}: ` +
        `it has to read "SSH-2.0-softwareversion comments", in at most 253 characters`,
    );
  }
  return text;
}

/** Reads the peer's identification, and the lines that a server may send before it. */
export class IdentificationReader {
  readonly #linesAllowed: boolean;
  readonly #onLine: ((line: string) => void) | undefined;
  /** How many bytes at the front of the queue are known to hold no LF. */
  #searched = 0;
  #lines = 0;
  #lineBytes = 0;

  /**
   * @param options.linesAllowed Whether lines may come first: only a client allows that.
   * @param options.onLine Told of each such line.
   */
  constructor(options: { linesAllowed: boolean; onLine?: ((line: string) => void) | undefined }) {
    this.#linesAllowed = options.linesAllowed;
    this.#onLine = options.onLine;
  }

  /**
   * Takes lines from the queue, up to the identification.
   *
   * @returns The identification without CR LF, exactly as it was sent; null when more is needed.
   * @throws {ProtocolError} If it is not SSH 2.0, or too much comes before it.
   */
  next(queue: ByteQueue): string | null {
    while (true) {
      const waiting = queue.peek(Math.min(queue.length, MAX_LINES_BYTES + 1));
      const end = waiting.indexOf(LF, this.#searched);
      const nul = waiting.indexOf(0, this.#searched);
      if (nul !== -1 && (end === -1 || nul < end)) throw refuse("a line has a NUL", waiting);
      const isIdentification = startsWithSsh(waiting);
      const limit = isIdentification || !this.#linesAllowed ? MAX_LINE_BYTES : MAX_LINES_BYTES;
      if ((end === -1 ? waiting.length : end) > limit) {
        throw refuse(`a line of more than ${limit} bytes`, waiting);
      }
      if (!isIdentification && !this.#linesAllowed && waiting.length >= 4) {
        throw refuse("it begins with", waiting);
      }
      this.#searched = end === -1 ? waiting.length : 0;
      if (end === -1) return null;
      const withoutCr = end > 0 && waiting[end - 1] === CR ? end - 1 : end;
      const line = decodeLatin1(waiting.subarray(0, withoutCr));
      if (!isIdentification && !this.#linesAllowed) throw refuse("it begins with", waiting);
      queue.skip(end + 1);
      if (isIdentification) return checkVersion(line);
      this.#countLine(line, end);
    }
  }

  #countLine(line: string, bytes: number): void {
    this.#lines++;
    this.#lineBytes += bytes;
    if (/^HTTP\/\d/.test(line)) {
      throw new ProtocolError(
        `Cannot speak SSH: the peer speaks HTTP ("${printable(line, 80)}")`,
        { code: DisconnectCode.PROTOCOL_VERSION_NOT_SUPPORTED },
      );
    }
    if (this.#lines > MAX_LINES || this.#lineBytes > MAX_LINES_BYTES) {
      throw new ProtocolError(
        `Cannot speak SSH: ${this.#lines} lines (${this.#lineBytes} bytes) ` +
          `came before any identification`,
      );
    }
    this.#onLine?.(printable(line, MAX_LINES_BYTES));
  }
}

function startsWithSsh(bytes: Uint8Array): boolean {
  return bytes[0] === 0x53 && bytes[1] === 0x53 && bytes[2] === 0x48 && bytes[3] === 0x2d;
}

/** RFC 4253 section 5.1: a server that says 1.99 speaks 2.0 too. */
function checkVersion(line: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(line)) {
    throw refuse("its identification has a control character", encodeLatin1(line));
  }
  if (line.startsWith("SSH-2.0-") || line.startsWith("SSH-1.99-")) return line;
  throw refuse("it identifies as", encodeLatin1(line));
}

function refuse(why: string, bytes: Uint8Array): ProtocolError {
  const shown = printable(decodeLatin1(bytes.subarray(0, 80)), 80);
  return new ProtocolError(`Cannot speak SSH with the peer: ${why} "${shown}"`, {
    code: DisconnectCode.PROTOCOL_VERSION_NOT_SUPPORTED,
  });
}
