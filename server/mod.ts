/**
 * Hosting SSH: connections, sessions, users.
 *
 * | to | use |
 * |---|---|
 * | host a client over a flow | {@linkcode serve} |
 * | make a server once, and spawn it over flows with one callback | {@linkcode makeServer}, {@linkcode spawnServer} |
 * | let users in by password or key | {@linkcode authenticateUsers} |
 * | be an agent | {@linkcode serveAgent} |
 * | read lines from a terminal | {@linkcode LineEditor} |
 *
 * @example A server for one command
 * ```ts
 * import { authenticateUsers, serve } from "@sshflow/ssh/server";
 * import { flowPair } from "@sshflow/ssh/flow";
 * import { generateKey } from "@sshflow/ssh/keys";
 *
 * const [flow, client] = flowPair();
 * await using connection = serve(flow, {
 *   hostKeys: [await generateKey("ed25519")],
 *   authenticate: authenticateUsers({ ada: { password: "sesame" } }),
 *   session: async (session) => {
 *     const output = session.stdout.getWriter();
 *     await output.write(new TextEncoder().encode(`${session.user} said ${session.command}\n`));
 *   },
 * });
 * client.abort();
 * ```
 *
 * @module
 */

export * from "./agent.ts";
export * from "./line_editor.ts";
export {
  type Hello,
  type KexInit,
  makeServer,
  type MakeServerOptions,
  type Server,
} from "./make_server.ts";
export * from "./serve.ts";
export * from "./serve_options.ts";
export * from "./session.ts";
export * from "./spawn_server.ts";
export type { KeyAttempt, UserCertificateOptions } from "./user_certificates.ts";
export * from "./users.ts";
export type { AuthDecision } from "../protocol/auth/decision.ts";
export type { AuthAttempt, AuthenticatedUser } from "../protocol/auth/server.ts";
export type { ConnectionInfo } from "../protocol/engine_options.ts";
export type { KeepaliveOptions } from "../protocol/keepalive.ts";
export type { ChannelOpenRequest, Connection, GlobalRequest } from "../connection/connection.ts";
export { Channel, type ChannelOptions } from "../connection/channel.ts";
export * from "../wire/errors.ts";
