/**
 * A session, as the server's handler gets it: a terminal, a command, a subsystem, and its streams
 * (RFC 4254 section 6).
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { MaybePromise } from "../crypto/types.ts";
import type { Flow } from "../flow/flow.ts";
import type { AuthenticatedUser } from "../protocol/auth/server.ts";
import type { ExitSignal, PtyRequest, TerminalSize } from "../wire/channel_requests.ts";

export type { ExitSignal, PtyRequest, TerminalSize } from "../wire/channel_requests.ts";
export type { TerminalModes } from "../wire/terminal_modes.ts";

/**
 * One session of a client. It is a pair of streams too, so that whatever takes a flow takes it:
 * `proxy(session, upstream)`.
 *
 * With a pty, output goes through what a terminal's driver does for a program: LF is sent as CR LF,
 * unless it stands behind CR already, for terminals in raw mode would otherwise begin the next line
 * where the last one ended. That is so where the client's terminal modes have OPOST and ONLCR, as
 * they have unless they say otherwise, and until {@linkcode rawOutput} is set. Without a pty, and
 * in the other direction, bytes are what they are: Enter comes as CR, and nothing is echoed. See
 * `LineEditor` for that.
 */
export interface ServerSession {
  /** Counts the sessions of the connection, from 0. */
  readonly id: number;
  /** The connection that it is part of. */
  readonly connection: Connection;
  /** The name of the user who is logged in. */
  readonly user: string;
  /** Who is logged in, and how. */
  readonly login: AuthenticatedUser;
  /** The terminal, with its present size; null if the client wants none. */
  readonly pty: PtyRequest | null;
  /**
   * The variables that the client set. They are the peer's: `LD_PRELOAD` may be among them. Do not
   * hand them on to a process without a look at their names. Beside them those that the login's
   * permissions set; and where those force a command, `SSH_ORIGINAL_COMMAND`: the command, or the
   * name of the subsystem, that the client asked for.
   */
  readonly env: ReadonlyMap<string, string>;
  /**
   * The command of `exec`, or the one that the login's permissions force; null for a shell or a
   * subsystem.
   */
  readonly command: string | null;
  /** The name of the subsystem; null for a shell or a command. */
  readonly subsystem: string | null;
  /** What the client sends. A chunk that has been read lets the client send as much again. */
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * What is sent to the client. Its writers wait for the client's window. Closing it sends EOF,
   * after which nothing can be written to {@linkcode stderr} either; reading goes on. Aborting it
   * drops what has not been sent, and leaves it to the handler how the session ends.
   */
  readonly stdout: WritableStream<Uint8Array>;
  /**
   * What is sent as standard error. Closing it does nothing to the client. A client may show the
   * two outputs in another order than they were written in: where there is one terminal for both,
   * write to {@linkcode stdout} alone.
   */
  readonly stderr: WritableStream<Uint8Array>;
  /** The same as {@linkcode stdin}. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The same as {@linkcode stdout}. */
  readonly writable: WritableStream<Uint8Array>;
  /** Whether output is sent as it is, with a pty too: for programs that drive the screen. */
  rawOutput: boolean;
  /**
   * The terminal's sizes, to each consumer: the present one first, then as the client changes it.
   * A consumer that is slow may miss some, but never the last. Ends with the session.
   */
  readonly sizes: AsyncIterable<TerminalSize>;
  /**
   * The signals that the client sends, without `SIG`, for one consumer. At most 64 wait for it.
   * Ends with the session.
   */
  readonly signals: AsyncIterable<string>;
  /**
   * Does a break of a length in milliseconds (RFC 4335), and says whether it was done. The client
   * is told that it was not unless this is set.
   */
  onBreak: ((lengthMs: number) => MaybePromise<boolean>) | null;
  /** Whether the client lends its agent, and was allowed to: see {@linkcode openAgent}. */
  readonly forwardsAgent: boolean;
  /**
   * Connects to the agent that the client lends: to give to `agentClient`, to join with a socket
   * that a process is told of, or to lend on. Whatever is open ends with the connection, not with
   * the session.
   *
   * @param options `signal` ends the wait for the client.
   * @throws {TypeError} If the client lends none, or was not allowed to.
   * @throws {ChannelClosedError} If the session is over.
   * @throws {ChannelOpenError} If the client cannot reach its agent.
   */
  openAgent(options?: { readonly signal?: AbortSignal }): Promise<Flow>;
  /** Aborted when the session is over, by whichever end: to be handed to whatever waits. */
  readonly abortSignal: AbortSignal;
  /** Resolves when the channel is open. */
  readonly connectionMade: Promise<void>;
  /** Resolves when the shell, command or subsystem has begun; rejects if none ever will. */
  readonly sessionStarted: Promise<void>;
  /** Resolves when the session is over: with what ended the connection, if that came first. */
  readonly connectionLost: Promise<Error | undefined>;
  /** Resolves when the session is over; rejects with what ended the connection before. */
  readonly closed: Promise<void>;
  /**
   * Ends the session with an exit status: after all that has been written, EOF, the status and
   * CLOSE are sent. Only the first end of a session counts.
   *
   * @param status 0, unless given.
   * @returns Resolves when the client has closed its end too.
   * @throws {RangeError} If the status is no uint32.
   */
  exit(status?: number): Promise<void>;
  /**
   * Ends the session as {@linkcode exit} does, but with the signal that ended what ran.
   *
   * @param name The signal's name, such as `TERM`; a leading `SIG` is left out.
   * @returns Resolves when the client has closed its end too.
   * @throws {TypeError} If it is no name of a signal.
   */
  exitSignal(
    name: string,
    options?: Partial<Omit<ExitSignal, "name">>,
  ): Promise<void>;
  /** Tells the client whether it may do flow control by itself (RFC 4254 section 6.8). */
  sendXonXoff(clientCanDo: boolean): void;
  /** Closes the session now: what waits to be sent is dropped, and no status is sent. */
  abort(): void;
}

/** Runs a session: the session ends when this returns, with status 0 unless it has set another. */
export type SessionHandler = (session: ServerSession) => MaybePromise<void>;
