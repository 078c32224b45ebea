/**
 * A server of ours on this machine, set up as a test likes.
 *
 * @module
 */

import { serve, type ServeOptions, type ServerConnection } from "../../server/mod.ts";

/** A server that listens. */
export interface ListeningServer extends AsyncDisposable {
  readonly port: number;
  /** The connection that was made last. */
  readonly last: ServerConnection;
}

/** Serves whoever comes. */
export function listeningServer(options: ServeOptions): ListeningServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: ServerConnection[] = [];
  const closing: Promise<void>[] = [];
  const stop = new AbortController();
  const accepting = (async () => {
    for await (const conn of listener) {
      const connection = serve(conn, { authFailureDelayMs: 10, signal: stop.signal, ...options });
      connections.push(connection);
      closing.push(connection.closed.catch(() => {}));
    }
  })();
  return {
    port: listener.addr.port,
    get last() {
      const last = connections.at(-1);
      if (last === undefined) throw new Error("Nobody has connected");
      return last;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      stop.abort();
      await accepting;
      await Promise.all(closing);
    },
  };
}
