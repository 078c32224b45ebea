/**
 * How what ran in a session ended.
 *
 * @module
 */

import type { ExitSignal } from "../wire/channel_requests.ts";

/** How a command ended, in the shape of a `Deno.CommandStatus`. */
export interface CommandStatus {
  /** Whether it ended with an exit status of 0. */
  readonly success: boolean;
  /**
   * Its exit status. Null if a signal ended it, or if the server closed the channel without a
   * word on how it ended, as some devices and subsystems do.
   */
  readonly code: number | null;
  /** The signal that ended it, such as `SIGTERM`; null if none did. */
  readonly signal: string | null;
  /** All that the server told of that signal; null if there was none. */
  readonly exitSignal: ExitSignal | null;
}

/** The status of what the server said nothing about. */
export const unknownStatus: CommandStatus = {
  success: false,
  code: null,
  signal: null,
  exitSignal: null,
};

/** The status of what ended by itself. */
export function exitedWith(code: number): CommandStatus {
  return { success: code === 0, code, signal: null, exitSignal: null };
}

/** The status of what a signal ended. */
export function endedBy(exitSignal: ExitSignal): CommandStatus {
  // RFC 4254 section 6.10: a local name is `name@domain`, and is left as it is.
  const signal = exitSignal.name.includes("@") ? exitSignal.name : `SIG${exitSignal.name}`;
  return { success: false, code: null, signal, exitSignal };
}

/**
 * A signal's name as it goes over the wire: without `SIG` (RFC 4254 section 6.9).
 *
 * @param signal With or without `SIG`.
 * @throws {TypeError} If it is no name of a signal.
 */
export function signalName(signal: string): string {
  const name = signal.replace(/^SIG/, "");
  if (/^[A-Z0-9]+$/.test(name) || /^[\x21-\x7e]+@[\x21-\x7e]+$/.test(name)) return name;
  throw new TypeError(
    `Cannot send the signal ${JSON.stringify(signal)}: it has to read like SIGTERM or TERM`,
  );
}
