/**
 * Sessions (RFC 4254 section 6): a channel in which a command, a shell or a subsystem runs.
 *
 * @module
 */

import type { Channel, ChannelEvent, ChannelRequest, Connection } from "../connection/mod.ts";
import { withSignal } from "../connection/with_signal.ts";
import {
  encodeEnv,
  encodePtyRequest,
  encodeText,
  encodeUint32,
  encodeWindowChange,
} from "../wire/channel_requests.ts";
import { RequestError } from "../wire/errors.ts";
import { LazyPromise } from "../wire/lazy_promise.ts";
import { type AgentSource, forwardAgent } from "./agent_forwarding.ts";
import {
  type CommandStatus,
  endedBy,
  exitedWith,
  signalName,
  unknownStatus,
} from "./exit_status.ts";
import { type PtyOptions, ptyRequestOf, terminalSize } from "./pty.ts";

/** How a session's channel is set up. */
export interface SessionChannelOptions {
  /** How many bytes the server may send before any is read: 2 MiB unless given. */
  readonly windowBytes?: number;
  /**
   * How wide the window may become, by itself, where it holds up a peer far away, and what comes
   * is read: 32 MiB unless given, or `windowBytes` if that is.
   */
  readonly maxWindowBytes?: number;
  /** How many bytes of data the server may put into one packet: 32 KiB unless given. */
  readonly maxPacketBytes?: number;
  /**
   * What is done once both ends have sent EOF: nothing (`half-open`, unless given), for the server
   * may still have its exit status to send; or the session is closed (`close`).
   */
  readonly afterEof?: "half-open" | "close";
  /**
   * Told when the server says whether the terminal here may do flow control by Ctrl-S and Ctrl-Q
   * (RFC 4254 section 6.8).
   */
  readonly onXonXoff?: (clientCanDo: boolean) => void;
}

/** How long a session that is disposed of waits for the server. */
const DISPOSE_GRACE_MS = 1000;

/** What a session can be asked to run. */
export type SessionRequest =
  | { readonly type: "exec"; readonly command: string }
  | { readonly type: "shell" }
  | { readonly type: "subsystem"; readonly name: string };

/** What can be waited for, can be given up. */
export interface WaitOptions {
  /** Ends the wait: the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * A session at the client's end, step by step: settings first, then one of `exec`, `shell` and
 * `subsystem`. For the usual case there is `SshClient.command`.
 *
 * Requests of the server are answered with failure, `keepalive@openssh.com` among them: that too
 * shows that somebody is here.
 *
 * @example
 * ```ts
 * import { connect } from "@sshflow/ssh/client";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import { serve } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const [near, far] = flowPair();
 * const hostKey = await generateKey("ed25519");
 * await using server = serve(far, {
 *   hostKeys: [hostKey],
 *   authenticate: () => true,
 *   session: (session) => session.exit(session.env.get("LANG") === "C" ? 3 : 4),
 * });
 * await using ssh = await connect(near, {
 *   user: "ada",
 *   auth: { password: "" },
 *   authenticator: hostKey.publicKey,
 * });
 * await using session = await ssh.openSession();
 * await session.setEnv("LANG", "C");
 * await session.exec("locale");
 * const events: string[] = [];
 * for await (const event of session.events) events.push(event.type);
 * assert.deepEqual(events, ["eof", "exit-status", "closed"]);
 * assert.equal((await session.exitStatus).code, 3);
 * ```
 */
export class Session {
  /** The channel: its streams, its window, its ends. */
  readonly channel: Channel;
  readonly #connection: Connection;
  readonly #exit = new LazyPromise<CommandStatus>();
  #reported: CommandStatus | null = null;

  /** Sessions are made by `SshClient.openSession`. */
  constructor(connection: Connection, options: SessionChannelOptions = {}) {
    const { windowBytes, maxWindowBytes, maxPacketBytes, afterEof, onXonXoff } = options;
    this.#connection = connection;
    this.channel = connection.createChannel("session", {
      windowBytes,
      maxWindowBytes,
      maxPacketBytes,
      afterEof,
      onRequest: (request) => this.#take(request, onXonXoff),
      onClosed: (reason) => {
        if (reason === null) this.#exit.resolve(this.#reported ?? unknownStatus);
        else if (this.#reported !== null) this.#exit.resolve(this.#reported);
        else this.#exit.reject(() => reason);
      },
    });
  }

  /** What goes to the standard input of what runs. */
  get stdin(): WritableStream<Uint8Array> {
    return this.channel.writable;
  }

  /** The standard output of what runs. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.channel.readable;
  }

  /**
   * The standard error of what runs. It shares a window with {@linkcode stdout}: read both, or
   * cancel the one that is not wanted.
   */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.channel.stderr;
  }

  /**
   * All that happens, in order, for one consumer, in place of the streams: n times `data`, at most
   * one `eof`, `exit-signal` and `exit-status`, and `closed` last.
   */
  get events(): AsyncIterableIterator<ChannelEvent> {
    return this.channel.events;
  }

  /**
   * How it ended: resolves when the session is closed; rejects if the connection was lost before
   * the server said.
   */
  get exitStatus(): Promise<CommandStatus> {
    return this.#exit.promise;
  }

  /** Resolves when both ends have closed the session; rejects if the connection ended before. */
  get closed(): Promise<void> {
    return this.channel.closed;
  }

  /**
   * Runs a command.
   *
   * @param command What the server's shell is given.
   * @throws {RequestError} If the server refuses; so do all methods that give a promise.
   * @throws {ChannelClosedError} If the session is closed before the answer; likewise.
   */
  exec(command: string, options: WaitOptions = {}): Promise<void> {
    return this.channel.request("exec", encodeText(command), options);
  }

  /** Runs the user's shell. */
  shell(options: WaitOptions = {}): Promise<void> {
    return this.channel.request("shell", undefined, options);
  }

  /**
   * Runs a subsystem.
   *
   * @param name Such as `sftp`.
   */
  subsystem(name: string, options: WaitOptions = {}): Promise<void> {
    return this.channel.request("subsystem", encodeText(name), options);
  }

  /** Makes one of the requests that run something. */
  run(request: SessionRequest, options: WaitOptions = {}): Promise<void> {
    switch (request.type) {
      case "exec":
        return this.exec(request.command, options);
      case "shell":
        return this.shell(options);
      case "subsystem":
        return this.subsystem(request.name, options);
    }
  }

  /** Sets an environment variable of what will run. */
  async setEnv(name: string, value: string, options: WaitOptions = {}): Promise<void> {
    try {
      await this.channel.request("env", encodeEnv(name, value), options);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      throw new RequestError(
        `Cannot set the environment variable ${name}: the server does not take it`,
        { cause: error },
      );
    }
  }

  /** Asks for a terminal: a VT100 of 80 columns and 24 rows, unless told otherwise. */
  async requestPty(options: PtyOptions & WaitOptions = {}): Promise<void> {
    await this.channel.request("pty-req", encodePtyRequest(ptyRequestOf(options)), options);
  }

  /**
   * Lends an agent to what will run: it may sign with the agent's keys as long as sessions with an
   * agent are open. Do so only for a server that is trusted. Channels that lead to an agent are
   * refused without this.
   *
   * @param source Connects to the agent, each time that somebody at the server does. Where several
   *   sessions of a connection have an agent, that of the last one counts.
   * @throws {RequestError} If the server refuses, and has not granted it to a session before.
   */
  forwardAgent(source: AgentSource, options: WaitOptions = {}): Promise<void> {
    return forwardAgent(this.#connection, this.channel, source, options);
  }

  /**
   * Tells the terminal's new size. There is no answer to that.
   *
   * @param columns In characters.
   * @param rows In characters.
   * @param pixels The size in pixels.
   */
  resize(columns: number, rows: number, pixels: { width?: number; height?: number } = {}): void {
    const size = terminalSize(columns, rows, pixels);
    this.channel.notify("window-change", encodeWindowChange(size));
  }

  /**
   * Sends a signal to what runs. There is no answer to that, and servers may ignore it.
   *
   * @param signal With or without `SIG`.
   */
  kill(signal: string = "SIGTERM"): void {
    this.channel.notify("signal", encodeText(signalName(signal)));
  }

  /**
   * Sends a break (RFC 4335).
   *
   * @param lengthMs How long the line is broken; the server's default, if 0.
   */
  sendBreak(lengthMs: number = 0, options: WaitOptions = {}): Promise<void> {
    return this.channel.request("break", encodeUint32(lengthMs), options);
  }

  /**
   * Closes the session, whatever runs in it. Resolves when the server has closed its end too: some
   * servers do that only when what ran has ended.
   *
   * @param options `signal` ends the wait.
   */
  async close(options: WaitOptions = {}): Promise<void> {
    await withSignal(this.channel.close(), options.signal);
  }

  /** Closes the session, and has its streams and its exit status reject with a reason. */
  abort(reason: unknown): void {
    this.#exit.reject(() => reason);
    this.channel.abort(reason);
  }

  /** Closes the session, and gives the server a second to close its end too. */
  async [Symbol.asyncDispose](): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<void>((resolve) => timer = setTimeout(resolve, DISPOSE_GRACE_MS));
    await Promise.race([this.close(), grace]);
    clearTimeout(timer);
  }

  /** @returns False for what is of interest to whoever takes the channel's events. */
  #take(request: ChannelRequest, onXonXoff: SessionChannelOptions["onXonXoff"]): boolean {
    switch (request.type) {
      case "exit-status":
        this.#reported ??= exitedWith(request.status);
        break;
      case "exit-signal":
        this.#reported ??= endedBy(request.exit);
        break;
      case "xon-xoff":
        onXonXoff?.(request.clientCanDo);
        break;
      default:
        request.reply(false);
        return true;
    }
    request.reply(true);
    return false;
  }
}
