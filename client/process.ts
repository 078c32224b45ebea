/**
 * What runs at the server, in the shape of a `Deno.ChildProcess`.
 *
 * @module
 */

import type { Connection } from "../connection/mod.ts";
import { ChannelClosedError } from "../wire/errors.ts";
import type { AgentSource } from "./agent_forwarding.ts";
import type { CommandStatus } from "./exit_status.ts";
import { type PtyOptions, ptyRequestOf, terminalSize } from "./pty.ts";
import {
  Session,
  type SessionChannelOptions,
  type SessionRequest,
  type WaitOptions,
} from "./session.ts";

/** How something is run. */
export interface ProcessOptions extends SessionChannelOptions {
  /** The terminal that it runs in: `true` for a VT100 of 80 columns and 24 rows. None by default. */
  readonly pty?: PtyOptions | true;
  /** Environment variables. One that the server does not take, makes the whole fail. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Lends an agent to it, and to whoever can do as the server likes: see `Session.forwardAgent`.
   * None by default.
   */
  readonly forwardAgent?: AgentSource;
  /** Whether there is input (`piped`), or the end of it at once (`null`). */
  readonly stdin?: "piped" | "null";
  /** Whether the output is wanted (`piped`, unless given), or dropped (`null`). */
  readonly stdout?: "piped" | "null";
  /** Whether the standard error is wanted (`piped`, unless given), or dropped (`null`). */
  readonly stderr?: "piped" | "null";
  /** Ends it: it is sent SIGTERM, the session is closed, and all promises reject with the reason. */
  readonly signal?: AbortSignal;
}

/** What a command that has ended left. */
export interface CommandOutput extends CommandStatus {
  /** Its standard output. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** Its standard error. */
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** What the input takes before its writers are to wait. */
const STDIN_HIGH_WATER_BYTES = 64 * 1024;

/**
 * A command, a shell or a subsystem that runs at the server. Its streams can be used at once:
 * what is written goes out when the server has confirmed the request.
 *
 * `stdout` and `stderr` share a window (2 MiB, unless told otherwise): a process that fills it
 * with the one stalls the other. Read both; or cancel, or have set to `null`, the one that is not
 * wanted.
 */
export class SshProcess {
  readonly #session: Session;
  readonly #stdin: WritableStream<Uint8Array> | null;
  readonly #started: Promise<void>;
  #status: Promise<CommandStatus> | null = null;
  #isStarted = false;

  /** Processes are made by `SshCommand.spawn`, and by `shell` and `subsystem` of `SshClient`. */
  constructor(connection: Connection, request: SessionRequest, options: ProcessOptions = {}) {
    const { stdin = "piped", stdout, stderr, signal } = options;
    this.#session = new Session(connection, options);
    this.#started = this.#start(request, options);
    this.#stdin = stdin === "piped" ? this.#makeStdin() : null;
    if (stdout === "null") this.#session.channel.drop("data");
    if (stderr === "null") this.#session.channel.drop("stderr");
    if (signal !== undefined) this.#obey(signal);
    // Whoever does not wait for it is not to be told by an unhandled rejection.
    this.#started.catch(() => {});
  }

  /**
   * Its standard input. Closing it gives it the end of the input; aborting it closes the session.
   *
   * @throws {TypeError} If it was made without.
   */
  get stdin(): WritableStream<Uint8Array> {
    if (this.#stdin !== null) return this.#stdin;
    throw new TypeError('Cannot give the stdin of the process: its option stdin is "null"');
  }

  /** Its standard output. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#session.stdout;
  }

  /** Its standard error; with a terminal there is none of its own. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#session.stderr;
  }

  /** The same as {@linkcode stdout}: a process can be passed on as a pair of streams. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.stdout;
  }

  /** The same as {@linkcode stdin}. */
  get writable(): WritableStream<Uint8Array> {
    return this.stdin;
  }

  /** Resolves when the server has confirmed that it runs; rejects with why it does not. */
  get started(): Promise<void> {
    return this.#started;
  }

  /**
   * How it ended: resolves when the server has said so and closed the session. It rejects if it
   * could not be started ({@linkcode ChannelOpenError}, {@linkcode RequestError}), with what ended
   * the connection before, and with the reason of the option `signal`.
   */
  get status(): Promise<CommandStatus> {
    if (this.#status === null) {
      this.#status = this.#started.then(() => this.#session.exitStatus);
      this.#status.catch(() => {});
    }
    return this.#status;
  }

  /** Collects all its output, both streams, and waits for its end. Close `stdin` before. */
  async output(): Promise<CommandOutput> {
    const { channel } = this.#session;
    const [stdout, stderr] = await Promise.all([
      channel.collect("data"),
      channel.collect("stderr"),
    ]);
    return { ...await this.status, stdout, stderr };
  }

  /**
   * Tells the terminal's new size. Without effect when it has ended.
   *
   * @param columns In characters.
   * @param rows In characters.
   * @param pixels The size in pixels.
   */
  resize(columns: number, rows: number, pixels: { width?: number; height?: number } = {}): void {
    const { width, height } = terminalSize(columns, rows, pixels);
    this.#whenStarted(() => {
      try {
        this.#session.resize(columns, rows, { width, height });
      } catch {
        // A window that changes its size just now is nobody's fault.
      }
    });
  }

  /**
   * Sends it a signal. Servers may ignore that.
   *
   * @param signal With or without `SIG`.
   * @throws {ChannelClosedError} If it has ended.
   */
  kill(signal: string = "SIGTERM"): void {
    this.#whenStarted(() => this.#session.kill(signal));
  }

  /**
   * Sends a break (RFC 4335).
   *
   * @param lengthMs How long the line is broken; the server's default, if 0.
   * @throws {RequestError} If the server can do no such thing.
   */
  async sendBreak(lengthMs: number = 0, options: WaitOptions = {}): Promise<void> {
    await this.#started;
    await this.#session.sendBreak(lengthMs, options);
  }

  /**
   * Closes the session, whatever runs in it. Resolves when the server has closed its end too: some
   * servers do that only when what ran has ended.
   *
   * @param options `signal` ends the wait.
   */
  close(options: WaitOptions = {}): Promise<void> {
    return this.#session.close(options);
  }

  /**
   * Ends it, if it has not ended by itself: by SIGTERM, and by closing the session. The server has
   * a second to close its end too.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#terminate();
    await this.#session[Symbol.asyncDispose]();
  }

  async #start(request: SessionRequest, options: ProcessOptions): Promise<void> {
    const session = this.#session;
    try {
      const pty = options.pty === undefined ? null : ptyRequestOf(options.pty);
      await session.channel.opened;
      // All at once, but what runs waits for them: a setting that is missing is not to be found
      // out by its consequences.
      const settings: Promise<void>[] = [];
      if (pty !== null) settings.push(session.requestPty(pty));
      if (options.forwardAgent) settings.push(session.forwardAgent(options.forwardAgent));
      for (const [name, value] of Object.entries(options.env ?? {})) {
        settings.push(session.setEnv(name, value));
      }
      if (settings.length > 0) await Promise.all(settings);
      await session.run(request);
      this.#isStarted = true;
      if (options.stdin === "null") await session.channel.sendEof();
    } catch (error) {
      session.abort(error);
      throw error;
    }
  }

  #makeStdin(): WritableStream<Uint8Array> {
    const { channel } = this.#session;
    return new WritableStream<Uint8Array>({
      start: (controller) => {
        const end = (reason?: unknown): void =>
          controller.error(
            reason ?? new ChannelClosedError("Cannot write to stdin: the process has ended"),
          );
        channel.closed.then(() => end(), end);
        return this.#started;
      },
      write: (chunk) => channel.send(chunk),
      close: () => channel.sendEof(),
      // Input that broke off is not to be taken for all of it.
      abort: (reason) => this.#session.abort(reason),
    }, { highWaterMark: STDIN_HIGH_WATER_BYTES, size: (chunk) => chunk.byteLength });
  }

  #obey(signal: AbortSignal): void {
    const onAbort = (): void => {
      this.#terminate();
      this.#session.abort(signal.reason);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const forget = (): void => signal.removeEventListener("abort", onAbort);
    this.status.then(forget, forget);
  }

  #terminate(): void {
    if (!this.#isStarted) return;
    try {
      this.#session.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
  }

  #whenStarted(action: () => void): void {
    if (this.#isStarted) action();
    else this.#started.then(action).catch(() => {});
  }
}
