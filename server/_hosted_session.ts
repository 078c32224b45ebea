/**
 * A session channel: its requests, its handler, and its end.
 *
 * @module
 */

import { AsyncQueue } from "../connection/async_queue.ts";
import type { Channel } from "../connection/channel.ts";
import type { ChannelRequest } from "../connection/channel_events.ts";
import type { Connection } from "../connection/connection.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { asFlow } from "../flow/as_flow.ts";
import type { Flow } from "../flow/flow.ts";
import type { AuthenticatedUser } from "../protocol/auth/server.ts";
import { encodeXonXoff, type ExitSignal, type PtyRequest } from "../wire/channel_requests.ts";
import { ChannelClosedError, SshError } from "../wire/errors.ts";
import { LazyPromise } from "../wire/lazy_promise.ts";
import type { SessionOptions } from "./serve_options.ts";
import type { ServerSession, SessionHandler } from "./session.ts";
import {
  ORIGINAL_COMMAND,
  originalCommand,
  permitsSessionRequest,
  permitsVariable,
  permittedProgram,
  type SessionProgram,
} from "./_permitted.ts";
import { type OutputSink, SessionOutput } from "./_session_output.ts";
import { SizeFeed } from "./_size_feed.ts";
import type { Turns } from "./_turns.ts";

const MAX_VARIABLES = 128;
const MAX_VARIABLES_LENGTH = 64 * 1024;
/** POSIX.1-2017 section 8.1, and lower case: what shells can name. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** RFC 4254 section 6.10: a name, or a local one with `@`. */
const SIGNAL_NAME = /^[A-Za-z0-9][A-Za-z0-9.+-]*(@[A-Za-z0-9.-]+)?$/;
const MAX_WAITING_SIGNALS = 64;
/** More requests than this may not wait for others to be handled. */
const MAX_WAITING_REQUESTS = 1000;
/** Draft-ietf-sshm-ssh-agent section 4: the agent of the client's user. */
const AGENT_REQUEST = "auth-agent-req@openssh.com";
const AGENT_CHANNEL = "auth-agent@openssh.com";
/** What a handler that threw is reported as. */
const FAILURE_STATUS = 1;

const made = Promise.resolve();

/** What the sessions of a connection have in common. */
export interface SessionContext {
  readonly connection: Connection;
  readonly login: AuthenticatedUser;
  readonly options: SessionOptions;
  readonly turns: Turns;
  /** Told of what a handler or a policy threw. */
  readonly onError: (error: unknown, session: ServerSession) => void;
}

/** A session, and what runs it. */
export class HostedSession implements ServerSession, OutputSink {
  readonly id: number;
  readonly connection: Connection;
  readonly login: AuthenticatedUser;
  readonly connectionMade: Promise<void> = made;
  onBreak: ((lengthMs: number) => MaybePromise<boolean>) | null = null;
  rawOutput = false;
  readonly #channel: Channel;
  readonly #context: SessionContext;
  readonly #output: SessionOutput;
  #errors: SessionOutput | null = null;
  #sizes: SizeFeed | null = null;
  #signals: AsyncQueue<string> | null = null;
  /** Requests behind the one that is being handled. */
  readonly #requests: ChannelRequest[] = [];
  #handling = false;
  readonly #started = new LazyPromise<void>();
  readonly #lost = new LazyPromise<Error | undefined>();
  #abort: AbortController | null = null;
  #pty: PtyRequest | null = null;
  #terminal = false;
  #command: string | null = null;
  #subsystem: string | null = null;
  #env: Map<string, string> | null = null;
  #envLength = 0;
  #running = false;
  #forwardsAgent = false;
  #outputClosed = false;
  #takeBackEof: (() => void) | null = null;
  #eof: Promise<void> | null = null;
  #ending: Promise<void> | null = null;
  #over = false;
  #overReason: Error | null = null;

  constructor(id: number, channel: Channel, context: SessionContext) {
    this.id = id;
    this.connection = context.connection;
    this.login = context.login;
    const { environment } = context.login.permissions;
    if (environment !== undefined) this.#env = new Map(Object.entries(environment));
    this.#channel = channel;
    this.#context = context;
    this.#output = new SessionOutput(this, false);
    // A client has no standard error to send; unread it would stop its input.
    channel.drop("stderr");
  }

  get env(): Map<string, string> {
    return this.#env ??= new Map();
  }

  get user(): string {
    return this.login.user;
  }

  get pty(): PtyRequest | null {
    return this.#pty;
  }

  get command(): string | null {
    return this.#command;
  }

  get subsystem(): string | null {
    return this.#subsystem;
  }

  get stdin(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#channel.readable;
  }

  get stdout(): WritableStream<Uint8Array> {
    return this.#output.stream;
  }

  get stderr(): WritableStream<Uint8Array> {
    if (this.#errors === null) {
      this.#errors = new SessionOutput(this, true);
      if (this.#over) this.#errors.fail(() => this.#whyOver());
    }
    return this.#errors.stream;
  }

  get sizes(): SizeFeed {
    if (this.#sizes === null) {
      this.#sizes = new SizeFeed();
      if (this.#over) this.#sizes.end();
    }
    return this.#sizes;
  }

  get signals(): AsyncQueue<string> {
    if (this.#signals === null) {
      this.#signals = new AsyncQueue();
      if (this.#over) this.#signals.end();
    }
    return this.#signals;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.stdin;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.stdout;
  }

  get forwardsAgent(): boolean {
    return this.#forwardsAgent;
  }

  get abortSignal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#over) this.#abort.abort(this.#whyOver());
    }
    return this.#abort.signal;
  }

  get sessionStarted(): Promise<void> {
    return this.#started.promise;
  }

  get connectionLost(): Promise<Error | undefined> {
    return this.#lost.promise;
  }

  get closed(): Promise<void> {
    return this.#channel.closed;
  }

  exit(status = 0): Promise<void> {
    if (!Number.isInteger(status) || status < 0 || status > 0xffffffff) {
      throw new RangeError(`Cannot exit with status ${status}: it is no uint32`);
    }
    return this.#end(() => this.#channel.exitStatus(status));
  }

  exitSignal(name: string, options: Partial<Omit<ExitSignal, "name">> = {}): Promise<void> {
    const short = name.replace(/^SIG(?=[A-Z])/, "");
    if (!SIGNAL_NAME.test(short)) {
      throw new TypeError(`Cannot exit by ${JSON.stringify(name)}: it is no signal's name`);
    }
    return this.#end(() => this.#channel.exitSignal({ ...options, name: short }));
  }

  async openAgent(options: { readonly signal?: AbortSignal } = {}): Promise<Flow> {
    if (!this.#forwardsAgent) {
      throw new TypeError("Cannot open the agent: the client lends none, or may not");
    }
    if (this.#over) throw new ChannelClosedError("Cannot open the agent: the session is over");
    const channel = await this.connection.openChannel(AGENT_CHANNEL, {
      afterEof: "close",
      ...options,
    });
    channel.drop("stderr");
    return asFlow(channel);
  }

  sendXonXoff(clientCanDo: boolean): void {
    this.#channel.notify("xon-xoff", encodeXonXoff(clientCanDo));
  }

  abort(): void {
    this.#ending ??= this.#channel.close();
    this.#failOutputs();
  }

  /** Takes a request of the client: they are handled one after the other. */
  handleRequest(request: ChannelRequest): void {
    if (this.#requests.length >= MAX_WAITING_REQUESTS) return request.reply(false);
    this.#requests.push(request);
    if (!this.#handling) this.#handleAll();
  }

  async #handleAll(): Promise<void> {
    this.#handling = true;
    // What has arrived with it is parsed before anybody is asked.
    await undefined;
    try {
      for (let next = this.#requests.shift(); next; next = this.#requests.shift()) {
        await this.#handle(next);
      }
    } catch {
      // The connection has ended, and says so itself.
    }
    this.#handling = false;
  }

  /** The client will send no more input. */
  handleEof(): void {
    if (this.#context.options.afterEof === "close") this.exit();
  }

  async #handle(request: ChannelRequest): Promise<void> {
    const { options } = this.#context;
    switch (request.type) {
      case "pty": {
        const { pty } = request;
        const allowed = !this.#running && this.#pty === null &&
          this.login.permissions.pty !== false &&
          await this.#ask(() => options.allowPty?.(pty, this) ?? true);
        if (allowed) this.#takePty(pty);
        return request.reply(allowed);
      }
      case "env":
        return request.reply(await this.#takeVariable(request.key, request.value));
      case "shell":
        return await this.#start(request, { command: null, subsystem: null });
      case "exec":
        return await this.#start(request, { command: request.command, subsystem: null });
      case "subsystem":
        return await this.#start(request, { command: null, subsystem: request.subsystem });
      case "window-change":
        if (this.#pty !== null) this.#takePty({ ...this.#pty, ...request.size });
        return request.reply(this.#pty !== null);
      case "signal":
        return request.reply(this.#takeSignal(request.signal));
      case "break":
        return request.reply(await this.#ask(() => this.onBreak?.(request.lengthMs) ?? false));
      case "other":
        return request.reply(await this.#takeOther(request));
    }
    request.reply(false);
  }

  #takePty(pty: PtyRequest): void {
    this.#pty = pty;
    const { OPOST = 1, ONLCR = 1 } = pty.modes;
    this.#terminal = OPOST !== 0 && ONLCR !== 0;
    const { columns, rows, width, height } = pty;
    this.sizes.push({ columns, rows, width, height });
  }

  async #takeVariable(name: string, value: string): Promise<boolean> {
    const length = this.#envLength + name.length + value.length;
    if (this.#running || !VARIABLE_NAME.test(name) || value.includes("\0")) return false;
    if (!permitsVariable(name, this.login.permissions)) return false;
    if (this.env.size >= MAX_VARIABLES || length > MAX_VARIABLES_LENGTH) return false;
    const allowEnv = this.#context.options.allowEnv;
    if (!await this.#ask(() => allowEnv?.(name, value, this) ?? true)) return false;
    this.env.set(name, value);
    this.#envLength = length;
    return true;
  }

  async #takeOther({ name, payload, wantReply }: ChannelRequest): Promise<boolean> {
    if (!permitsSessionRequest(name, this.login.permissions)) return false;
    if (name === AGENT_REQUEST) return await this.#takeAgent();
    const { onSessionRequest } = this.#context.options;
    return await this.#ask(() => onSessionRequest?.({ name, payload, wantReply }, this) ?? false);
  }

  async #takeAgent(): Promise<boolean> {
    const { allowAgentForwarding } = this.#context.options;
    if (this.#running) return false;
    const allowed = await this.#ask(() => allowAgentForwarding?.(this) ?? false);
    this.#forwardsAgent ||= allowed;
    return allowed;
  }

  #takeSignal(name: string): boolean {
    if (!this.#running || !SIGNAL_NAME.test(name)) return false;
    if (this.signals.length >= MAX_WAITING_SIGNALS) return false;
    this.signals.push(name);
    return true;
  }

  async #start(
    request: ChannelRequest,
    asked: SessionProgram,
  ): Promise<void> {
    const { options } = this.#context;
    const { permissions } = this.login;
    const program = this.#running ? null : permittedProgram(asked, permissions);
    const handler = program === null ? undefined : this.#handlerFor(program.subsystem);
    if (program === null || handler === undefined) return request.reply(false);
    this.#command = program.command;
    this.#subsystem = program.subsystem;
    const original = originalCommand(asked, permissions);
    this.#env?.delete(ORIGINAL_COMMAND);
    if (original !== null) this.env.set(ORIGINAL_COMMAND, original);
    const { allowSession } = options;
    const allowed = allowSession === undefined || await this.#ask(() => allowSession(this));
    if (!allowed || this.#over) {
      this.#command = null;
      this.#subsystem = null;
      return request.reply(false);
    }
    this.#running = true;
    request.reply(true);
    this.#started.resolve();
    this.#host(handler);
  }

  #handlerFor(subsystem: string | null): SessionHandler | undefined {
    const { session, subsystems } = this.#context.options;
    if (subsystem === null) return session;
    if (typeof subsystems === "function") return subsystems(subsystem);
    // The name is the peer's: `constructor` is no subsystem.
    return subsystems && Object.hasOwn(subsystems, subsystem) ? subsystems[subsystem] : undefined;
  }

  async #host(handler: SessionHandler): Promise<void> {
    let status = 0;
    try {
      await handler(this);
      // Writes that were started, and not waited for, get the chance to be made; there are none
      // where the output is closed.
      if (!this.#outputClosed) await this.#context.turns.next();
    } catch (error) {
      status = FAILURE_STATUS;
      // Whoever goes on when the session is over is told so by errors; that is no fault.
      if (!this.#over || !(error instanceof SshError)) this.#context.onError(error, this);
    }
    this.exit(status);
  }

  /** Asks a policy; one that throws says no. */
  async #ask(policy: () => MaybePromise<boolean>): Promise<boolean> {
    try {
      return await policy() === true;
    } catch (error) {
      this.#context.onError(error, this);
      return false;
    }
  }

  #end(sendStatus: () => void): Promise<void> {
    return this.#ending ??= this.#endInOrder(sendStatus);
  }

  async #endInOrder(sendStatus: () => void): Promise<void> {
    await this.#output.flushed();
    if (this.#errors !== null) await this.#errors.flushed();
    this.#outputClosed = true;
    await this.#channel.drained;
    // Nothing waits between the three: they go out in one piece, and a client that closes as soon
    // as it sees EOF has the status by then.
    this.#sendEof();
    this.#failOutputs();
    try {
      sendStatus();
    } catch {
      // The channel was closed meanwhile: nobody is there to be told.
    }
    await this.#channel.close();
  }

  /**
   * EOF waits for a turn: with a handler that returns now goes its status, too. Clients such as
   * ssh2 close the channel as soon as both ends have sent EOF, and a status behind it may be late.
   */
  handleOutputEnd(stderr: boolean): void {
    if (stderr) return;
    this.#outputClosed = true;
    this.#takeBackEof = this.#context.turns.runNext(() => this.#sendEof());
  }

  /** Whether LF is to be sent as CR LF now. */
  get isTerminal(): boolean {
    return this.#terminal && !this.rawOutput;
  }

  /** Sends what has been written to the output or to standard error. */
  async sendOutput(data: Uint8Array, stderr: boolean): Promise<void> {
    if (this.#outputClosed) throw new ChannelClosedError("Cannot write: the output is closed");
    await this.#channel.send(data, { stderr });
  }

  /** EOF goes out once, whoever asks for it; each waits until it has. */
  #sendEof(): Promise<void> {
    this.#takeBackEof?.();
    return this.#eof ??= this.#channel.sendEof();
  }

  /** The channel is over. */
  handleClosed(error: Error | undefined): void {
    this.#over = true;
    if (error !== undefined) this.#overReason = error;
    this.#failOutputs();
    this.#sizes?.end();
    this.#signals?.end();
    this.#started.reject(() => this.#whyOver());
    this.#lost.resolve(error);
    this.#abort?.abort(this.#whyOver());
  }

  #failOutputs(): void {
    this.#output.fail(() => this.#whyOver());
    this.#errors?.fail(() => this.#whyOver());
  }

  /** One error for all that are told, if there are any: it takes a stack along, which is dear. */
  #whyOver(): Error {
    return this.#overReason ??= new ChannelClosedError("Cannot go on: the session is over");
  }
}
