/**
 * Connecting to a server.
 *
 * @module
 */

import { Connection, type ConnectionHandlers } from "../connection/mod.ts";
import { withSignal } from "../connection/with_signal.ts";
import { asFlow } from "../flow/as_flow.ts";
import type { Flow, FlowLike } from "../flow/flow.ts";
import type { HostKeyContext } from "../keys/authenticator.ts";
import type { KeepaliveOptions } from "../protocol/keepalive.ts";
import type { RekeyLimits } from "../protocol/transport/transport.ts";
import { type AlgorithmChoice, algorithmsOf, type HostKeyExpectation } from "./algorithms.ts";
import { authMethodsOf, type ClientAuth } from "./auth.ts";
import { SshClient } from "./client.ts";
import { type HostKeyJudge, hostKeyJudge, type HostKeyOptions } from "./host_key.ts";
import { type HostKeysListener, takeHostKeys } from "./host_key_rotation.ts";

/** What {@linkcode connect} takes beside what it has to know of the host key. */
export interface ConnectSettings extends ConnectionHandlers {
  /** The name of the user who logs in. */
  readonly user: string;
  /** The methods of authentication in the order in which they are tried, or a key, or a password. */
  readonly auth: ClientAuth;
  /** The name or address of the server, for `verifyHostKey` and for messages. */
  readonly hostname?: string;
  /** The port of the server, likewise. */
  readonly port?: number;
  /** The algorithms to offer, by name or as objects: all that are supported, unless given. */
  readonly algorithms?: AlgorithmChoice;
  /** When keys are exchanged anew: after 1 GiB, 2^31 packets or an hour, unless given. */
  readonly rekey?: Partial<RekeyLimits>;
  /**
   * Told of all host keys that the server has, once it has proven them, so that it can be known by
   * the others when it gives up the one that it has shown. With `knownHosts` and its option
   * `updateHostKeys` they are written down without this.
   */
  readonly onHostKeys?: HostKeysListener;
  /** How long it may take until the user is logged in: two minutes unless given; 0 for ever. */
  readonly loginTimeoutMs?: number;
  /**
   * How long the server may take to identify itself and to exchange keys: as long as the login,
   * unless given, or 0. The time that `verifyHostKey` takes does not count.
   */
  readonly handshakeTimeoutMs?: number;
  /**
   * When a server that is silent is asked for a sign of life, and given up: never, unless given.
   * What was pending rejects with a `DisconnectError` whose code is `CONNECTION_LOST`, then.
   */
  readonly keepalive?: KeepaliveOptions;
  /** How this client identifies itself: `SSH-2.0-…`, without a line end. */
  readonly identification?: string;
  /** How many channels may be open at once: 1000 unless given. */
  readonly maxChannels?: number;
  /** Gives up, with its reason, as long as the user is not logged in. */
  readonly signal?: AbortSignal;
}

/** How a client connects. How the host key is verified has to be said. */
export type ConnectOptions = ConnectSettings & HostKeyOptions;

/**
 * Connects to an SSH server over a flow, and logs in.
 *
 * The server's host key is judged before any credential is sent. When the promise rejects, the
 * flow has been closed.
 *
 * @param flow The flow to the server, or a pair of streams, such as a `Deno.Conn`; or a process or
 *   channel of another connection, which makes that server a jump host. It is the client's from
 *   now on.
 * @param options Who logs in, how, and how the server is known.
 * @returns The client.
 * @throws {TypeError} If the options are not complete, or name an unknown algorithm.
 * @throws {HostKeyError} If the host key is refused.
 * @throws {NegotiationError} If there is no algorithm in common.
 * @throws {AuthenticationError} If no method is accepted.
 * @throws {ProtocolError} If the other end does not speak SSH, or breaks its rules.
 * @throws {DisconnectError} If the server ends the connection.
 *
 * @example A server and a client, in memory
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
 *   authenticate: (attempt) => attempt.method === "password" && attempt.password === "sesame",
 *   session: (session) => session.exit(7),
 * });
 * await using ssh = await connect(near, {
 *   user: "ada",
 *   auth: { password: "sesame" },
 *   verifyHostKey: (key) => key.type === "ssh-ed25519",
 * });
 * assert.equal((await ssh.command("make").output()).code, 7);
 * ```
 *
 * @example Over TCP
 * ```ts ignore
 * import { connect, password } from "@sshflow/ssh/client";
 *
 * const conn = await Deno.connect({ hostname: "server.example", port: 22 });
 * await using ssh = await connect(conn, {
 *   user: "ada",
 *   auth: [password(() => prompt("Password:"))],
 *   authenticator: "SHA256:qROtOE23cYkmBk83mz2nh3bASGLG8yYrLVkRfHoMgKI",
 * });
 * const { code, stdout } = await ssh.command("uname -a").output();
 * console.log(code, new TextDecoder().decode(stdout));
 * ```
 */
export async function connect(flow: FlowLike, options: ConnectOptions): Promise<SshClient> {
  return new SshClient(await openConnection(flow, options));
}

/** Makes a connection whose user is authenticated; or rejects, and leaves nothing open. */
export async function openConnection(
  source: FlowLike,
  options: ConnectOptions,
): Promise<Connection> {
  const flow = asFlow(source);
  const { signal } = options;
  let connection: Connection;
  const connecting = new AbortController();
  try {
    signal?.throwIfAborted();
    const context = contextOf(options, connecting.signal);
    const hostKeys = hostKeyJudge(options);
    const expecting = hostKeys.expect(context);
    const expected = expecting instanceof Promise ? await withSignal(expecting, signal) : expecting;
    connection = makeConnection(flow, options, { ...hostKeys, context, expected });
  } catch (error) {
    flow.abort(error);
    throw error;
  }
  const { authenticated } = connection;
  authenticated.catch((reason) => connecting.abort(reason));
  try {
    await withSignal(authenticated, signal);
    return connection;
  } catch (error) {
    if (signal?.aborted) connection.abort(error);
    // Otherwise the server is being told why, and has a moment to close its end.
    await connection.closed.catch(() => {});
    throw error;
  }
}

/** How a host key is judged, of which host, and what is known beforehand. */
interface JudgedHost extends Pick<HostKeyJudge, "judge" | "update"> {
  readonly context: HostKeyContext;
  readonly expected: HostKeyExpectation;
}

function makeConnection(
  flow: Flow,
  options: ConnectOptions,
  { judge, update, context, expected }: JudgedHost,
): Connection {
  const { user, rekey, loginTimeoutMs, handshakeTimeoutMs, keepalive } = options;
  const { identification, maxChannels, onHostKeys } = options;
  if (typeof user !== "string") throw new TypeError("Cannot connect: there is no user");
  const connection = new Connection(flow, {
    role: "client",
    algorithms: algorithmsOf(options.algorithms, expected),
    auth: { user, methods: authMethodsOf(options.auth) },
    verifyHostKey: (key) => judge(key, context),
    rekey,
    loginTimeoutMs,
    handshakeTimeoutMs,
    keepalive,
    identification,
    maxChannels,
  }, {
    onBanner: options.onBanner,
    onDebug: options.onDebug,
    onChannelOpen: options.onChannelOpen,
    onGlobalRequest: options.onGlobalRequest,
  });
  if (update !== null || onHostKeys !== undefined) {
    takeHostKeys(connection, async (keys, hostKey) => {
      await update?.(keys, hostKey, context);
      await onHostKeys?.(keys, { ...context, hostKey });
    });
  }
  return connection;
}

function contextOf({ hostname, port }: ConnectOptions, signal: AbortSignal): HostKeyContext {
  return {
    signal,
    ...(hostname !== undefined && { hostname }),
    ...(port !== undefined && { port }),
  };
}
