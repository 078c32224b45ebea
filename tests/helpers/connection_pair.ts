/**
 * A client's and a server's connection over a pair of flows in memory.
 *
 * @module
 */

import {
  type Channel,
  type ChannelOptions,
  Connection,
  type ConnectionHandlers,
} from "../../connection/mod.ts";
import { type Flow, flowPair } from "../../flow/mod.ts";
import { none, serverAuth, supportedAlgorithms } from "../../protocol/mod.ts";
import { type PairOptions, testHostKey } from "./engine_pair.ts";

/** What can be changed of a pair of connections. */
export interface ConnectionPairOptions extends PairOptions {
  readonly clientHandlers?: ConnectionHandlers;
  readonly serverHandlers?: ConnectionHandlers;
  /** What the connections run over, in place of a pair of flows. */
  readonly flows?: readonly [Flow, Flow];
}

/** Two connections that have met. */
export interface ConnectionPair extends AsyncDisposable {
  readonly client: Connection;
  readonly server: Connection;
}

/** Makes two connections, and waits until the user is authenticated. */
export async function connectionPair(
  options: ConnectionPairOptions = {},
): Promise<ConnectionPair> {
  const [clientFlow, serverFlow] = options.flows ?? flowPair();
  const server = new Connection(serverFlow, {
    role: "server",
    algorithms: supportedAlgorithms,
    hostKeys: [await testHostKey()],
    auth: serverAuth({
      methods: ["none", "publickey", "password", "keyboard-interactive"],
      authenticate: () => true,
      signatureAlgorithms: supportedAlgorithms.hostKeys,
      maxAttempts: 6,
      failureDelayMs: 0,
      ...options.serverAuth,
    }),
    ...options.server,
  }, options.serverHandlers);
  const client = new Connection(clientFlow, {
    role: "client",
    algorithms: supportedAlgorithms,
    verifyHostKey: () => Promise.resolve(),
    auth: { user: "ada", methods: [none()], ...options.clientAuth },
    ...options.client,
  }, options.clientHandlers);
  await Promise.all([client.authenticated, server.authenticated]);
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
}

/** Opens a session channel, and gives both of its ends. */
export async function channelPair(
  { client, server }: ConnectionPair,
  options: { client?: ChannelOptions; server?: ChannelOptions } = {},
): Promise<{ near: Channel; far: Channel }> {
  const channels = server.channels;
  const [near, incoming] = await Promise.all([
    client.openChannel("session", options.client),
    channels.next().then((result) => {
      if (result.done === true) throw new Error("The connection has ended");
      return result.value.accept(options.server);
    }),
  ]);
  return { near, far: incoming };
}
