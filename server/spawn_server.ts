/**
 * Runs a server over a flow, with one callback for all that clients ask for.
 *
 * @module
 */

import { Eof, type FlowLike } from "../flow/flow.ts";
import type { MaybePromise } from "../crypto/types.ts";
import type { PtyRequest, TerminalSize } from "../wire/channel_requests.ts";
import { type Hello, nextHello, type Server } from "./make_server.ts";
import { report } from "./_report.ts";
import type { ServeOptions } from "./serve_options.ts";
import { ServerConnection } from "./serve.ts";
import type { ServerSession } from "./session.ts";

/** What a client asks for. Each names the channel that it is for, a number of the connection's. */
export type ExecRequest =
  /** A terminal. */
  | ({ readonly type: "Pty"; readonly channel: number } & PtyRequest)
  /** The terminal's new size. */
  | ({ readonly type: "PtySet"; readonly channel: number } & TerminalSize)
  /** A variable. */
  | {
    readonly type: "Env";
    readonly channel: number;
    readonly key: string;
    readonly value: string;
  }
  /** A command. */
  | ({ readonly type: "Channel"; readonly cmd: string; readonly subsystem?: undefined } & ExecIo)
  /** A subsystem. */
  | ({ readonly type: "Channel"; readonly cmd?: undefined; readonly subsystem: string } & ExecIo)
  /** A shell. */
  | ({ readonly type: "Shell" } & ExecIo);

/** The input, the output and the end of a channel. */
export interface ExecIo {
  /** The number of the channel. */
  readonly channel: number;
  /**
   * Waits for input.
   *
   * @returns A chunk of at least one byte; or `Eof`, once the client has sent EOF, and then always.
   * @throws {SshError} If the connection has ended.
   */
  ic(): Promise<Uint8Array | typeof Eof>;
  /**
   * Sends output, as it is; waits for the client's window.
   *
   * @throws {SshError} If the channel is closed.
   */
  oc(data: Uint8Array): Promise<void>;
  /** Sends standard error, as {@linkcode oc} sends output. */
  ec(data: Uint8Array): Promise<void>;
  /**
   * Ends the channel: after all that has been written, EOF, the status and CLOSE are sent.
   *
   * @param status 0, unless given.
   */
  exit(status?: number): Promise<void>;
}

/**
 * Does what a client asks for. A terminal or a variable is granted when it returns, and refused if
 * it throws. When it returns for a channel, the channel ends with status 0, unless it has ended by
 * then; when it throws, with status 1, and the server lives on.
 *
 * @param session The session that the request belongs to, for all that the request does not tell.
 */
export type ExecCallback = (request: ExecRequest, session: ServerSession) => MaybePromise<void>;

/** What goes with {@linkcode spawnServer}. */
export type SpawnOptions = Pick<
  ServeOptions,
  | "signal"
  | "onError"
  | "peerAddress"
  | "windowBytes"
  | "maxWindowBytes"
  | "maxPacketBytes"
  | "afterEof"
  | "allowAgentForwarding"
  | "onSessionRequest"
  | "onChannelOpen"
  | "onGlobalRequest"
  | "onDebug"
>;

/** A server that runs. */
export interface SpawnedServer {
  /** Resolves when the client has left in good order, or the signal was given; else rejects. */
  readonly closed: Promise<void>;
  /** What was sent first: `hello`, but for the cookie if that had been sent before. */
  readonly hello: Hello;
  /** The connection, for what has no place here. */
  readonly connection: ServerConnection;
}

/**
 * Runs a server over a flow, until the signal or the client ends it: a callback that returns does
 * not.
 *
 * Requests of one channel are handed over one after the other, up to the one that starts it; what
 * comes while that is at work, a new size, is handed over beside it. Input that the callback never
 * takes holds its own channel back, and no other.
 *
 * @param server What `makeServer` made.
 * @param hello What `makeServer` gave with it: sent as it is, on the first of several flows.
 * @param flow The flow, such as a `Deno.Conn`. It is the server's from now on.
 * @param execCallback Does what the client asks for.
 * @returns The server, at once.
 * @throws {TypeError} If `hello` is another server's.
 *
 * @example
 * ```ts
 * import { makeServer, spawnServer } from "@sshflow/ssh/server";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { generateKey } from "@sshflow/ssh/keys";
 *
 * const { server, hello } = makeServer({
 *   hostKeys: [await generateKey("ed25519")],
 *   users: { ada: { password: "sesame" } },
 * });
 * const stop = new AbortController();
 * const [flow, client] = flowPair();
 * const running = spawnServer(server, hello, flow, async (request) => {
 *   if (request.type !== "Channel") return;
 *   await request.oc(new TextEncoder().encode(`you said ${request.cmd}\n`));
 * }, { signal: stop.signal });
 * client.abort();
 * stop.abort();
 * await running.closed.catch(() => {});
 * ```
 */
export function spawnServer(
  server: Server,
  hello: Hello,
  flow: FlowLike,
  execCallback: ExecCallback,
  options: SpawnOptions = {},
): SpawnedServer {
  const sending = nextHello(server, hello);
  const connection: ServerConnection = new ServerConnection(flow, {
    ...server.options,
    ...options,
    identification: sending.identification,
    authenticate: server.authenticate,
    onSession: (session) => {
      session.rawOutput = true;
      dispatchSizes(session, execCallback, options.onError);
    },
    allowPty: async (pty, session) => {
      await execCallback({ type: "Pty", channel: session.id, ...pty }, session);
      return true;
    },
    allowEnv: async (key, value, session) => {
      await execCallback({ type: "Env", channel: session.id, key, value }, session);
      return true;
    },
    session: (session) => execCallback(startOf(session), session),
    subsystems: () => (session) => execCallback(startOf(session), session),
  }, { kexInit: sending.kexInit });
  return { closed: connection.closed, hello: sending, connection };
}

/** Hands new sizes over, until the session is over. */
async function dispatchSizes(
  session: ServerSession,
  execCallback: ExecCallback,
  onError: ServeOptions["onError"],
): Promise<void> {
  let first = true;
  for await (const size of session.sizes) {
    try {
      // The first one came with the terminal itself.
      if (!first) await execCallback({ type: "PtySet", channel: session.id, ...size }, session);
    } catch (error) {
      report(onError, error, session);
    }
    first = false;
  }
}

function startOf(session: ServerSession): ExecRequest {
  const { command, subsystem } = session;
  const io = ioOf(session);
  if (command !== null) return { type: "Channel", cmd: command, ...io };
  if (subsystem !== null) return { type: "Channel", subsystem, ...io };
  return { type: "Shell", ...io };
}

function ioOf(session: ServerSession): ExecIo {
  const input = session.stdin.getReader();
  const output = session.stdout.getWriter();
  const errors = session.stderr.getWriter();
  return {
    channel: session.id,
    ic: async () => {
      const { done, value } = await input.read();
      return done ? Eof : value;
    },
    oc: (data) => tended(output.write(data)),
    ec: (data) => tended(errors.write(data)),
    exit: (status) => session.exit(status),
  };
}

/** A write that nobody waits for must not bring the server down when the client leaves. */
function tended(writing: Promise<void>): Promise<void> {
  writing.catch(() => {});
  return writing;
}
