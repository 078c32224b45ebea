/**
 * Reaching a host through another one.
 *
 * @module
 */

import { asFlow } from "../../flow/as_flow.ts";
import type { Flow } from "../../flow/flow.ts";
import { Writer } from "../../wire/writer.ts";
import type { SshClient } from "../client.ts";

/**
 * Connects to a host and port as seen from a server (RFC 4254 section 7.2).
 *
 * @param hop Is the flow's from now on: it ends with it, and when the promise rejects.
 */
export async function flowThrough(
  hop: SshClient,
  target: { readonly hostname: string; readonly port: number },
  signal: AbortSignal | undefined,
): Promise<Flow> {
  const extra = new Writer().string(target.hostname).uint32(target.port)
    // Who has come here from where, is nothing that the server has to know.
    .string("127.0.0.1").uint32(0).finish();
  try {
    const channel = await hop.connection.openChannel("direct-tcpip", {
      extra,
      ...(signal !== undefined && { signal }),
    });
    channel.drop("stderr");
    return new HopFlow(hop, asFlow(channel));
  } catch (error) {
    await hop.close();
    throw error;
  }
}

/** A flow that takes the connection along which it runs over. */
class HopFlow implements Flow {
  readonly #hop: SshClient;
  readonly #inner: Flow;

  constructor(hop: SshClient, inner: Flow) {
    this.#hop = hop;
    this.#inner = inner;
  }

  read(): ReturnType<Flow["read"]> {
    return this.#inner.read();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#inner.write(data);
  }

  writev(data: readonly Uint8Array[]): Promise<void> {
    return this.#inner.writev(data);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  async close(options: { signal?: AbortSignal } = {}): Promise<void> {
    try {
      await this.#inner.close(options);
    } finally {
      await this.#hop.close(options);
    }
  }

  abort(reason?: unknown): void {
    this.#inner.abort(reason);
    this.#hop.connection.abort(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
