/**
 * A server for the client's tests, made of a bare connection, so that it can do what a proper
 * server would not.
 *
 * @module
 */

import assert, { AssertionError } from "node:assert/strict";
import {
  type Channel,
  type ChannelOptions,
  type ChannelRequest,
  Connection,
} from "../../connection/mod.ts";
import type { Flow } from "../../flow/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import type { Signer } from "../../keys/mod.ts";
import {
  type AuthAttempt,
  type AuthDecision,
  serverAuth,
  type ServerAuthOptions,
  supportedAlgorithms,
} from "../../protocol/mod.ts";
import {
  connect,
  type ConnectOptions,
  type ConnectSettings,
  type SshClient,
} from "../../client/mod.ts";
import { testHostKey } from "../helpers/engine_pair.ts";

/** What a test's server does. */
export interface TestServerOptions {
  readonly hostKeys?: readonly Signer[];
  readonly auth?: Partial<ServerAuthOptions>;
  /** Handles an open channel; it refuses all requests unless given. */
  readonly session?: (channel: Channel) => unknown;
  /** How its channels are set up. */
  readonly channel?: ChannelOptions;
  /** Refuses to open channels. */
  readonly refuse?: { readonly reason: number; readonly description: string };
}

/** A server, what it saw, and the client's end of the flow to it. */
export interface TestServer extends AsyncDisposable {
  readonly flow: Flow;
  readonly connection: Connection;
  /** The attempts to authenticate, in order. */
  readonly attempts: AuthAttempt[];
}

/** Hosts one connection. */
export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const [flow, serverFlow] = flowPair();
  const attempts: AuthAttempt[] = [];
  const failures: unknown[] = [];
  const decide = options.auth?.authenticate ??
    ((attempt: AuthAttempt): AuthDecision =>
      attempt.method === "password" && attempt.password === "sesame");
  const connection = new Connection(serverFlow, {
    role: "server",
    algorithms: supportedAlgorithms,
    hostKeys: options.hostKeys ?? [await testHostKey()],
    auth: serverAuth({
      methods: ["publickey", "password", "keyboard-interactive"],
      signatureAlgorithms: supportedAlgorithms.hostKeys,
      maxAttempts: 6,
      failureDelayMs: 0,
      ...options.auth,
      authenticate: (attempt) => {
        attempts.push(attempt);
        return decide(attempt);
      },
    }),
  }, {
    onChannelOpen: (open) => {
      if (options.refuse !== undefined) {
        return open.reject(options.refuse.reason, options.refuse.description);
      }
      const channel = open.accept(options.channel);
      const session = options.session ?? refuseAll;
      // That the connection ends is none of its failures.
      Promise.resolve(session(channel)).catch((error) => {
        if (error instanceof AssertionError) failures.push(error);
      });
    },
  });
  return {
    flow,
    connection,
    attempts,
    async [Symbol.asyncDispose]() {
      await connection.close();
      assert.deepEqual(failures, []);
    },
  };
}

/** What a test's client logs in with. */
export const ada: ConnectSettings = {
  user: "ada",
  auth: { password: "sesame" },
  algorithms: { kex: ["curve25519-sha256"] },
};

/** The same, whatever the server's host key is. */
export const adaTrusting: ConnectOptions = { ...ada, insecureAcceptAnyHostKey: true };

/** A client and its server. */
export interface ConnectedPair extends AsyncDisposable {
  readonly ssh: SshClient;
  readonly server: TestServer;
}

/** A client that is logged in to a server which does with sessions what is given. */
export async function connected(
  session?: (channel: Channel) => unknown,
  options: Omit<TestServerOptions, "session"> = {},
): Promise<ConnectedPair> {
  const server = await testServer({ ...options, ...(session !== undefined && { session }) });
  const ssh = await connect(server.flow, adaTrusting);
  return {
    ssh,
    server,
    async [Symbol.asyncDispose]() {
      await ssh.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Grants all requests up to the first that runs something, and gives them. */
export async function untilRun(channel: Channel): Promise<ChannelRequest[]> {
  const seen: ChannelRequest[] = [];
  for await (const request of channel.requests) {
    seen.push(request);
    request.reply(true);
    if (["exec", "shell", "subsystem"].includes(request.type)) break;
  }
  return seen;
}

/** Does as `cat` does: gives back what comes, then the end, and status 0. */
export async function cat(channel: Channel): Promise<void> {
  await untilRun(channel);
  await channel.readable.pipeTo(channel.writable);
  channel.exitStatus(0);
  await channel.close();
}

async function refuseAll(channel: Channel): Promise<void> {
  for await (const request of channel.requests) request.reply(false);
}

/** Bytes of text, and back. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
export const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
