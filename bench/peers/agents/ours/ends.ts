/**
 * The two ends of a connection, with the options that every job has.
 *
 * @module
 */

import {
  authenticateUsers,
  connect,
  type FlowLike,
  flowPair,
  parsePrivateKey,
  type PrivateKey,
  selectAlgorithms,
  serve,
  type ServeOptions,
  type ServerConnection,
  type SshClient,
} from "../../../../mod.ts";
import type { Choice, Keys } from "../jobs.ts";
import { runCommand } from "./commands.ts";

const USER = "root";
const keys = new Map<string, Promise<PrivateKey>>();
const servers = new Map<string, Promise<ServeOptions>>();

/** A client and its server. */
export interface Ends {
  readonly client: SshClient;
  readonly server: ServerConnection;
}

/** Logs in to a server. */
export async function logIn(flow: FlowLike, choice: Choice): Promise<SshClient> {
  return await connect(flow, {
    user: USER,
    auth: { privateKey: await readKey(choice.userKey) },
    authenticator: (await readKey(choice.hostKey)).publicKey,
    algorithms: {
      kex: [choice.kex],
      ciphers: [choice.cipher],
      ...(choice.mac !== null && { macs: [choice.mac] }),
    },
  });
}

/** Serves whoever has the user's key. */
export async function host(flow: FlowLike, { hostKey, userKey }: Keys): Promise<ServerConnection> {
  const name = hostKey + userKey;
  let options = servers.get(name);
  if (options === undefined) servers.set(name, options = makeServer({ hostKey, userKey }));
  const connection = serve(flow, await options);
  connection.closed.catch(() => {});
  return connection;
}

async function makeServer({ hostKey, userKey }: Keys): Promise<ServeOptions> {
  const key = await readKey(hostKey);
  const { publicKey } = await readKey(userKey);
  return {
    hostKeys: [key],
    algorithms: selectAlgorithms({}),
    authenticate: authenticateUsers({ [USER]: { keys: [publicKey] } }),
    session: runCommand,
    onError: () => {},
  };
}

/** Both ends of a connection over a pair of flows, logged in. */
export async function connectEnds(
  choice: Choice,
  flows: readonly [FlowLike, FlowLike] = flowPair(),
): Promise<Ends> {
  const [server, client] = await Promise.all([host(flows[1], choice), logIn(flows[0], choice)]);
  return { client, server };
}

/** Reads a key, once. */
export function readKey(text: string): Promise<PrivateKey> {
  let key = keys.get(text);
  if (key === undefined) keys.set(text, key = parsePrivateKey(text));
  return key;
}
