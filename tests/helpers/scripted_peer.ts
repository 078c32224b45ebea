/**
 * Another implementation, driven by a script in its own language: requests and answers in JSON,
 * one a line.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import type { ListenRequest, PeerClient, PeerServer, RunRequest, RunResult } from "./peer_roles.ts";

/** How long an answer may take: the scripts give up before. */
const TIMEOUT_MS = 40_000;

/** A peer that runs, as a client and as a server. Its tests wait for one answer at a time. */
export class ScriptedPeer implements PeerClient, PeerServer {
  readonly #process: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  readonly #log: Promise<string>;

  /** Starts a script. */
  constructor(program: string, args: readonly string[]) {
    this.#process = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#requests = this.#process.stdin.getWriter();
    this.#answers = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    this.#log = new Response(this.#process.stderr).text();
  }

  async run(request: RunRequest): Promise<RunResult> {
    return await this.#ask("run", request) as RunResult;
  }

  async listen(request: ListenRequest): Promise<number> {
    return (await this.#ask("listen", request) as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests.close().catch(() => {});
    await this.#process.status;
    await this.#answers.cancel();
    await this.#log;
  }

  async #ask(op: string, request: RunRequest | ListenRequest): Promise<unknown> {
    const line = JSON.stringify({ op, ...request });
    await this.#requests.write(new TextEncoder().encode(`${line}\n`));
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), TIMEOUT_MS);
    const { value } = await this.#answers.read();
    clearTimeout(timer);
    if (value === undefined) {
      throw new Error(`Cannot ${op}: the peer has ended\n${await this.#log}`);
    }
    const answer = JSON.parse(value);
    if (answer.error !== undefined) throw new Error(`Cannot ${op}: ${answer.error}`);
    return answer;
  }
}
