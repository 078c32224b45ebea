/**
 * What happens on a channel, as typed values.
 *
 * @module
 */

import type { IncomingChannelRequest } from "../protocol/connection/channel.ts";
import {
  decodeBreak,
  decodeEnv,
  decodeExec,
  decodeExitSignal,
  decodeExitStatus,
  decodePtyRequest,
  decodeSignal,
  decodeSubsystem,
  decodeWindowChange,
  decodeXonXoff,
  type ExitSignal,
  type PtyRequest,
  type TerminalSize,
} from "../wire/channel_requests.ts";

export type { ExitSignal, PtyRequest, TerminalSize } from "../wire/channel_requests.ts";
export type { TerminalModes } from "../wire/terminal_modes.ts";

/** What every request has, whatever it asks for. */
export interface ChannelRequestBase {
  /** The request's name on the wire. */
  readonly name: string;
  /** What is specific to it, undecoded. */
  readonly payload: Uint8Array;
  /** Whether the peer waits for an answer. */
  readonly wantReply: boolean;
  /**
   * Answers the request, once; nothing is sent if no reply is wanted. Replies go out in the order
   * of the requests, whatever the order in which they are given.
   */
  reply(success: boolean): void;
}

/** A request that the peer made on a channel (RFC 4254 sections 5.4 and 6). */
export type ChannelRequest =
  & ChannelRequestBase
  & (
    | { readonly type: "pty"; readonly pty: PtyRequest }
    | { readonly type: "env"; readonly key: string; readonly value: string }
    | { readonly type: "shell" }
    | { readonly type: "exec"; readonly command: string }
    | { readonly type: "subsystem"; readonly subsystem: string }
    | { readonly type: "window-change"; readonly size: TerminalSize }
    | { readonly type: "signal"; readonly signal: string }
    | { readonly type: "exit-status"; readonly status: number }
    | { readonly type: "exit-signal"; readonly exit: ExitSignal }
    | { readonly type: "break"; readonly lengthMs: number }
    | { readonly type: "xon-xoff"; readonly clientCanDo: boolean }
    /** Any other: see its `name` and `payload`. */
    | { readonly type: "other" }
  );

/** Whatever happens on a channel, in the order in which it does. */
export type ChannelEvent =
  | ChannelRequest
  | { readonly type: "data"; readonly data: Uint8Array<ArrayBuffer>; readonly stderr: boolean }
  | { readonly type: "eof" }
  | { readonly type: "closed" };

/**
 * Reads a request.
 *
 * @throws {ProtocolError} If what is specific to it is malformed.
 */
export function readChannelRequest(request: IncomingChannelRequest): ChannelRequest {
  const { name, payload } = request;
  switch (name) {
    case "pty-req":
      return { ...request, type: "pty", pty: decodePtyRequest(payload) };
    case "env": {
      const { name: key, value } = decodeEnv(payload);
      return { ...request, type: "env", key, value };
    }
    case "shell":
      return { ...request, type: "shell" };
    case "exec":
      return { ...request, type: "exec", command: decodeExec(payload) };
    case "subsystem":
      return { ...request, type: "subsystem", subsystem: decodeSubsystem(payload) };
    case "window-change":
      return { ...request, type: "window-change", size: decodeWindowChange(payload) };
    case "signal":
      return { ...request, type: "signal", signal: decodeSignal(payload) };
    case "exit-status":
      return { ...request, type: "exit-status", status: decodeExitStatus(payload) };
    case "exit-signal":
      return { ...request, type: "exit-signal", exit: decodeExitSignal(payload) };
    case "break":
      return { ...request, type: "break", lengthMs: decodeBreak(payload) };
    case "xon-xoff":
      return { ...request, type: "xon-xoff", clientCanDo: decodeXonXoff(payload) };
  }
  return { ...request, type: "other" };
}
