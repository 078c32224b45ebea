/**
 * A client that is logged in.
 *
 * @module
 */

import type { Connection } from "../connection/mod.ts";
import { withSignal } from "../connection/with_signal.ts";
import type { PublicKey } from "../keys/types.ts";
import type { ConnectionInfo } from "../protocol/engine_options.ts";
import { SshCommand } from "./command.ts";
import { type ProcessOptions, SshProcess } from "./process.ts";
import { Session, type SessionChannelOptions, type WaitOptions } from "./session.ts";

/**
 * A connection to a server, at the user's end. It is made by `connect`.
 *
 * @example A command with input, and one that is given up
 * ```ts
 * import { connect } from "@sshflow/ssh/client";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import { serve } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const [near, far] = flowPair();
 * const hostKey = await generateKey("ed25519");
 * await using server = serve(far, {
 *   hostKeys: [hostKey],
 *   authenticate: () => true,
 *   session: (session) => session.stdin.pipeTo(session.stdout),
 * });
 * await using ssh = await connect(near, {
 *   user: "ada",
 *   auth: { password: "" },
 *   authenticator: hostKey.publicKey,
 * });
 *
 * const cat = ssh.command("cat").spawn();
 * const writer = cat.stdin.getWriter();
 * await writer.write(new TextEncoder().encode("hello"));
 * await writer.close();
 * const { success, stdout } = await cat.output();
 * assert.equal(success, true);
 * assert.equal(new TextDecoder().decode(stdout), "hello");
 *
 * const waiting = ssh.command("cat", { signal: AbortSignal.timeout(10) }).spawn();
 * await assert.rejects(waiting.status, { name: "TimeoutError" });
 * ```
 */
export class SshClient {
  /** The connection itself: for channels of other types, and for global requests. */
  readonly connection: Connection;

  /**
   * Clients are made by `connect`.
   *
   * @param connection A client's connection whose user is authenticated.
   */
  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** What was agreed on: versions, algorithms, the session id. */
  get info(): ConnectionInfo {
    const { info } = this.connection;
    if (info === null) throw new TypeError("Cannot tell what was agreed on: nothing has been yet");
    return info;
  }

  /** The server's host key, which has been proven and accepted. */
  get serverHostKey(): PublicKey {
    return this.info.hostKey;
  }

  /**
   * A command, in the shape of a `Deno.Command`: nothing runs yet.
   *
   * @param command What the server's shell is given. Quote what comes from outside.
   */
  command(command: string, options: ProcessOptions = {}): SshCommand {
    return new SshCommand(this.connection, command, options);
  }

  /**
   * Runs the user's shell: with a terminal, if the option `pty` is given.
   *
   * @throws {Error} What ended the connection, if something has.
   */
  shell(options: ProcessOptions = {}): SshProcess {
    return new SshProcess(this.connection, { type: "shell" }, options);
  }

  /**
   * Runs a subsystem. What it gives can be passed on as a pair of streams.
   *
   * @param name Such as `sftp`.
   * @throws {Error} What ended the connection, if something has.
   */
  subsystem(name: string, options: ProcessOptions = {}): SshProcess {
    return new SshProcess(this.connection, { type: "subsystem", name }, options);
  }

  /**
   * Opens a session in which nothing runs yet.
   *
   * @throws {ChannelOpenError} If the server refuses.
   */
  async openSession(options: SessionChannelOptions & WaitOptions = {}): Promise<Session> {
    const { signal } = options;
    signal?.throwIfAborted();
    const session = new Session(this.connection, options);
    try {
      await withSignal(session.channel.opened, signal);
      return session;
    } catch (error) {
      session.abort(error);
      throw error;
    }
  }

  /**
   * Asks the server for a sign of life.
   *
   * @returns How long the answer took, in milliseconds.
   */
  ping(options: WaitOptions = {}): Promise<number> {
    return this.connection.ping(options);
  }

  /** Exchanges keys anew; data goes on flowing, and nothing is lost. */
  rekey(): void {
    this.connection.rekey();
  }

  /** Resolves when the connection has ended in good order; rejects with what ended it otherwise. */
  get closed(): Promise<void> {
    return this.connection.closed;
  }

  /** Ends the connection and all that runs over it. A second call waits for the first. */
  close(options: WaitOptions = {}): Promise<void> {
    return this.connection.close(options);
  }

  /** Calls {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
