/**
 * What a configuration says, as `connect` and sessions take it.
 *
 * @module
 */

import { matchesPattern } from "../../keys/patterns.ts";
import type { KeepaliveOptions } from "../../protocol/keepalive.ts";
import type { RekeyLimits } from "../../protocol/transport/transport.ts";
import type { AgentSource } from "../agent_forwarding.ts";
import type { AlgorithmChoice } from "../algorithms.ts";
import type { LoginAccess } from "./login_access.ts";
import type { SshConfig } from "./parse_ssh_config.ts";

/**
 * What `connect` takes of a configuration that needs nothing of the caller. `authOf` and
 * `knownHostsOf` give what needs files and the user; `connectBy` puts all of it together.
 */
export interface ConfiguredConnect {
  /** Who logs in. */
  readonly user: string;
  /**
   * The name by which the host's key is known: that of HostKeyAlias, if there is one. What is
   * dialed is `hostname` of the configuration.
   */
  readonly hostname: string;
  /** The port, if the host's key is known with it. */
  readonly port?: number;
  /** The algorithms to offer, as far as the configuration says. */
  readonly algorithms: AlgorithmChoice;
  /** When keys are exchanged anew, as far as the configuration says. */
  readonly rekey?: Partial<RekeyLimits>;
  /** How long the server may take for the handshake: ConnectTimeout, if there is one. */
  readonly handshakeTimeoutMs?: number;
  /** When a silent server is asked for a sign of life: ServerAliveInterval, if there is one. */
  readonly keepalive?: KeepaliveOptions;
}

/**
 * What a configuration says to `connect`. What the caller says counts: it replaces what the
 * configuration says of the same option.
 *
 * @param config What `parseSshConfig` gives.
 * @param explicit Options of `connect`.
 * @returns All of them; `auth` and one way to know the host have to be among the explicit ones.
 * @throws {TypeError} If nobody says who logs in.
 *
 * @example
 * ```ts
 * import { connectOptionsOf, parseSshConfig } from "@sshflow/ssh/client";
 * import assert from "node:assert/strict";
 *
 * const config = await parseSshConfig("User ada\nCiphers aes256-ctr", { host: "db" });
 * const options = connectOptionsOf(config, { auth: { password: "sesame" }, user: "root" });
 * assert.equal(options.user, "root");
 * assert.deepEqual(options.algorithms.ciphers, ["aes256-ctr"]);
 * ```
 */
export function connectOptionsOf<Explicit extends object = Record<never, never>>(
  config: SshConfig,
  explicit?: Explicit,
): Omit<ConfiguredConnect, keyof Explicit> & Explicit {
  const user = (explicit as { user?: string } | undefined)?.user ?? config.user;
  if (user === undefined) {
    throw new TypeError(
      `Cannot connect to ${config.host}: neither the caller nor the configuration names a user`,
    );
  }
  const { bytes, seconds } = config.rekeyLimit;
  const rekey = {
    ...(bytes !== null && { bytes }),
    ...(seconds !== null && { intervalMs: seconds * 1000 }),
  };
  const options: ConfiguredConnect = {
    user,
    hostname: config.hostKeyAlias ?? config.hostname,
    ...(config.hostKeyAlias === undefined && { port: config.port }),
    algorithms: algorithmChoiceOf(config),
    ...(Object.keys(rekey).length > 0 && { rekey }),
    ...(config.connectTimeout !== null && { handshakeTimeoutMs: config.connectTimeout * 1000 }),
    ...(config.serverAliveInterval > 0 && {
      keepalive: {
        intervalMs: config.serverAliveInterval * 1000,
        countMax: config.serverAliveCountMax,
      },
    }),
  };
  const both: unknown = { ...options, ...explicit };
  return both as Omit<ConfiguredConnect, keyof Explicit> & Explicit;
}

/** What a configuration says of a session. */
export interface ConfiguredSession {
  /** What is to run; null for a shell, undefined for nothing at all. */
  readonly command: string | null | undefined;
  /** Whether the command is the name of a subsystem. */
  readonly isSubsystem: boolean;
  /** Whether there is a terminal. */
  readonly pty: boolean;
  /** The environment variables to send. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether there is no input. */
  readonly stdin: "piped" | "null";
  /** The agent that is lent to what runs: with ForwardAgent, where agents can be reached. */
  readonly forwardAgent?: AgentSource;
}

/**
 * What a configuration says of a session.
 *
 * @param config What `parseSshConfig` gives.
 * @param options `command` is what the user wants to run, in place of RemoteCommand; `env` has the
 * variables of which SendEnv chooses; `isTerminal` says whether input comes from a terminal;
 * `openAgent` connects to an agent by the path of its socket.
 *
 * @example
 * ```ts
 * import { parseSshConfig, sessionOptionsOf } from "@sshflow/ssh/client";
 * import assert from "node:assert/strict";
 *
 * const config = await parseSshConfig("SendEnv LC_*\nSetEnv LANG=C", { host: "db" });
 * const session = sessionOptionsOf(config, { env: { LC_ALL: "C", HOME: "/" }, isTerminal: true });
 * assert.deepEqual(session.env, { LC_ALL: "C", LANG: "C" });
 * assert.equal(session.command, null);
 * assert.equal(session.pty, true);
 * ```
 */
export function sessionOptionsOf(
  config: SshConfig,
  options: {
    readonly command?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly isTerminal?: boolean;
    readonly openAgent?: NonNullable<LoginAccess["openAgent"]>;
  } = {},
): ConfiguredSession {
  const { env = {}, isTerminal = false, openAgent } = options;
  const command = config.sessionType === "none"
    ? undefined
    : options.command ?? config.remoteCommand ?? null;
  const pty = {
    yes: () => isTerminal,
    no: () => false,
    force: () => true,
    auto: () => isTerminal && command === null,
  }[config.requestTty]();
  const sent = Object.entries(env).filter((entry): entry is [string, string] =>
    entry[1] !== undefined && config.sendEnv.some((pattern) => matchesPattern(entry[0], pattern))
  );
  const set = config.setEnv.map((text): [string, string] => {
    const equals = text.indexOf("=");
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
  const { forwardAgent } = config;
  const agent = forwardAgent === true ? config.identityAgent : forwardAgent || null;
  return {
    command,
    isSubsystem: config.sessionType === "subsystem",
    pty: pty && command !== undefined,
    env: Object.fromEntries([...sent, ...set]),
    stdin: config.stdinNull ? "null" : "piped",
    ...(agent !== null && openAgent !== undefined && { forwardAgent: () => openAgent(agent) }),
  };
}

function algorithmChoiceOf(config: SshConfig): AlgorithmChoice {
  const { kexAlgorithms, hostKeyAlgorithms, ciphers, macs } = config;
  return {
    ...(kexAlgorithms !== undefined && { kex: kexAlgorithms }),
    ...(hostKeyAlgorithms !== undefined && { hostKeys: hostKeyAlgorithms }),
    ...(ciphers !== undefined && { ciphers }),
    ...(macs !== undefined && { macs }),
    ...(config.compression && { compression: ["zlib@openssh.com", "none"] }),
  };
}
