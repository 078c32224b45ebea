/**
 * A client's connection to a server that is being tested, over a pair of flows in memory.
 *
 * @module
 */

import { type Channel, type ChannelEvent, Connection } from "../../connection/mod.ts";
import { type Flow, flowPair } from "../../flow/mod.ts";
import { type ClientAuthMethod, none, supportedAlgorithms } from "../../protocol/mod.ts";
import { serve, type ServeOptions, type ServerConnection } from "../../server/mod.ts";
import { encodeText } from "../../wire/channel_requests.ts";
import { utf8 } from "../helpers/bytes.ts";
import { testHostKey } from "../helpers/engine_pair.ts";

/** A server and its client. */
export interface Hosting extends AsyncDisposable {
  readonly client: Connection;
  readonly server: ServerConnection;
  /** What the server reported. */
  readonly errors: unknown[];
}

/** How a test's server and client are set up. */
export interface HostingOptions extends Partial<ServeOptions> {
  readonly methods?: readonly ClientAuthMethod[];
  readonly user?: string;
  readonly clientMaxChannels?: number;
  readonly onBanner?: (message: string) => void;
}

/** Connects a client to a flow. */
export function clientOver(flow: Flow, options: HostingOptions = {}): Connection {
  return new Connection(flow, {
    role: "client",
    algorithms: supportedAlgorithms,
    verifyHostKey: () => Promise.resolve(),
    auth: { user: options.user ?? "ada", methods: options.methods ?? [none()] },
  }, { onBanner: options.onBanner });
}

/** Serves a client, and waits until it is in. Everybody is let in, unless the options say otherwise. */
export async function host(options: HostingOptions = {}): Promise<Hosting> {
  const hosting = await meet(options);
  await Promise.all([hosting.client.authenticated, hosting.server.authenticated]);
  return hosting;
}

/** Serves a client, which need not be let in. */
export async function meet(options: HostingOptions = {}): Promise<Hosting> {
  const errors: unknown[] = [];
  const [near, far] = flowPair();
  const server = serve(far, {
    hostKeys: [await testHostKey()],
    authMethods: ["none"],
    authenticate: () => true,
    authFailureDelayMs: 0,
    onError: (error) => errors.push(error),
    ...options,
  });
  const client = clientOver(near, options);
  return {
    client,
    server,
    errors,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
}

/** Opens a session and runs a command, whose answer has to be yes. */
export async function execute(client: Connection, command: string): Promise<Channel> {
  const channel = await client.openChannel("session");
  await channel.request("exec", encodeText(command));
  return channel;
}

/** All that happens on a channel, by name, until it is closed; pieces of data are put together. */
export async function eventsOf(channel: Channel): Promise<string[]> {
  const events: string[] = [];
  const decoder = new TextDecoder();
  for await (const event of channel.events) {
    const last = events.at(-1);
    const described = describeEvent(event, decoder);
    const kind = /^(output|error): /.exec(described)?.[0];
    if (kind !== undefined && last?.startsWith(kind)) {
      events[events.length - 1] = last + described.slice(kind.length);
    } else {
      events.push(described);
    }
  }
  return events;
}

function describeEvent(event: ChannelEvent, decoder: TextDecoder): string {
  switch (event.type) {
    case "data":
      return `${event.stderr ? "error" : "output"}: ${decoder.decode(event.data)}`;
    case "exit-status":
      return `exit-status ${event.status}`;
    case "exit-signal":
      return `exit-signal ${event.exit.name}`;
    case "eof":
    case "closed":
      return event.type;
  }
  return event.name;
}

/** Writes text to a session's output, and gives the output free again. */
export async function print(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(utf8(text));
  } finally {
    writer.releaseLock();
  }
}
