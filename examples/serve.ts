/**
 * A server for one user, with a handful of commands and a shell to try things out with.
 *
 * ```sh
 * deno task serve --port 2222 --user demo --password demo
 * ssh -p 2222 demo@127.0.0.1 help
 * ```
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type FlowLike, fromWebSocket } from "@sshflow/ssh/flow";
import {
  type AuthorizedKeys,
  authorizedKeys,
  describeKey,
  fingerprint,
  formatPrivateKey,
  generateKey,
  KeyFormatError,
  parsePrivateKey,
  type PrivateKey,
} from "@sshflow/ssh/keys";
import { authenticateUsers, serve, type ServeOptions } from "@sshflow/ssh/server";
import { hostSession } from "./shell.ts";

const help = `Serve SSH on this machine, for one user.

Usage: deno task serve [options]

  -p, --port PORT             listen on this port; 0 takes a free one (default: 2222)
      --host ADDRESS          listen on this address (default: 127.0.0.1)
  -u, --user NAME             who may log in (default: demo)
      --password TEXT         lets the user in, also by keyboard-interactive
      --authorized-keys FILE  keys that let the user in, as in ~/.ssh/authorized_keys: their
                              options (from, command, restrict and all others) are obeyed
      --no-auth               let in whoever comes
      --host-key FILE         the server's key; it is made if there is none (default: a new one)
      --websocket PORT        take SSH over WebSockets on this port too
  -h, --help                  show this
`;

const options = {
  port: { type: "string", short: "p", default: "2222" },
  host: { type: "string", default: "127.0.0.1" },
  user: { type: "string", short: "u", default: "demo" },
  password: { type: "string" },
  "authorized-keys": { type: "string" },
  "no-auth": { type: "boolean", default: false },
  "host-key": { type: "string", multiple: true },
  websocket: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

type Values = ReturnType<typeof readArguments>;

/** What is wrong with the command line, or with what it names. */
class UsageError extends Error {}

if (import.meta.main) Deno.exit(await main(Deno.args));

/**
 * Runs the tool, until it is interrupted.
 *
 * @param args The command line's arguments.
 * @returns The exit status.
 */
export async function main(args: string[]): Promise<number> {
  try {
    const values = readArguments(args);
    if (values.help) console.log(help);
    else await run(values);
    return 0;
  } catch (error) {
    // Whatever the user can put right is said in one line; the rest is a bug and shows its stack.
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    const [what] = (error as Error).message.split(/\.\s|\n/);
    const names = Object.keys(options).map((name) => `--${name}`).join(", ");
    throw new UsageError(`${what}; supported options: ${names}`);
  }
}

async function run(values: Values): Promise<void> {
  const port = readPort("--port", values.port);
  const webPort = values.websocket === undefined ? null : readPort("--websocket", values.websocket);
  const login = await readLogin(values);
  const hostKeys = await readHostKeys(values["host-key"] ?? []);

  const stop = new AbortController();
  const open = new Set<Promise<void>>();
  const accept = (flow: FlowLike): void => {
    const { closed } = serve(flow, {
      hostKeys,
      ...login,
      session: hostSession,
      signal: stop.signal,
    });
    const done = closed.catch(() => {}).then(() => void open.delete(done));
    open.add(done);
  };

  const listener = listen(values.host, port);
  const host = values.host.includes(":") ? `[${values.host}]` : values.host;
  console.log(`listening on ${host}:${listener.addr.port}`);
  const accepting = acceptAll(listener, accept);
  const web = webPort === null ? null : listenForWebSockets(values.host, webPort, accept);
  if (web !== null) console.log(`listening on ws://${host}:${web.addr.port}`);
  for (const { publicKey } of hostKeys) {
    console.log(`${fingerprint(publicKey)} (${describeKey(publicKey).kind})`);
  }

  await interrupted();
  listener.close();
  stop.abort();
  await Promise.all([accepting, web?.shutdown(), ...open]);
}

function listen(hostname: string, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw cannot(`listen on ${hostname}:${port}`, error);
  }
}

async function acceptAll(listener: Deno.Listener, accept: (flow: FlowLike) => void): Promise<void> {
  for await (const conn of listener) accept(conn);
}

/** Takes SSH in the binary frames of WebSockets, as websockify relays it. */
function listenForWebSockets(
  hostname: string,
  port: number,
  accept: (flow: FlowLike) => void,
): Deno.HttpServer<Deno.NetAddr> {
  const answer = (request: Request): Response => {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response("This is for WebSockets that carry SSH.\n", { status: 426 });
    }
    const offered = request.headers.get("sec-websocket-protocol")?.split(/,\s*/) ?? [];
    const protocol = offered.includes("binary") ? { protocol: "binary" } : {};
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0, ...protocol });
    accept(fromWebSocket(socket));
    return response;
  };
  try {
    return Deno.serve({ hostname, port, onListen: () => {} }, answer);
  } catch (error) {
    throw cannot(`listen on ${hostname}:${port}`, error);
  }
}

/** Resolves when the user or the system wants the server to end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const name of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(name, done);
      resolve();
    };
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, done);
  });
}

async function readLogin(
  values: Values,
): Promise<Pick<ServeOptions, "authenticate" | "authMethods">> {
  const { user, password } = values;
  const file = values["authorized-keys"];
  if (values["no-auth"]) {
    if (password !== undefined || file !== undefined) {
      throw new UsageError("Cannot use --no-auth with --password or --authorized-keys");
    }
    return { authMethods: ["none"], authenticate: () => true };
  }
  if (password === undefined && file === undefined) {
    throw new UsageError(
      "Cannot serve: nobody could log in; give --password, --authorized-keys or --no-auth",
    );
  }
  if (password === "") throw new UsageError("Cannot use --password: it is empty");
  const authorizedKeys = file === undefined ? undefined : await readAuthorizedKeys(file);
  return {
    authMethods: [
      ...(file === undefined ? [] : ["publickey" as const]),
      ...(password === undefined ? [] : ["password" as const, "keyboard-interactive" as const]),
    ],
    authenticate: authenticateUsers(new Map([[user, { password, authorizedKeys }]])),
  };
}

/** The keys in a file, with their options. */
async function readAuthorizedKeys(path: string): Promise<AuthorizedKeys> {
  let keys: AuthorizedKeys;
  try {
    keys = authorizedKeys(await readFile(path));
  } catch (error) {
    throw cannot(`use ${path}`, error);
  }
  const [problem] = keys.problems;
  if (problem === undefined) return keys;
  // sshd would go on without the line; here somebody is there to put it right.
  throw new UsageError(problem.message.replace("read authorized keys", `use ${path}`));
}

async function readHostKeys(paths: readonly string[]): Promise<PrivateKey[]> {
  if (paths.length === 0) return [await generateKey("ed25519")];
  return await Promise.all(paths.map(readHostKey));
}

/** The key in a file; if there is none, one is made and kept there. */
async function readHostKey(path: string): Promise<PrivateKey> {
  try {
    return await parsePrivateKey(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw cannot(`use ${path}`, error);
  }
  const key = await generateKey("ed25519", { comment: "sshflow" });
  try {
    const text = await formatPrivateKey(key);
    await Deno.writeTextFile(path, text, { createNew: true, mode: 0o600 });
  } catch (error) {
    throw cannot(`make ${path}`, error);
  }
  return key;
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw cannot(`read ${path}`, error);
  }
}

function readPort(option: string, text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new UsageError(`Cannot use ${option} ${text}: it is not a port, 0 to 65535`);
}

/** Says in one line what the system or a file had against something; other errors are bugs. */
function cannot(what: string, error: unknown): unknown {
  const isTheirs = error instanceof KeyFormatError ||
    (error as { code?: unknown }).code !== undefined ||
    Object.values(Deno.errors).some((type) => error instanceof type);
  if (!isTheirs) return error;
  const [why] = (error as Error).message.split("\n");
  return new UsageError(`Cannot ${what}: ${why}`);
}
