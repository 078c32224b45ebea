/**
 * Drives an engine over a flow: reads, writes, and keeps its time.
 *
 * @module
 */

import type { Flow } from "../flow/flow.ts";
import { Eof } from "../flow/flow.ts";
import { Engine } from "../protocol/engine.ts";
import type {
  ClientEngineOptions,
  EngineSink,
  ServerEngineOptions,
} from "../protocol/engine_options.ts";

/** While as much waits to be written, channels send no more data. */
const HIGH_WATER_BYTES = 512 * 1024;
/**
 * While as much waits to be written, nothing is read: what piles up then are replies, to a peer
 * that asks and does not listen.
 */
const STOP_READING_BYTES = 4 * 1024 * 1024;
/** More microtasks than a step of the login takes that waits for nothing else. */
const STEP_MICROTASKS = 50;
/** More microtasks than a writer takes from one write to the next, if it waits for nothing else. */
const WRITE_MICROTASKS = 6;
/** How long the peer has for closing its end after ours is closed. */
const CLOSE_GRACE_MS = 2000;
/** The longest that a timer can be set for. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An engine's options, but for those that the driver gives. */
export type DrivenEngineOptions =
  | Omit<ClientEngineOptions, "sink" | "now" | "gathers">
  | Omit<ServerEngineOptions, "sink" | "now" | "gathers">;

/** What a driver tells, beside what the engine itself tells. */
export interface DriverSink
  extends Omit<EngineSink, "onOutput" | "onDeadline" | "onSendable" | "onClosed"> {
  /** There is room for more channel data. */
  onDrained(): void;
  /** The connection has ended: told at once. The flow may still be closing. */
  onClosed(reason: Error): void;
  /** The flow has been let go of. */
  onReleased(): void;
}

/** The one reader and the one writer of a connection's flow. */
export class Driver {
  readonly engine: Engine;
  readonly #flow: Flow;
  readonly #sink: DriverSink;
  #flushing = false;
  #inFlightBytes = 0;
  #drained: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #dueAt = Infinity;

  /** Sends the first bytes at once; reading begins with {@linkcode start}. */
  constructor(flow: Flow, options: DrivenEngineOptions, sink: DriverSink) {
    this.#flow = flow;
    this.#sink = sink;
    this.engine = new Engine({
      ...options,
      now: () => performance.now(),
      gathers: flow.gathers,
      sink: {
        ...sink,
        onOutput: () => this.#flush(),
        onDeadline: () => this.#advanceSoon(),
        onSendable: () => sink.onDrained(),
        onAuthenticated: (user) => {
          this.#advanceSoon();
          sink.onAuthenticated(user);
        },
        onClosed: (reason) => this.#handleClosed(reason),
      },
    });
  }

  /** Begins to read. */
  start(): void {
    this.#advanceSoon();
    this.#read();
  }

  /** Whether channels may send data: what waits to be written is bounded. */
  get hasRoom(): boolean {
    return this.#backlogBytes < HIGH_WATER_BYTES;
  }

  /** Drops the flow now. */
  abort(reason: unknown): void {
    this.engine.disconnect();
    this.#flow.abort(reason);
  }

  get #backlogBytes(): number {
    return this.#inFlightBytes + this.engine.outputBytes;
  }

  async #read(): Promise<void> {
    const engine = this.engine;
    try {
      let reading = this.#flow.read();
      while (true) {
        const chunk = await reading;
        if (engine.closed !== null) return;
        if (chunk === Eof) {
          await this.#whenParsed();
          return engine.receiveEof();
        }
        engine.receive(chunk);
        if (this.#flow.reuse !== undefined && engine.letGo(chunk)) this.#flow.reuse(chunk);
        while (this.#backlogBytes > STOP_READING_BYTES && engine.closed === null) {
          await new Promise<void>((resolve) => this.#drained = resolve);
        }
        if (engine.closed !== null) return;
        // While a step waits, the next chunk is on its way.
        reading = this.#flow.read();
        reading.catch(() => {});
        while (engine.full !== null) await engine.full;
      }
    } catch (error) {
      await this.#whenParsed();
      engine.receiveEof(error);
    }
  }

  /** Waits until all that has arrived is parsed. */
  async #whenParsed(): Promise<void> {
    while (this.engine.parked !== null) await this.engine.parked;
  }

  /** Writes what there is, once a turn of the engine is over, and what comes meanwhile. */
  async #flush(): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      await undefined;
      const { engine } = this;
      // Of a login, what a step puts out is written together, too: an acceptance with what comes of
      // the first request, say. A step that only computes has done so after some microtasks; if it
      // takes its time, to ask a user, nothing waits for it.
      for (
        let turn = 0;
        turn < STEP_MICROTASKS && engine.isParked && engine.user === null;
        turn++
      ) {
        await undefined;
      }
      // What is being sealed still is told of when it can be taken.
      for (let output = this.#take(); output.length > 0; output = this.#take()) {
        if (this.#flow.lend === undefined) await this.#flow.writev(output);
        else {
          await this.#flow.lend(output);
          engine.takeBack(output);
        }
        this.#inFlightBytes = 0;
        this.#tellDrained();
        if (engine.user !== null) await this.#linger();
      }
    } catch (error) {
      // The peer may have said why before it closed: reading goes on to find out.
      this.engine.takeOutput();
      if (this.engine.closed === null) this.#failWriting(error);
    } finally {
      this.#inFlightBytes = 0;
      this.#flushing = false;
      this.#tellDrained();
    }
  }

  /** Whoever writes a lot in little pieces does so at once: these come into the same packet. */
  async #linger(): Promise<void> {
    for (let bytes = -1; bytes !== this.engine.outputBytes;) {
      bytes = this.engine.outputBytes;
      for (let turn = 0; turn < WRITE_MICROTASKS; turn++) await undefined;
    }
  }

  #take(): Uint8Array[] {
    const output = this.engine.takeOutput();
    this.#inFlightBytes = output.reduce((total, chunk) => total + chunk.length, 0);
    return output;
  }

  /** Gives the reader a moment to find the peer's DISCONNECT behind a failed write. */
  #failWriting(error: unknown): void {
    setTimeout(() => {
      this.engine.receiveEof(error);
      this.engine.takeOutput();
    }, 0);
  }

  #tellDrained(): void {
    this.#drained?.();
    this.#drained = null;
    if (this.engine.closed === null && this.hasRoom) this.#sink.onDrained();
  }

  #advanceSoon(): void {
    queueMicrotask(() => this.#advance());
  }

  #advance(): void {
    const now = performance.now();
    const next = this.engine.advance(now);
    // A timer that is early does no harm: it asks again.
    if (next !== null && next >= this.#dueAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#dueAt = next ?? Infinity;
    if (next === null) return;
    const delay = Math.min(Math.max(Math.ceil(next - now), 0), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#dueAt = Infinity;
      this.#advance();
    }, delay);
  }

  #handleClosed(reason: Error): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#drained?.();
    this.#drained = null;
    this.#sink.onClosed(reason);
    this.#release(reason);
  }

  /** Writes what is left, the DISCONNECT last, and closes the flow. */
  async #release(reason: Error): Promise<void> {
    const timer = setTimeout(() => this.#flow.abort(reason), CLOSE_GRACE_MS);
    try {
      await this.#finishWriting();
      await this.#flow.close();
    } catch {
      this.#flow.abort(reason);
    } finally {
      clearTimeout(timer);
      this.#sink.onReleased();
    }
  }

  async #finishWriting(): Promise<void> {
    while (this.engine.sealing !== null) await this.engine.sealing;
    // A flush under way takes along what the engine has put out meanwhile.
    while (this.#inFlightBytes > 0) {
      await new Promise<void>((resolve) => this.#drained = resolve);
    }
    const rest = this.engine.takeOutput();
    if (rest.length > 0) await this.#flow.writev(rest);
  }
}
