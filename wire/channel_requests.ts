/**
 * What is specific to the requests of a session: RFC 4254 section 6, and RFC 4335 for `break`.
 *
 * @module
 */

import { Reader } from "./reader.ts";
import { decodeTerminalModes, encodeTerminalModes, type TerminalModes } from "./terminal_modes.ts";
import { Writer } from "./writer.ts";

/** The size of a terminal. Zero means that it is not given. */
export interface TerminalSize {
  /** In characters. */
  readonly columns: number;
  /** In characters. */
  readonly rows: number;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
}

/** `pty-req` (RFC 4254 section 6.2). */
export interface PtyRequest extends TerminalSize {
  /** The value of TERM. */
  readonly term: string;
  /** By name, or by opcode where there is no name. */
  readonly modes: TerminalModes;
}

/** `exit-signal` (RFC 4254 section 6.10). */
export interface ExitSignal {
  /** The signal's name without `SIG`. */
  readonly name: string;
  /** Whether a core was dumped. */
  readonly coreDumped: boolean;
  /** What there is to say about it. */
  readonly message: string;
  /** The language tag of the message (RFC 3066). */
  readonly language: string;
}

const MAX_TEXT_BYTES = 64 * 1024;
const MAX_COMMAND_BYTES = 256 * 1024;

/** Encodes `pty-req`. */
export function encodePtyRequest(pty: PtyRequest): Uint8Array {
  const writer = new Writer().string(pty.term);
  return writeSize(writer, pty).string(encodeTerminalModes(pty.modes)).finish();
}

/** Decodes `pty-req`. */
export function decodePtyRequest(payload: Uint8Array): PtyRequest {
  const reader = new Reader(payload, "pty-req");
  const term = reader.text("TERM", 1024);
  const size = readSize(reader);
  const modes = decodeTerminalModes(reader.string("terminal modes"));
  reader.end();
  return { term, ...size, modes };
}

/** Encodes `window-change` (RFC 4254 section 6.7). */
export function encodeWindowChange(size: TerminalSize): Uint8Array {
  return writeSize(new Writer(), size).finish();
}

/** Decodes `window-change`. */
export function decodeWindowChange(payload: Uint8Array): TerminalSize {
  const reader = new Reader(payload, "window-change");
  const size = readSize(reader);
  reader.end();
  return size;
}

/** Encodes `env` (RFC 4254 section 6.4). */
export function encodeEnv(name: string, value: string): Uint8Array {
  return new Writer().string(name).string(value).finish();
}

/** Decodes `env`. */
export function decodeEnv(payload: Uint8Array): { name: string; value: string } {
  const reader = new Reader(payload, "env");
  const name = reader.text("variable name", 1024);
  const value = reader.text("variable value", MAX_TEXT_BYTES);
  reader.end();
  return { name, value };
}

/** Encodes what is one string: the command of `exec`, the name of `subsystem`, a signal. */
export function encodeText(text: string): Uint8Array {
  return new Writer().string(text).finish();
}

/** Decodes the command of `exec` (RFC 4254 section 6.5). */
export function decodeExec(payload: Uint8Array): string {
  return decodeText(payload, "exec", MAX_COMMAND_BYTES);
}

/** Decodes the name of `subsystem` (RFC 4254 section 6.5). */
export function decodeSubsystem(payload: Uint8Array): string {
  return decodeText(payload, "subsystem", 1024);
}

/** Decodes `signal` (RFC 4254 section 6.9): the name without `SIG`. */
export function decodeSignal(payload: Uint8Array): string {
  return decodeText(payload, "signal", 256);
}

/** Encodes what is one uint32: an exit status, the length of a break in milliseconds. */
export function encodeUint32(value: number): Uint8Array {
  return new Writer(4).uint32(value).finish();
}

/** Decodes `exit-status` (RFC 4254 section 6.10). */
export function decodeExitStatus(payload: Uint8Array): number {
  return decodeUint32(payload, "exit-status");
}

/** Decodes `break` (RFC 4335 section 3): its length in milliseconds. */
export function decodeBreak(payload: Uint8Array): number {
  return decodeUint32(payload, "break");
}

/** Encodes `exit-signal`. */
export function encodeExitSignal(signal: ExitSignal): Uint8Array {
  return new Writer().string(signal.name).boolean(signal.coreDumped).string(signal.message)
    .string(signal.language).finish();
}

/** Decodes `exit-signal`. */
export function decodeExitSignal(payload: Uint8Array): ExitSignal {
  const reader = new Reader(payload, "exit-signal");
  const name = reader.name("signal name", 256);
  const coreDumped = reader.boolean("core dumped");
  const message = reader.looseText("error message");
  const language = reader.looseText("language tag");
  reader.end();
  return { name, coreDumped, message, language };
}

/** Encodes `xon-xoff` (RFC 4254 section 6.8). */
export function encodeXonXoff(clientCanDo: boolean): Uint8Array {
  return new Writer(1).boolean(clientCanDo).finish();
}

/** Decodes `xon-xoff`: whether the client may do the flow control. */
export function decodeXonXoff(payload: Uint8Array): boolean {
  const reader = new Reader(payload, "xon-xoff");
  const clientCanDo = reader.boolean("client can do");
  reader.end();
  return clientCanDo;
}

function decodeText(payload: Uint8Array, what: string, maxBytes: number): string {
  const reader = new Reader(payload, what);
  const text = reader.text(what, maxBytes);
  reader.end();
  return text;
}

function decodeUint32(payload: Uint8Array, what: string): number {
  const reader = new Reader(payload, what);
  const value = reader.uint32(what);
  reader.end();
  return value;
}

function writeSize(writer: Writer, size: TerminalSize): Writer {
  return writer.uint32(size.columns).uint32(size.rows).uint32(size.width).uint32(size.height);
}

function readSize(reader: Reader): TerminalSize {
  const columns = reader.uint32("columns");
  const rows = reader.uint32("rows");
  const width = reader.uint32("width");
  const height = reader.uint32("height");
  return { columns, rows, width, height };
}
