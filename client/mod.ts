/**
 * The client: logs in to a server over a flow, and runs things there.
 *
 * | to | use |
 * |---|---|
 * | log in | {@linkcode connect} |
 * | run a command, a shell, a subsystem | {@linkcode SshClient} |
 * | turn a flow into a flow to one command | {@linkcode clientOfFlow} |
 * | use an agent, also to authenticate | {@linkcode agentClient}, {@linkcode agentAuth} |
 * | know servers by a file of known hosts | {@linkcode knownHosts}, {@linkcode writeKnownHost} |
 * | read `~/.ssh/config`, and connect as it says | {@linkcode parseSshConfig}, {@linkcode connectBy} |
 * | authenticate | {@linkcode publicKey}, {@linkcode password}, {@linkcode keyboardInteractive} |
 *
 * @module
 */

export * from "./agent.ts";
export type { AgentSource } from "./agent_forwarding.ts";
export type { AlgorithmChoice, HostKeyExpectation } from "./algorithms.ts";
export * from "./auth.ts";
export * from "./client.ts";
export * from "./client_of_flow.ts";
export * from "./command.ts";
export type { CommandFlow } from "./command_flow.ts";
export * from "./config/mod.ts";
export { connect, type ConnectOptions, type ConnectSettings } from "./connect.ts";
export type { CommandStatus } from "./exit_status.ts";
export type { HostKeyOptions, KnownHostsVerifier } from "./host_key.ts";
export type { HostKeysContext, HostKeysListener } from "./host_key_rotation.ts";
export * from "./known_hosts.ts";
export * from "./process.ts";
export type { PtyOptions } from "./pty.ts";
export * from "./session.ts";
export * from "../connection/mod.ts";
export { type ClientAuthMethod, none } from "../protocol/auth/client.ts";
export { hostbased, type HostbasedOptions } from "../protocol/auth/hostbased.ts";
export { keyboardInteractive } from "../protocol/auth/keyboard_interactive.ts";
export { password, type PasswordOptions } from "../protocol/auth/password.ts";
export { publicKey } from "../protocol/auth/publickey.ts";
export type { KeepaliveOptions } from "../protocol/keepalive.ts";
export * from "../wire/errors.ts";
