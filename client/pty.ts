/**
 * Terminals that are asked for (RFC 4254 section 6.2).
 *
 * @module
 */

import type { PtyRequest, TerminalSize } from "../wire/channel_requests.ts";
import type { TerminalModes } from "../wire/terminal_modes.ts";

/** A terminal. What is left out is a VT100 with 80 columns and 24 rows. */
export interface PtyOptions {
  /** The value of TERM, such as `xterm-256color`. */
  readonly term?: string;
  /** The width in characters. */
  readonly columns?: number;
  /** The height in characters. */
  readonly rows?: number;
  /** The width in pixels; 0, unless given, says nothing. */
  readonly width?: number;
  /** The height in pixels; 0, unless given, says nothing. */
  readonly height?: number;
  /** POSIX modes by name, such as `{ ECHO: 0 }`, or by opcode. */
  readonly modes?: TerminalModes;
}

/** The request for a terminal. */
export function ptyRequestOf(options: PtyOptions | true): PtyRequest {
  const { term = "vt100", columns = 80, rows = 24, modes = {}, ...pixels } = options === true
    ? {}
    : options;
  return { term, modes, ...terminalSize(columns, rows, pixels) };
}

/**
 * A terminal's size.
 *
 * @throws {RangeError} If a number is no uint32.
 */
export function terminalSize(
  columns: number,
  rows: number,
  { width = 0, height = 0 }: { width?: number; height?: number } = {},
): TerminalSize {
  const size = { columns, rows, width, height };
  for (const [name, value] of Object.entries(size)) {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) continue;
    throw new RangeError(`Cannot give a terminal ${value} ${name}: it is no uint32`);
  }
  return size;
}
