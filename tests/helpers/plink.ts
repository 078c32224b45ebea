/**
 * PuTTY's `plink`, a client.
 *
 * @module
 */

import { fingerprint, parsePublicKeyLine } from "../../keys/mod.ts";
import type { PeerClient, RunRequest, RunResult } from "./peer_roles.ts";
import { runClient } from "./run_client.ts";

/** It takes keys in a format of PuTTY's own, and what has no option from a saved session. */
export class PlinkClient implements PeerClient {
  readonly #programs: { plink: string; puttygen: string };
  readonly #directory: string;
  readonly #keys = new Map<string, Promise<string>>();

  constructor(programs: { plink: string; puttygen: string }, directory: string) {
    this.#programs = programs;
    this.#directory = directory;
  }

  async run(request: RunRequest): Promise<RunResult> {
    const { method, rekeyBytes } = request;
    const session = rekeyBytes === undefined
      ? []
      : ["-load", await this.#saveSession({ RekeyBytes: `${rekeyBytes}` })];
    const credentials = method === "publickey"
      ? ["-i", await this.#convert(request.keyFile)]
      : ["-pwfile", await this.#save("password", request.password)];
    const hostKeys = request.hostKeys.flatMap((line) => [
      "-hostkey",
      fingerprint(parsePublicKeyLine(line)),
    ]);
    return await runClient({
      program: this.#programs.plink,
      args: [
        ...session,
        ...["-ssh", "-batch", "-noagent", "-noshare", "-no-antispoof"],
        ...credentials,
        ...hostKeys,
        ...["-P", `${request.port}`, "-l", request.user, "127.0.0.1", request.command],
      ],
      env: { HOME: this.#directory, PUTTYDIR: `${this.#directory}/putty` },
      failure: /^(FATAL ERROR|Access denied|plink: ).*/ms,
    }, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #saveSession(settings: Record<string, string>): Promise<string> {
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    await this.#save("sessions/test", lines.join(""));
    return "test";
  }

  async #save(name: string, text: string): Promise<string> {
    await Deno.mkdir(`${this.#directory}/putty/sessions`, { recursive: true });
    const path = `${this.#directory}/putty/${name}`;
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return path;
  }

  #convert(path: string): Promise<string> {
    const known = this.#keys.get(path) ?? this.#convertNow(path);
    this.#keys.set(path, known);
    return known;
  }

  async #convertNow(path: string): Promise<string> {
    const output = `${path}.ppk`;
    const args = [path, "-O", "private", "-o", output];
    const { success, stderr } = await new Deno.Command(this.#programs.puttygen, { args }).output();
    if (!success) throw new Error(`Cannot convert ${path}: ${new TextDecoder().decode(stderr)}`);
    return output;
  }
}
