/**
 * Stands in for `jsr:@std/testing/time`: a clock and timers that a test moves by hand.
 *
 * @module
 */

/** Time was faked twice, or restored twice. */
export class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

/** How fake time moves by itself. */
export interface FakeTimeOptions {
  /** How much faster than real time the fake time runs; 0, the default, is not at all. */
  advanceRate: number;
  /** How often it is moved, in real milliseconds: every 10, unless given. */
  advanceFrequency?: number;
}

/** What a delay in real time takes. */
export interface DelayOptions {
  /** Ends the delay. */
  signal?: AbortSignal;
  /** Whether the delay keeps the process alive: yes, unless given. */
  persistent?: boolean;
}

interface Timer {
  id: number;
  dueMs: number;
  /** The interval in milliseconds, or 0 for a timeout. */
  repeatMs: number;
  call: () => void;
}

type Callback = (...args: unknown[]) => void;

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  abortSignalTimeout: AbortSignal.timeout,
};

let faked: FakeTime | null = null;

const FakeDate: DateConstructor = new Proxy(real.Date, {
  construct(target, args, newTarget) {
    const given = args.length === 0 && faked ? [faked.now] : args;
    return Reflect.construct(target, given, newTarget);
  },
  apply() {
    return new real.Date(faked?.now ?? real.Date.now()).toString();
  },
  get(target, key) {
    if (key === "now") return () => faked?.now ?? real.Date.now();
    return Reflect.get(target, key);
  },
});

/**
 * Replaces `Date`, the timer functions and `AbortSignal.timeout` until it is restored.
 *
 * @example
 * ```ts
 * import { FakeTime } from "@std/testing/time";
 *
 * using time = new FakeTime();
 * setTimeout(() => console.log("due"), 1000);
 * time.tick(1000);
 * ```
 */
export class FakeTime {
  #now: number;
  readonly #start: number;
  #lastId = 0;
  readonly #timers = new Map<number, Timer>();
  readonly #advancing: ReturnType<typeof setInterval> | undefined;

  /**
   * @param start The first moment: now, unless given.
   * @param options How time moves by itself: not at all, unless given.
   */
  constructor(start?: number | string | Date | null, options?: FakeTimeOptions) {
    if (faked) throw new TimeError("Cannot construct FakeTime: time is already faked");
    this.#start = start instanceof real.Date
      ? start.valueOf()
      : typeof start === "number"
      ? Math.floor(start)
      : typeof start === "string"
      ? new real.Date(start).valueOf()
      : real.Date.now();
    if (Number.isNaN(this.#start)) {
      throw new TypeError("Cannot construct FakeTime: invalid start time");
    }
    this.#now = this.#start;
    const rate = Math.max(0, options?.advanceRate ?? 0);
    if (rate > 0) {
      const frequency = Math.max(10, options?.advanceFrequency ?? 10);
      this.#advancing = real.setInterval.call(
        null,
        () => this.tick(rate * frequency),
        frequency,
      );
    }
    this.#replace();
    faked = this;
  }

  /** Restores real time. */
  static restore(): void {
    if (!faked) throw new TimeError("Cannot restore time: time is already restored");
    faked.restore();
  }

  /** Restores real time while `callback` runs, and until a promise that it returns has settled. */
  static restoreFor<T, Args extends unknown[]>(
    callback: (...args: Args) => Promise<T> | T,
    ...args: Args
  ): Promise<T> {
    const time = faked;
    if (!time) {
      return Promise.reject(new TimeError("Cannot restore time: time is already restored"));
    }
    restoreGlobals();
    faked = null;
    const back = () => {
      time.#replace();
      faked = time;
    };
    try {
      const result = callback.apply(null, args);
      if (result instanceof Promise) return result.finally(back);
      back();
      return Promise.resolve(result);
    } catch (error) {
      back();
      return Promise.reject(error);
    }
  }

  /** The fake time, in milliseconds since 1970; setting it runs what is due by then. */
  get now(): number {
    return this.#now;
  }

  set now(value: number) {
    if (value < this.#now) {
      throw new RangeError(
        `Cannot set current time in the past, time must be >= ${this.#now}: received ${value}`,
      );
    }
    for (;;) {
      const timer = this.#first();
      if (!timer || timer.dueMs > value) break;
      this.#run(timer);
    }
    this.#now = value;
  }

  /** The first moment, in milliseconds since 1970; it cannot be changed. */
  get start(): number {
    return this.#start;
  }

  set start(_value: number) {
    throw new Error("Cannot change start time after initialization");
  }

  /** Resolves after `ms` milliseconds of real time. */
  async delay(ms: number, options: DelayOptions = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        real.clearTimeout.call(null, id);
        reject(signal?.reason);
      };
      const id = real.setTimeout.call(null, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal?.addEventListener("abort", stop, { once: true });
      if (options.persistent === false) (Deno as typeof Deno).unrefTimer(id as unknown as number);
    });
  }

  /** Lets everything run that waits for nothing but a promise. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Adds `ms` milliseconds and runs what is due by then. */
  tick(ms: number = 0): void {
    this.now += ms;
  }

  /** Runs the microtasks, then adds `ms` milliseconds and runs what is due by then. */
  async tickAsync(ms: number = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  /** Goes to the next timer and runs it; false where there was none. */
  next(): boolean {
    const timer = this.#first();
    if (timer) this.now = timer.dueMs;
    return timer !== undefined;
  }

  /** Runs the microtasks, then goes to the next timer and runs it; false where there was none. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Goes from timer to timer until none is left. */
  runAll(): void {
    while (this.#timers.size > 0) this.next();
  }

  /** Goes from timer to timer until none is left, running the microtasks before each. */
  async runAllAsync(): Promise<void> {
    await this.runMicrotasks();
    while (this.#timers.size > 0) await this.nextAsync();
  }

  /** Restores real time. */
  restore(): void {
    if (faked !== this) throw new TimeError("Cannot restore time: time is already restored");
    if (this.#advancing !== undefined) real.clearInterval.call(null, this.#advancing);
    this.#timers.clear();
    restoreGlobals();
    faked = null;
  }

  /** Restores real time, unless that has been done. */
  [Symbol.dispose](): void {
    if (faked === this) this.restore();
  }

  #replace(): void {
    const set = (repeat: boolean) => (fn: Callback, ms?: number, ...args: unknown[]): number =>
      this.#set(fn, ms ?? 0, args, repeat);
    const clear = (id?: number): void => void this.#timers.delete(Number(id));
    Object.assign(globalThis, {
      Date: FakeDate,
      setTimeout: set(false),
      clearTimeout: clear,
      setInterval: set(true),
      clearInterval: clear,
    });
    AbortSignal.timeout = (ms: number): AbortSignal => {
      const controller = new AbortController();
      this.#set(
        () => controller.abort(new DOMException("Signal timed out.", "TimeoutError")),
        ms,
        [],
        false,
      );
      return controller.signal;
    };
  }

  #set(fn: Callback, ms: number, args: unknown[], repeat: boolean): number {
    const id = ++this.#lastId;
    const delayMs = Math.max(repeat ? 1 : 0, Math.floor(Number(ms)) || 0);
    this.#timers.set(id, {
      id,
      dueMs: this.#now + delayMs,
      repeatMs: repeat ? delayMs : 0,
      call: () => fn.apply(null, args),
    });
    return id;
  }

  /** The timer that is due first; of those due together, the oldest. */
  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (!first || timer.dueMs < first.dueMs) first = timer;
    }
    return first;
  }

  #run(timer: Timer): void {
    this.#now = Math.max(this.#now, timer.dueMs);
    this.#timers.delete(timer.id);
    if (timer.repeatMs > 0) {
      timer.dueMs += timer.repeatMs;
      this.#timers.set(timer.id, timer);
    }
    timer.call();
  }
}

function restoreGlobals(): void {
  const { abortSignalTimeout, ...globals } = real;
  Object.assign(globalThis, globals);
  AbortSignal.timeout = abortSignalTimeout;
}
