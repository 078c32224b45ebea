/**
 * Encoded terminal modes (RFC 4254 section 8, and RFC 8160 for IUTF8).
 *
 * @module
 */

import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** The opcodes of terminal modes by their POSIX names. */
export const TerminalMode = {
  VINTR: 1,
  VQUIT: 2,
  VERASE: 3,
  VKILL: 4,
  VEOF: 5,
  VEOL: 6,
  VEOL2: 7,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VDSUSP: 11,
  VREPRINT: 12,
  VWERASE: 13,
  VLNEXT: 14,
  VFLUSH: 15,
  VSWTCH: 16,
  VSTATUS: 17,
  VDISCARD: 18,
  IGNPAR: 30,
  PARMRK: 31,
  INPCK: 32,
  ISTRIP: 33,
  INLCR: 34,
  IGNCR: 35,
  ICRNL: 36,
  IUCLC: 37,
  IXON: 38,
  IXANY: 39,
  IXOFF: 40,
  IMAXBEL: 41,
  IUTF8: 42,
  ISIG: 50,
  ICANON: 51,
  XCASE: 52,
  ECHO: 53,
  ECHOE: 54,
  ECHOK: 55,
  ECHONL: 56,
  NOFLSH: 57,
  TOSTOP: 58,
  IEXTEN: 59,
  ECHOCTL: 60,
  ECHOKE: 61,
  PENDIN: 62,
  OPOST: 70,
  OLCUC: 71,
  ONLCR: 72,
  OCRNL: 73,
  ONOCR: 74,
  ONLRET: 75,
  CS7: 90,
  CS8: 91,
  PARENB: 92,
  PARODD: 93,
  TTY_OP_ISPEED: 128,
  TTY_OP_OSPEED: 129,
} as const;

/** The name of a terminal mode. */
export type TerminalModeName = keyof typeof TerminalMode;

/** Terminal modes by name or by opcode (1 to 159), with their values. */
export type TerminalModes = Readonly<Record<string, number>>;

const TTY_OP_END = 0;
/** Opcodes from here on have no defined argument: parsing stops. */
const FIRST_UNDEFINED = 160;

const nameByOpcode = new Map<number, string>(
  Object.entries(TerminalMode).map(([name, opcode]) => [opcode, name]),
);

/**
 * Encodes terminal modes.
 *
 * @param modes By name, or by opcode as a decimal number.
 * @throws {TypeError} If a name is not known.
 * @throws {RangeError} If a value is no uint32.
 */
export function encodeTerminalModes(modes: TerminalModes): Uint8Array {
  const writer = new Writer();
  for (const [name, value] of Object.entries(modes)) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new RangeError(`Cannot set the terminal mode ${name} to ${value}: it is no uint32`);
    }
    writer.uint8(opcodeOf(name)).uint32(value);
  }
  return writer.uint8(TTY_OP_END).finish();
}

/**
 * Decodes terminal modes. Those that are not known keep their opcode as a name.
 *
 * @throws {ProtocolError} If they are cut short.
 */
export function decodeTerminalModes(bytes: Uint8Array): Record<string, number> {
  const reader = new Reader(bytes, "terminal modes");
  const modes: Record<string, number> = {};
  while (reader.remaining > 0) {
    const opcode = reader.uint8("opcode");
    if (opcode === TTY_OP_END || opcode >= FIRST_UNDEFINED) break;
    modes[nameByOpcode.get(opcode) ?? String(opcode)] = reader.uint32("argument");
  }
  return modes;
}

function opcodeOf(name: string): number {
  if (Object.hasOwn(TerminalMode, name)) return TerminalMode[name as TerminalModeName];
  const opcode = /^\d{1,3}$/.test(name) ? Number(name) : 0;
  if (opcode > TTY_OP_END && opcode < FIRST_UNDEFINED) return opcode;
  throw new TypeError(`Cannot set the terminal mode ${JSON.stringify(name)}: it is not known`);
}
