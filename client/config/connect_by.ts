/**
 * Connecting as a configuration says: through the hosts on the way, by its keys, to hosts that it
 * knows.
 *
 * @module
 */

import { withSignal } from "../../connection/with_signal.ts";
import type { MaybePromise } from "../../crypto/types.ts";
import { asFlow } from "../../flow/as_flow.ts";
import type { Flow, FlowLike } from "../../flow/flow.ts";
import { SshError } from "../../wire/errors.ts";
import type { SshClient } from "../client.ts";
import { connect, type ConnectSettings } from "../connect.ts";
import type { HostKeyOptions } from "../host_key.ts";
import { flowThrough } from "./_through.ts";
import { authOf } from "./auth_of.ts";
import { connectOptionsOf } from "./connect_options.ts";
import type { SshConfigContext } from "./context.ts";
import { formatJumpHosts } from "./jump_hosts.ts";
import { knownHostsOf } from "./known_hosts_of.ts";
import type { LoginAccess } from "./login_access.ts";
import type { SshConfig } from "./parse_ssh_config.ts";

/** Options of `connect`, which count before a configuration. */
export type ExplicitOptions =
  & Partial<ConnectSettings>
  & (
    | HostKeyOptions
    | {
      readonly verifyHostKey?: never;
      readonly authenticator?: never;
      readonly insecureAcceptAnyHostKey?: never;
    }
  );

/** What a flow is made for. */
export interface FlowContext {
  /** What the configuration says of the host: AddressFamily, BindAddress and the like. */
  readonly config: SshConfig;
  /** Aborts when the flow is no longer wanted: after ConnectTimeout, for one. */
  readonly signal: AbortSignal;
}

/** A host on the way, as `parseSshConfig` takes it: in the place of what it was first given. */
export type HopContext =
  & Pick<SshConfigContext, "host" | "user" | "port">
  & Required<Pick<SshConfigContext, "options">>;

/** What goes with {@linkcode connectBy}: what the configuration may reach, and whom it may ask. */
export interface ConnectByOptions extends LoginAccess {
  /** Connects to a port, by TCP. */
  readonly dial: (
    target: { readonly hostname: string; readonly port: number },
    context: FlowContext,
  ) => MaybePromise<FlowLike>;
  /**
   * Runs ProxyCommand by a shell, such as `sh -c "exec …"`, and gives its input and output. Without
   * this such a configuration is refused.
   */
  readonly spawn?: (command: string, context: FlowContext) => MaybePromise<FlowLike>;
  /**
   * Reads the configuration for a host on the way. Without this ProxyJump is refused.
   *
   * @param hop Counts before all that the destination's was read with, `options` included: what the
   * user has said of the destination does not count for it.
   */
  readonly configOf?: (hop: HopContext) => MaybePromise<SshConfig>;
  /**
   * Options of `connect` that count before the configuration. An object is for the destination
   * alone; a function is asked for each host, those on the way too.
   */
  readonly explicit?: ExplicitOptions | ((config: SshConfig) => ExplicitOptions);
  /** Gives up, with its reason, as long as the user is not logged in. */
  readonly signal?: AbortSignal;
}

/** With more hosts on the way, their configuration leads round in circles. */
const MAX_HOPS = 16;

/** The longest that a timer can be set for. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Connects as a configuration says, and logs in.
 *
 * It goes by all that `connectOptionsOf`, {@linkcode authOf} and {@linkcode knownHostsOf} know of,
 * and by ProxyJump, ProxyCommand and ConnectTimeout. Hosts on the way are logged in to by their own
 * parts of the configuration, and verified as the destination is. When the client that is returned
 * is closed, so are they.
 *
 * @param config What `parseSshConfig` gives for the destination.
 * @param options What it may reach. Nothing is dialed, run, read or written but by these functions.
 * @throws {TypeError} If nobody says who logs in, or how the host is to be known.
 * @throws {SshError} If the configuration needs what is not given, or leads round in circles, or
 * there was no connection in time; for more, see `connect`.
 *
 * @example A configuration, and a network in memory
 * ```ts
 * import { connectBy, parseSshConfig } from "@sshflow/ssh/client";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { formatPublicKeyLine, generateKey } from "@sshflow/ssh/keys";
 * import { serve } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const hostKey = await generateKey("ed25519");
 * const text = "Host db\n  HostName db.internal\n  User ada\n  UserKnownHostsFile /known_hosts";
 * const knownHosts = `db.internal ${formatPublicKeyLine(hostKey.publicKey)}\n`;
 * const config = await parseSshConfig(text, { host: "db" });
 * await using ssh = await connectBy(config, {
 *   dial({ hostname, port }) {
 *     assert.deepEqual([hostname, port], ["db.internal", 22]);
 *     const [near, far] = flowPair();
 *     serve(far, {
 *       hostKeys: [hostKey],
 *       authenticate: (attempt) => attempt.method === "password" && attempt.password === "sesame",
 *       session: (session) => session.exit(session.user === "ada" ? 7 : 8),
 *     });
 *     return near;
 *   },
 *   files: { read: (path) => path === "/known_hosts" ? knownHosts : null },
 *   ask: { password: () => "sesame" },
 * });
 * assert.equal((await ssh.command("make").output()).code, 7);
 * ```
 *
 * @example With files, hosts on the way and an agent
 * ```ts ignore
 * import { connectBy, parseSshConfig, type SshConfigContext } from "@sshflow/ssh/client";
 *
 * const homeDirectory = Deno.env.get("HOME");
 * const text = await Deno.readTextFile(`${homeDirectory}/.ssh/config`);
 * const configOf = (context: SshConfigContext) =>
 *   parseSshConfig(text, { homeDirectory, env: Deno.env.toObject(), ...context });
 * await using ssh = await connectBy(await configOf({ host: "db" }), {
 *   configOf,
 *   dial: (target, { signal }) => Deno.connect({ ...target, signal }),
 *   files: { read: (path) => Deno.readTextFile(path) },
 *   openAgent: (path) => Deno.connect({ transport: "unix", path }),
 *   ask: { password: () => prompt("Password:") },
 * });
 * ```
 */
export function connectBy(config: SshConfig, options: ConnectByOptions): Promise<SshClient> {
  return connectOver([config], options);
}

/** @param route The configurations of the hosts on the way back to the destination, which is first. */
async function connectOver(
  route: readonly SshConfig[],
  options: ConnectByOptions,
): Promise<SshClient> {
  const config = route[route.length - 1];
  if (config === undefined) throw new TypeError("Cannot connect: there is no configuration");
  const { signal } = options;
  signal?.throwIfAborted();
  const explicit = explicitOf(config, options, route.length === 1);
  const knowsHost = explicit.verifyHostKey ?? explicit.authenticator ??
    explicit.insecureAcceptAnyHostKey;
  const settings = connectOptionsOf(
    config,
    {
      ...explicit,
      auth: explicit.auth ?? authOf(config, options),
      ...(signal !== undefined && { signal }),
      ...(knowsHost === undefined && { verifyHostKey: knownHostsOf(config, options) }),
    } as ConnectSettings & HostKeyOptions,
  );
  const startedAt = performance.now();
  const flow = await flowTo(route, config, options);
  const isDirect = config.proxyCommand === undefined && config.proxyJump.length === 0;
  const left = settings.handshakeTimeoutMs === undefined || !isDirect
    ? settings.handshakeTimeoutMs
    : Math.max(settings.handshakeTimeoutMs - (performance.now() - startedAt), 1);
  return await connect(flow, {
    ...settings,
    ...(left !== undefined && explicit.handshakeTimeoutMs === undefined && {
      handshakeTimeoutMs: left,
    }),
  });
}

function explicitOf(
  config: SshConfig,
  { explicit = {} }: ConnectByOptions,
  isDestination: boolean,
): ExplicitOptions {
  if (typeof explicit === "function") return explicit(config);
  return isDestination ? explicit : {};
}

async function flowTo(
  route: readonly SshConfig[],
  config: SshConfig,
  options: ConnectByOptions,
): Promise<Flow> {
  const { hostname, port, proxyCommand } = config;
  const { dial, spawn, signal } = options;
  const hop = await nextHop(config, options);
  if (hop !== null) {
    checkRoute(route, hop);
    const client = await connectOver([...route, hop], options);
    return await flowThrough(client, { hostname, port }, signal);
  }
  if (proxyCommand === undefined) {
    return await inTime(
      (signal) => dial({ hostname, port }, { config, signal }),
      { config, signal, timeoutMs: (config.connectTimeout ?? 0) * 1000 },
    );
  }
  if (spawn === undefined) throw refusal(config, "a ProxyCommand, which cannot be run here");
  if (config.others.get("proxyusefdpass")?.[0]?.toLowerCase() === "yes") {
    throw refusal(config, "ProxyUseFdpass, which is not supported");
  }
  return await inTime(
    (signal) => spawn(proxyCommand, { config, signal }),
    { config, signal, timeoutMs: 0 },
  );
}

/** The last of the hosts on the way: it is reached through the others. */
async function nextHop(
  config: SshConfig,
  { configOf }: ConnectByOptions,
): Promise<SshConfig | null> {
  const last = config.proxyJump[config.proxyJump.length - 1];
  if (last === undefined) return null;
  if (configOf === undefined) throw refusal(config, "a ProxyJump, and none for that host is given");
  const { hostname: host, ...rest } = last;
  const before = config.proxyJump.slice(0, -1);
  const options = before.length === 0 ? [] : [`ProxyJump=${formatJumpHosts(before)}`];
  return await configOf({ host, ...rest, options });
}

function checkRoute(route: readonly SshConfig[], hop: SshConfig): void {
  const isSame = ({ host, port, user }: SshConfig): boolean =>
    host.toLowerCase() === hop.host.toLowerCase() && port === hop.port && user === hop.user;
  if (!route.some(isSame) && route.length < MAX_HOPS) return;
  const names = [...route, hop].map(({ host }) => host).reverse().join(", ");
  throw new SshError(`Cannot connect to ${route[0]?.host}: the way there is a circle: ${names}`);
}

function refusal({ host }: SshConfig, what: string): SshError {
  return new SshError(`Cannot connect to ${host}: its configuration has ${what}`);
}

/** Makes a flow; what comes too late is dropped. */
async function inTime(
  make: (signal: AbortSignal) => MaybePromise<FlowLike>,
  { config, signal, timeoutMs }: {
    readonly config: SshConfig;
    readonly signal: AbortSignal | undefined;
    /** 0 for ever. */
    readonly timeoutMs: number;
  },
): Promise<Flow> {
  const { hostname, port } = config;
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = timeoutMs === 0 ? undefined : setTimeout(() => {
    const why = `there was no connection within ${timeoutMs} ms`;
    stop.abort(new SshError(`Cannot connect to ${hostname} port ${port}: ${why}`));
  }, Math.min(timeoutMs, MAX_TIMER_MS));
  const making = (async () => asFlow(await make(stop.signal)))();
  try {
    return await withSignal(making, stop.signal);
  } catch (error) {
    making.then((late) => late.abort(error), () => {});
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
