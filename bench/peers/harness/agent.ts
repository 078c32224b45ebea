/**
 * Other processes that do jobs.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import type { AgentMethod, Jobs } from "../agents/jobs.ts";
import { cpuSecondsOf } from "./cpu_time.ts";

/** How long a job may take, unless it says otherwise. */
const LIMIT_MS = 30_000;

/** A process that does jobs, one at a time. One that is late with a job is ended, and replaced. */
export class Agent {
  readonly #command: readonly string[];
  #running: Running | null = null;

  /** @param command The program and its arguments. */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /**
   * Has a job done.
   *
   * @throws {Error} If it fails, or takes too long.
   */
  async ask<M extends AgentMethod>(
    method: M,
    job: Jobs[M]["takes"],
    limitMs: number = LIMIT_MS,
  ): Promise<Jobs[M]["gives"]> {
    this.#running ??= new Running(this.#command);
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, limitMs);
    const answer = await Promise.race([this.#running.ask({ method, job }), late]);
    clearTimeout(timer);
    if (answer === undefined) {
      await this.stop();
      throw new Error(`${method} took more than ${limitMs / 1000} s`);
    }
    if ("error" in answer) throw new Error(`${method}: ${answer.error}`);
    return answer.result as Jobs[M]["gives"];
  }

  /** How long processors have worked for it, in seconds. */
  cpuSeconds(): number {
    return this.#running === null ? 0 : cpuSecondsOf(this.#running.pid);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    await running?.stop();
  }
}

type Answer = { readonly result: unknown } | { readonly error: string };

class Running {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  constructor([program = "", ...args]: readonly string[]) {
    this.#child = new Deno.Command(program, {
      args,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ask(question: unknown): Promise<Answer> {
    try {
      await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
      const { done, value } = await this.#lines.read();
      return done ? { error: "the process has ended" } : JSON.parse(value);
    } catch (error) {
      return { error: `${error}` };
    }
  }

  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#writer.abort().catch(() => {});
    await this.#lines.cancel().catch(() => {});
  }
}
