/**
 * Other processes that do jobs.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import type { AgentMethod, Jobs } from "../agents/jobs.ts";
import { cpuSecondsOf } from "./cpu_time.ts";

/** How long a job may take, unless it says otherwise. */
const LIMIT_MS = 60_000;

/** A process that does jobs, one at a time. */
export class Agent {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  /** @param command The program and its arguments. */
  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
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

  /**
   * Has a job done.
   *
   * @throws {Error} If it fails, or takes too long: the process is ended then.
   */
  async ask<M extends AgentMethod>(
    method: M,
    job: Jobs[M]["takes"],
    limitMs: number = LIMIT_MS,
  ): Promise<Jobs[M]["gives"]> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify({ method, job })}\n`));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`${method} took more than ${limitMs / 1000} s`));
        this.stop();
      }, limitMs);
    });
    try {
      const { done, value } = await Promise.race([this.#lines.read(), late]);
      if (done) throw new Error(`The process ended during ${method}`);
      const answer = JSON.parse(value);
      if ("error" in answer) throw new Error(`${method}: ${answer.error}`);
      return answer.result;
    } finally {
      clearTimeout(timer);
    }
  }

  /** How long processors have worked for it, in seconds. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid);
  }

  /** Ends it. */
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
