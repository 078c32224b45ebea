/**
 * A server of ours on this machine, for other implementations to log in to.
 *
 * @module
 */

import { formatPublicKeyLine, type PublicKey, type Signer } from "../../keys/mod.ts";
import {
  authenticateUsers,
  serve,
  type ServerConnection,
  type ServerOptions,
  type ServerSession,
  type SessionHandler,
  type SessionOptions,
} from "../../server/mod.ts";
import { utf8 } from "./bytes.ts";
import { PASSWORD, USER } from "./peer_roles.ts";

/** How a server is set up. */
export interface DemoServerOptions
  extends
    Pick<ServerOptions, "algorithms" | "authMethods" | "rekey" | "signatureAlgorithms">,
    Pick<SessionOptions, "allowAgentForwarding"> {
  /** Runs the sessions, in place of the commands below. */
  readonly session?: SessionHandler;
  readonly hostKeys: readonly Signer[];
  /** The keys that let the user in. */
  readonly userKeys?: readonly PublicKey[];
}

/** A server that listens. */
export interface DemoServer extends AsyncDisposable {
  readonly port: number;
  /** The lines of its host keys, as in `.pub` files. */
  readonly hostKeys: readonly string[];
  /** The connection that was made last. */
  readonly last: ServerConnection;
  /** How many connections have been made. */
  readonly connectionCount: number;
  /** What was thrown in it. */
  readonly errors: readonly unknown[];
}

/**
 * Starts a server whose sessions know some commands: `echo TEXT`; `stderr TEXT`, which says it on
 * standard error; `exit N`; `kill NAME`, which ends by a signal; and `cat`, which gives back what
 * it gets.
 */
export function demoServer({ userKeys = [], ...options }: DemoServerOptions): DemoServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: ServerConnection[] = [];
  const errors: unknown[] = [];
  const accepting = accept();

  async function accept(): Promise<void> {
    for await (const conn of listener) {
      connections.push(serve(conn, {
        ...options,
        authenticate: authenticateUsers({ [USER]: { password: PASSWORD, keys: userKeys } }),
        authFailureDelayMs: 10,
        session: options.session ?? runCommand,
        onError: (error) => errors.push(error),
      }));
    }
  }

  return {
    port: listener.addr.port,
    hostKeys: options.hostKeys.map(({ publicKey }) => formatPublicKeyLine(publicKey)),
    errors,
    get connectionCount() {
      return connections.length;
    },
    get last() {
      const last = connections.at(-1);
      if (last === undefined) throw new Error("Nobody has connected");
      return last;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

async function runCommand(session: ServerSession): Promise<void> {
  const [name = "", ...rest] = (session.command ?? "").split(" ");
  const text = rest.join(" ");
  switch (name) {
    case "echo":
      return await print(session.stdout, `${text}\n`);
    case "stderr":
      return await print(session.stderr, `${text}\n`);
    case "exit":
      return await session.exit(Number(text));
    case "kill":
      return await session.exitSignal(text);
    case "cat":
      return await session.stdin.pipeTo(session.stdout);
  }
  await print(session.stderr, `${name}: not found\n`);
  await session.exit(127);
}

async function print(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(utf8(text));
  writer.releaseLock();
}
