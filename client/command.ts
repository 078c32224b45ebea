/**
 * Commands, in the shape of a `Deno.Command`.
 *
 * @module
 */

import type { Connection } from "../connection/mod.ts";
import { type CommandOutput, type ProcessOptions, SshProcess } from "./process.ts";

/** A command that can be run at the server, any number of times. */
export class SshCommand {
  readonly #connection: Connection;
  readonly #command: string;
  readonly #options: ProcessOptions;

  /** Commands are made by `SshClient.command`. */
  constructor(connection: Connection, command: string, options: ProcessOptions = {}) {
    this.#connection = connection;
    this.#command = command;
    this.#options = options;
  }

  /**
   * Runs it without input, and collects its output.
   *
   * @throws {TypeError} If its option `stdin` is `piped`: there is nothing to write to.
   * @throws {RequestError} If the server refuses to run it; for more, see `SshProcess.status`.
   */
  async output(): Promise<CommandOutput> {
    if (this.#options.stdin === "piped") {
      throw new TypeError('Cannot collect the output with stdin "piped": spawn() gives the stdin');
    }
    return await this.#spawn("null").output();
  }

  /**
   * Runs it. Its streams can be used at once; its input is `piped`, unless told otherwise.
   *
   * @throws {Error} What ended the connection, if something has.
   */
  spawn(): SshProcess {
    return this.#spawn(this.#options.stdin ?? "piped");
  }

  #spawn(stdin: "piped" | "null"): SshProcess {
    const request = { type: "exec", command: this.#command } as const;
    return new SshProcess(this.#connection, request, { ...this.#options, stdin });
  }
}
