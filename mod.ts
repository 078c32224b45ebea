/**
 * SSH over any byte stream, client and server.
 *
 * Give it a duplex, a TCP connection, a WebSocket, another SSH channel, a pair in memory, and it
 * gives back a flow, a session or a client.
 *
 * | to | use |
 * |---|---|
 * | log in to a server and run things there | {@linkcode connect} |
 * | turn a flow into a flow to one command | {@linkcode clientOfFlow} |
 * | host clients | {@linkcode serve} |
 * | host clients with one callback | {@linkcode makeServer}, {@linkcode spawnServer} |
 * | make, read and write keys | {@linkcode generateKey}, {@linkcode parsePrivateKey} |
 * | know a server by its key | {@linkcode authenticatorOf} |
 * | make a flow of a WebSocket, of streams, in memory | {@linkcode fromWebSocket}, {@linkcode fromStreams}, {@linkcode flowPair} |
 *
 * @example A server and a client, in memory
 * ```ts
 * import { authenticateUsers, connect, flowPair, generateKey, serve } from "@sshflow/ssh";
 * import assert from "node:assert/strict";
 *
 * const hostKey = await generateKey("ed25519");
 * const [near, far] = flowPair();
 * const server = serve(far, {
 *   hostKeys: [hostKey],
 *   authenticate: authenticateUsers({ ada: { password: "sesame" } }),
 *   session: async (session) => {
 *     const output = session.stdout.getWriter();
 *     await output.write(new TextEncoder().encode(`you said ${session.command}\n`));
 *     await session.exit(7);
 *   },
 * });
 * const ssh = await connect(near, {
 *   user: "ada",
 *   auth: { password: "sesame" },
 *   authenticator: hostKey.publicKey,
 * });
 * const { code, stdout } = await ssh.command("hello").output();
 * assert.equal(code, 7);
 * assert.equal(new TextDecoder().decode(stdout), "you said hello\n");
 * await ssh.close();
 * await server.closed;
 * ```
 *
 * @module
 */

export * from "./client/mod.ts";
export * from "./flow/mod.ts";
export * from "./keys/mod.ts";
export * from "./server/mod.ts";
export {
  type AlgorithmNames,
  type Algorithms,
  selectAlgorithms,
  serverAlgorithms,
  supportedAlgorithms,
} from "./protocol/transport/algorithms.ts";
