/**
 * Two engines, a client and a server, run against each other in one loop in memory.
 *
 * @module
 */

import { generateKey, type PrivateKey } from "../../keys/mod.ts";
import {
  type AuthenticatedUser,
  type ClientAuthOptions,
  type ClientEngineOptions,
  Engine,
  type EngineSink,
  type IncomingChannelOpen,
  type IncomingGlobalRequest,
  none,
  serverAuth,
  type ServerAuthOptions,
  type ServerEngineOptions,
  supportedAlgorithms,
} from "../../protocol/mod.ts";

/** What an engine told its sink. */
export class RecordingSink implements EngineSink {
  readonly opens: IncomingChannelOpen[] = [];
  readonly globalRequests: IncomingGlobalRequest[] = [];
  readonly banners: string[] = [];
  readonly lines: string[] = [];
  user: AuthenticatedUser | null = null;
  closed: Error | null = null;

  onOutput(): void {}
  onSendable(): void {}
  onDeadline(): void {}
  onAuthenticated(user: AuthenticatedUser): void {
    this.user = user;
  }
  onChannelOpen(open: IncomingChannelOpen): void {
    this.opens.push(open);
  }
  onGlobalRequest(request: IncomingGlobalRequest): void {
    this.globalRequests.push(request);
  }
  onClosed(reason: Error): void {
    this.closed = reason;
  }
  onBanner(banner: { message: string }): void {
    this.banners.push(banner.message);
  }
  onLine(line: string): void {
    this.lines.push(line);
  }
}

/** One engine and what it told. */
export interface EngineEnd {
  readonly engine: Engine;
  readonly sink: RecordingSink;
}

/** What can be changed of a pair. */
export interface PairOptions {
  readonly client?: Partial<Omit<ClientEngineOptions, "auth" | "role" | "sink">>;
  readonly server?: Partial<Omit<ServerEngineOptions, "auth" | "role" | "sink">>;
  readonly clientAuth?: Partial<ClientAuthOptions>;
  readonly serverAuth?: Partial<ServerAuthOptions>;
}

let hostKey: Promise<PrivateKey> | undefined;

/** The host key of all pairs: made once, since that takes a while. */
export function testHostKey(): Promise<PrivateKey> {
  return hostKey ??= generateKey("ed25519", { seed: "the host key of tests" });
}

/** Makes the options of a test's server. */
export async function serverOptions(
  sink: EngineSink,
  { server = {}, serverAuth: auth = {} }: PairOptions = {},
): Promise<ServerEngineOptions> {
  return {
    role: "server",
    sink,
    algorithms: supportedAlgorithms,
    now: () => 0,
    hostKeys: [await testHostKey()],
    auth: serverAuth({
      methods: ["none", "publickey", "password", "keyboard-interactive"],
      authenticate: () => true,
      signatureAlgorithms: supportedAlgorithms.hostKeys,
      maxAttempts: 6,
      failureDelayMs: 0,
      ...auth,
    }),
    ...server,
  };
}

/** Makes the options of a test's client. */
export function clientOptions(
  sink: EngineSink,
  { client = {}, clientAuth = {} }: PairOptions = {},
): ClientEngineOptions {
  return {
    role: "client",
    sink,
    algorithms: supportedAlgorithms,
    now: () => 0,
    verifyHostKey: () => Promise.resolve(),
    auth: { user: "ada", methods: [none()], ...clientAuth },
    ...client,
  };
}

/** Makes a client and a server that have not exchanged a byte. */
export async function enginePair(
  options: PairOptions = {},
): Promise<{ client: EngineEnd; server: EngineEnd }> {
  const clientSink = new RecordingSink();
  const serverSink = new RecordingSink();
  const client = new Engine(clientOptions(clientSink, options));
  const server = new Engine(await serverOptions(serverSink, options));
  return {
    client: { engine: client, sink: clientSink },
    server: { engine: server, sink: serverSink },
  };
}

/** How bytes get from one engine to the other: whole chunks, unless it cuts them. */
export type Cut = (chunk: Uint8Array) => Iterable<Uint8Array>;

const whole: Cut = (chunk) => [chunk];

/** Moves all bytes both ways, waiting for parked steps, until neither engine has any left. */
export async function settle(a: Engine, b: Engine, cut: Cut = whole): Promise<void> {
  while (true) {
    const moved = move(a, b, cut) || move(b, a, cut);
    if (moved) continue;
    const parked = [a.parked, b.parked, a.sealing, b.sealing].filter((promise) => promise !== null);
    if (parked.length === 0) return;
    await Promise.race(parked);
  }
}

function move(from: Engine, to: Engine, cut: Cut): boolean {
  const output = from.takeOutput();
  for (const chunk of output) {
    for (const piece of cut(chunk)) to.receive(piece.slice());
  }
  return output.length > 0;
}
