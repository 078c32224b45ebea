/**
 * A channel as Web Streams, requests and events.
 *
 * @module
 */

import {
  type ChannelSink,
  DATA_NORMAL,
  DATA_STDERR,
  type EngineChannel,
  type IncomingChannelRequest,
} from "../protocol/connection/channel.ts";
import { encodeExitSignal, encodeUint32, type ExitSignal } from "../wire/channel_requests.ts";
import { type Deferred, deferred } from "../wire/deferred.ts";
import { EMPTY } from "../wire/empty.ts";
import { ChannelClosedError, ChannelOpenError, printable, RequestError } from "../wire/errors.ts";
import { LazyPromise } from "../wire/lazy_promise.ts";
import { AsyncQueue } from "./async_queue.ts";
import { type ChannelEvent, type ChannelRequest, readChannelRequest } from "./channel_events.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import type { SendScheduler } from "./send_scheduler.ts";
import { withSignal } from "./with_signal.ts";

/** How a channel is set up, at either end. */
export interface ChannelOptions {
  /** How many bytes the peer may send before any is taken: 2 MiB unless given. */
  readonly windowBytes?: number | undefined;
  /**
   * How wide the window may become, by itself, where it holds up a peer far away, and what comes
   * is read: 32 MiB unless given, or `windowBytes` if that is.
   */
  readonly maxWindowBytes?: number | undefined;
  /**
   * How many bytes of data the peer may put into one packet: 32 KiB unless given, or 128 KiB where
   * both ends are this library.
   */
  readonly maxPacketBytes?: number | undefined;
  /**
   * What is done once both ends have sent EOF: nothing (`half-open`, unless given), for one end
   * may still have its exit status to send; or the channel is closed (`close`), as tunnels are.
   */
  readonly afterEof?: "half-open" | "close" | undefined;
  /**
   * Takes the peer's requests as they come, in place of {@linkcode Channel.requests} and the
   * requests among {@linkcode Channel.events}; but for those that it returns `false` for. Each that
   * wants a reply has to be answered, at any time.
   */
  readonly onRequest?: (request: ChannelRequest) => boolean | void;
  /** Told when the peer has sent EOF, beside what the streams or events say of it. */
  readonly onEof?: () => void;
  /**
   * Told when the channel is closed (null), refused or gone with its connection (with what ended
   * it), beside {@linkcode Channel.closed}.
   */
  readonly onClosed?: (reason: unknown) => void;
}

/** Requests that nobody has taken; more are refused. */
const MAX_WAITING_REQUESTS = 1000;
/** What a writable takes before its writers are to wait. */
const WRITABLE_HIGH_WATER_BYTES = 64 * 1024;

/** A channel of a connection (RFC 4254 section 5). */
export class Channel {
  /** Its type, such as `session` or `direct-tcpip`. */
  readonly type: string;
  readonly #options: ChannelOptions;
  readonly #outbox: Outbox;
  readonly #output = new Inbox();
  readonly #errors = new Inbox();
  readonly #opened = new LazyPromise<void>();
  readonly #closed = new LazyPromise<void>();
  /** Made when it is asked for, or a request waits. */
  #requests: AsyncQueue<ChannelRequest> | null = null;
  #events: AsyncQueue<ChannelEvent> | null = null;
  #channel: EngineChannel | null = null;
  #writable: WritableStream<Uint8Array> | null = null;
  #errorWritable: WritableStream<Uint8Array> | null = null;
  readonly #writableControllers: WritableStreamDefaultController[] = [];
  #asked: Set<Deferred<void>> | null = null;
  #hasOpened = false;
  #sentEof = false;
  /** How many requests waited when EOF came; -1 before that. */
  #eofBehind = -1;
  #closing = false;
  #ended: { readonly reason: unknown } | null = null;

  /** Channels are made by a connection: by `openChannel`, `createChannel`, or `accept`. */
  constructor(type: string, scheduler: SendScheduler, options: ChannelOptions) {
    this.type = type;
    this.#options = options;
    this.#outbox = new Outbox(scheduler);
  }

  /** The data that arrives. A chunk counts as taken, and the peer may send more, once it is read. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#events !== null) throw takenAsEvents();
    return this.#output.stream;
  }

  /**
   * What arrives as standard error (RFC 4254 section 5.2). It shares its window with
   * {@linkcode readable}: if one of them is never read nor cancelled, the other stalls too.
   */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#events !== null) throw takenAsEvents();
    return this.#errors.stream;
  }

  /**
   * Takes all that arrives, until no more will, as data or as standard error. It costs much less
   * than to read {@linkcode readable} or {@linkcode stderr} to its end, and takes its place.
   *
   * @throws {TypeError} If it is being taken already: the promise rejects.
   */
  collect(what: "data" | "stderr"): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#events !== null) return Promise.reject(takenAsEvents());
    return this.#inboxOf(what).collect();
  }

  /**
   * Drops what has arrived, and what will, as data or as standard error: what nobody reads fills the
   * window that both share. It costs less than to cancel a stream.
   */
  drop(what: "data" | "stderr"): void {
    this.#inboxOf(what).cancel();
  }

  /**
   * Takes data to send. Closing it sends EOF; aborting it closes the channel. When the channel is
   * closed from here or breaks, it has an error, so that a pipe into it stops. When the peer closes
   * the channel, only writes fail: a pair of streams can still be closed in good order then.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= this.#makeWritable(DATA_NORMAL, () => this.sendEof());
  }

  /** Takes data to send as standard error. Closing it does nothing. */
  get stderrWritable(): WritableStream<Uint8Array> {
    return this.#errorWritable ??= this.#makeWritable(DATA_STDERR, () => Promise.resolve());
  }

  /** The peer's requests, for one consumer; unless `onRequest` was given. */
  get requests(): AsyncIterableIterator<ChannelRequest> {
    return this.#requestQueue;
  }

  /**
   * All that happens, in order, for one consumer: in place of `readable`, `stderr` and `requests`.
   * Data counts as taken when its event is.
   */
  get events(): AsyncIterableIterator<ChannelEvent> {
    this.#events ??= this.#makeEvents();
    return this.#takingEvents(this.#events);
  }

  /** Resolves when both ends have agreed on the channel; rejects if that fails. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves when the channel is closed; rejects if the connection ended before. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Whether data can still be written. */
  get isWritable(): boolean {
    return this.#ended === null && !this.#closing && !this.#sentEof;
  }

  /**
   * Sends data. The buffer must not be changed before the promise resolves, which it does when
   * all of it has gone through the peer's window.
   *
   * @param options.stderr Whether it is sent as standard error.
   * @throws {ChannelClosedError} If the channel is closed, or EOF has been sent.
   */
  async send(
    data: Uint8Array,
    options: { stderr?: boolean; signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#checkOpen("send data");
    if (this.#sentEof) {
      throw new ChannelClosedError(
        `Cannot send data: EOF has been sent on the ${this.type} channel`,
      );
    }
    if (data.length === 0) return;
    const type = options.stderr === true ? DATA_STDERR : DATA_NORMAL;
    await withSignal(this.#outbox.write(data, type), options.signal);
  }

  /** Resolves when all that has been written is sent. */
  get drained(): Promise<void> {
    return this.#outbox.drained;
  }

  /** Says that no more data will be sent: at once, or after what waits to be sent. */
  async sendEof(): Promise<void> {
    if (this.#sentEof || this.#ended !== null) return;
    this.#sentEof = true;
    if (!this.#outbox.isEmpty) await this.#outbox.drained;
    if (this.#ended !== null) return;
    this.#channel?.sendEof();
    this.#closeAfterEof();
  }

  /**
   * Makes a request, and waits for the answer.
   *
   * @param payload What is specific to it, encoded.
   * @throws {RequestError} If the peer answers with failure.
   * @throws {ChannelClosedError} If the channel is closed before the answer.
   */
  async request(
    name: string,
    payload: Uint8Array = EMPTY,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    this.#checkOpen(`request ${name}`);
    const answer = deferred<void>();
    const asked = this.#asked ??= new Set();
    asked.add(answer);
    const sent = this.#channel?.sendRequest(name, payload, (success) => {
      asked.delete(answer);
      if (success) answer.resolve();
      else answer.reject(new RequestError(`Cannot do ${name}: the peer refused the request`));
    });
    if (sent !== true) {
      asked.delete(answer);
      throw new ChannelClosedError(`Cannot request ${name}: the ${this.type} channel is not open`);
    }
    await withSignal(answer.promise, options.signal);
  }

  /** Makes a request that no answer is wanted to. */
  notify(name: string, payload: Uint8Array = EMPTY): void {
    this.#checkOpen(`send ${name}`);
    this.#channel?.sendRequest(name, payload, null);
  }

  /** Reports the exit status of what ran (RFC 4254 section 6.10). */
  exitStatus(status: number): void {
    this.notify("exit-status", encodeUint32(status));
  }

  /** Reports the signal that ended what ran (RFC 4254 section 6.10). */
  exitSignal(signal: Partial<ExitSignal> & { name: string }): void {
    this.notify(
      "exit-signal",
      encodeExitSignal({ coreDumped: false, message: "", language: "", ...signal }),
    );
  }

  /** Lets the peer send this many bytes more, for good: beside what is done by itself. */
  adjustWindow(bytes: number): void {
    this.#checkOpen("adjust the window");
    this.#channel?.growWindow(bytes);
  }

  /**
   * Closes the channel: what has not been sent is dropped. Resolves when the peer has closed its
   * end too. A second call waits for the first.
   */
  async close(): Promise<void> {
    // As where the peer closes it: most channels are closed with nobody to be told.
    const isTold = this.#isWaitedFor || this.#writableControllers.length > 0;
    this.#closeOurs(
      isTold ? new ChannelClosedError(`The ${this.type} channel was closed`) : null,
    );
    await this.#closed.promise.catch(() => {});
  }

  /**
   * Closes the channel, and has its readers and writers fail with a reason. Data that has arrived
   * and has not been read is dropped.
   */
  abort(reason: unknown): void {
    if (this.#ended !== null) return;
    this.#closeOurs(reason);
    this.#output.abort(reason);
    this.#errors.abort(reason);
    this.#events?.fail(reason);
    this.#requestQueue.fail(reason);
  }

  /** Calls {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * What the engine tells. For the connection.
   *
   * @param onOver Told when the channel is refused or closed; not, when the connection ends.
   */
  sink(onOver: () => void): ChannelSink {
    return new Channel.#Sink(this, onOver);
  }

  /** Binds the engine's side. For the connection. */
  attach(channel: EngineChannel): void {
    this.#channel = channel;
    this.#outbox.attach(channel);
    this.#output.attach(channel);
    this.#errors.attach(channel);
    if (channel.isOpen) this.#handleOpen();
  }

  #handleOpen(): void {
    this.#hasOpened = true;
    this.#opened.resolve();
  }

  /** Whom the engine tells: methods, for closures would be a part of what each channel holds. */
  static readonly #Sink = class implements ChannelSink {
    readonly #end: Channel;
    readonly #onOver: () => void;

    constructor(end: Channel, onOver: () => void) {
      this.#end = end;
      this.#onOver = onOver;
    }

    onOpen(): void {
      if (this.#end.#closing) this.#end.#channel?.sendClose();
      else this.#end.#handleOpen();
    }

    onOpenFailure(reason: number, description: string): void {
      this.#onOver();
      const why = printable(description) || "the peer gave no reason";
      const what = `Cannot open a ${this.#end.type} channel: ${why} (reason ${reason})`;
      this.#end.#finish(new ChannelOpenError(what, { reason }));
    }

    onData(data: Uint8Array<ArrayBuffer>, type: number): void {
      const stderr = type === DATA_STDERR;
      if (this.#end.#events !== null) this.#end.#events.push({ type: "data", data, stderr });
      else this.#end.#inboxOf(stderr ? "stderr" : "data").push(data);
    }

    onEof(): void {
      const end = this.#end;
      end.#eofBehind = end.#requests?.length ?? 0;
      end.#output.end();
      end.#errors.end();
      end.#events?.push({ type: "eof" });
      end.#options.onEof?.();
      end.#closeAfterEof();
    }

    onRequest(incoming: IncomingChannelRequest): void {
      const request = readChannelRequest(incoming);
      const { onRequest } = this.#end.#options;
      if (onRequest !== undefined && onRequest(request) !== false) return;
      const queue: AsyncQueue<ChannelRequest> | AsyncQueue<ChannelEvent> = this.#end.#events ??
        this.#end.#requestQueue;
      if (queue.length >= MAX_WAITING_REQUESTS) request.reply(false);
      else queue.push(request);
    }

    onWindow(): void {
      this.#end.#outbox.goOn();
    }

    onClosed(reason: unknown): void {
      if (reason === null) this.#onOver();
      this.#end.#finish(reason);
    }
  };

  /** The channel has ended: by CLOSE (null), by refusal, or with the connection. */
  #finish(reason: unknown): void {
    if (this.#ended !== null) return;
    this.#ended = { reason };
    if (reason === null) {
      // Errors are dear, since each takes a stack along: most channels end with nobody to be told.
      if (this.#isWaitedFor) {
        this.#failWaiting(new ChannelClosedError(`The ${this.type} channel was closed`));
      }
      this.#output.end();
      this.#errors.end();
      this.#events?.push({ type: "closed" });
      this.#events?.end();
      this.#requests?.end();
    } else {
      this.#failWaiting(reason);
      this.#failWritables(reason);
      this.#output.fail(reason);
      this.#errors.fail(reason);
      this.#events?.fail(reason);
      this.#requests?.fail(reason);
    }
    this.#options.onClosed?.(reason);
    if (reason === null) this.#closed.resolve();
    else this.#closed.reject(() => reason);
  }

  get #requestQueue(): AsyncQueue<ChannelRequest> {
    if (this.#requests === null) {
      this.#requests = new AsyncQueue();
      if (this.#ended?.reason === null) this.#requests.end();
      else if (this.#ended !== null) this.#requests.fail(this.#ended.reason);
    }
    return this.#requests;
  }

  /** Whether anybody waits for the channel to be opened, for data to be sent, or for an answer. */
  get #isWaitedFor(): boolean {
    const isOpening = !this.#hasOpened && !this.#closing;
    return isOpening || !this.#outbox.isEmpty || (this.#asked?.size ?? 0) > 0;
  }

  #failWaiting(reason: unknown): void {
    this.#outbox.fail(reason);
    for (const answer of this.#asked ?? []) answer.reject(reason);
    this.#asked?.clear();
    this.#opened.reject(() => reason);
  }

  #closeOurs(reason: unknown): void {
    if (this.#closing || this.#ended !== null) return;
    this.#closing = true;
    this.#failWaiting(reason);
    this.#failWritables(reason);
    this.#channel?.sendClose();
  }

  #failWritables(reason: unknown): void {
    for (const controller of this.#writableControllers) controller.error(reason);
  }

  #closeAfterEof(): void {
    if (this.#options.afterEof !== "close" || !this.#sentEof || this.#eofBehind < 0) return;
    this.#outbox.drained.then(() => this.#channel?.sendClose());
  }

  #makeWritable(type: number, onClose: () => Promise<void>): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      start: (controller) => {
        if (this.#closing || (this.#ended?.reason ?? null) !== null) {
          controller.error(new ChannelClosedError(`The ${this.type} channel is closed`));
        } else {
          this.#writableControllers.push(controller);
        }
      },
      write: (chunk) => this.send(chunk, { stderr: type === DATA_STDERR }),
      close: onClose,
      abort: (reason) => this.#closeOurs(reason),
    }, { highWaterMark: WRITABLE_HIGH_WATER_BYTES, size: (chunk) => chunk.byteLength });
  }

  #makeEvents(): AsyncQueue<ChannelEvent> {
    if (this.#output.isUsed || this.#errors.isUsed) {
      throw new TypeError("Cannot give the channel's events: its streams are in use");
    }
    const events = new AsyncQueue<ChannelEvent>();
    for (const data of this.#output.takeAll()) events.push({ type: "data", data, stderr: false });
    for (const data of this.#errors.takeAll()) events.push({ type: "data", data, stderr: true });
    const waiting: ChannelEvent[] = this.#requests?.takeAll() ?? [];
    if (this.#eofBehind >= 0) waiting.splice(this.#eofBehind, 0, { type: "eof" });
    for (const event of waiting) events.push(event);
    if (this.#ended === null) return events;
    if (this.#ended.reason !== null) {
      events.fail(this.#ended.reason);
      return events;
    }
    events.push({ type: "closed" });
    events.end();
    return events;
  }

  async *#takingEvents(events: AsyncQueue<ChannelEvent>): AsyncGenerator<ChannelEvent, void, void> {
    for await (const event of events) {
      if (event.type === "data") this.#channel?.take(event.data.length);
      yield event;
    }
  }

  #inboxOf(what: "data" | "stderr"): Inbox {
    return what === "data" ? this.#output : this.#errors;
  }

  #checkOpen(what: string): void {
    if (this.#ended === null && !this.#closing) return;
    throw this.#ended?.reason ??
      new ChannelClosedError(`Cannot ${what}: the ${this.type} channel is closed`);
  }
}

function takenAsEvents(): TypeError {
  return new TypeError("Cannot give the channel's streams: its events are in use");
}
