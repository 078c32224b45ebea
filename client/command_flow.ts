/**
 * A session as a flow.
 *
 * @module
 */

import type { Connection } from "../connection/mod.ts";
import { withSignal } from "../connection/with_signal.ts";
import type { Eof, Flow } from "../flow/flow.ts";
import { fromStreams } from "../flow/from_streams.ts";
import type { CommandStatus } from "./exit_status.ts";
import type { Session } from "./session.ts";

/** How long after the end of its output the status of a command is waited for. */
const STATUS_GRACE_MS = 1000;

/**
 * What runs at the server, as a flow: reading gives its output, writing goes to its input. Closing
 * or aborting it ends the connection, and the flow that that runs over.
 */
export interface CommandFlow extends Flow {
  /**
   * The standard error. It shares a window of 2 MiB with what is read from the flow: whoever
   * expects as much of it reads it too, or cancels it.
   */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * How it ended; settled by the time the flow is closed. It rejects if the connection was lost,
   * or ended by `close` or `abort`, before the server said.
   */
  readonly exitStatus: Promise<CommandStatus>;
  /** The connection: what was agreed on, the server's host key. */
  readonly connection: Connection;
}

/** A flow to what runs in a session, the only one of its connection. */
export function commandFlowOf(connection: Connection, session: Session): CommandFlow {
  return new SessionFlow(connection, session);
}

class SessionFlow implements CommandFlow {
  readonly connection: Connection;
  readonly #session: Session;
  readonly #flow: Flow;

  constructor(connection: Connection, session: Session) {
    const { channel } = session;
    this.connection = connection;
    this.#session = session;
    // Without the channel's `close`, which would be called too early for the exit status.
    this.#flow = fromStreams({ readable: channel.readable, writable: channel.writable });
  }

  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#session.stderr;
  }

  get exitStatus(): Promise<CommandStatus> {
    return this.#session.exitStatus;
  }

  read(): Promise<Uint8Array | typeof Eof> {
    return this.#flow.read();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#flow.write(data);
  }

  writev(data: readonly Uint8Array[]): Promise<void> {
    return this.#flow.writev(data);
  }

  closeWrite(): Promise<void> {
    return this.#flow.closeWrite();
  }

  async close(options: { signal?: AbortSignal } = {}): Promise<void> {
    // Nobody is going to read it: it must not hold up what is waited for.
    if (!this.stderr.locked) this.stderr.cancel().catch(() => {});
    try {
      await this.#flow.close(options);
      await withSignal(this.#statusOrGrace(), options.signal);
      await this.connection.close(options);
    } catch (error) {
      this.connection.abort(error);
      await this.connection.closed.catch(() => {});
      throw error;
    }
  }

  abort(reason?: unknown): void {
    // The connection first: its end is not to be taken for an end of what runs.
    this.connection.abort(reason);
    this.#flow.abort(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #statusOrGrace(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<void>((resolve) => timer = setTimeout(resolve, STATUS_GRACE_MS));
    const settled = this.exitStatus.then(() => {}, () => {});
    await Promise.race([settled, grace]).finally(() => clearTimeout(timer));
  }
}
