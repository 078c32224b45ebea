/**
 * Agents that listen on a UNIX socket: OpenSSH's, and ours.
 *
 * @module
 */

import { AgentStore } from "../../keys/mod.ts";
import { serveAgent } from "../../server/mod.ts";

/** How long a program may take. */
const TIMEOUT_MS = 30_000;

/** An agent. Disposing it ends it, and removes its socket. */
export interface ListeningAgent extends AsyncDisposable {
  /** The path of its socket: for `SSH_AUTH_SOCK`. */
  readonly path: string;
  /** A connection to it. */
  connect(): Promise<Deno.UnixConn>;
}

/** What came of a program. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts OpenSSH's agent, which can ask nobody for a confirmation. */
export async function startSshAgent(program: string): Promise<ListeningAgent> {
  const folder = await Deno.makeTempDir({ prefix: "sshflow-agent-" });
  const path = `${folder}/agent`;
  const child = new Deno.Command(program, {
    args: ["-D", "-a", path],
    env: { SSH_ASKPASS: "/bin/false", SSH_ASKPASS_REQUIRE: "force" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const deadline = performance.now() + TIMEOUT_MS;
  const connect = (): Promise<Deno.UnixConn> => Deno.connect({ transport: "unix", path });
  while (true) {
    try {
      (await connect()).close();
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  return {
    path,
    connect,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Serves an agent of ours. */
export async function startOwnAgent(store: AgentStore = new AgentStore()): Promise<ListeningAgent> {
  const folder = await Deno.makeTempDir({ prefix: "sshflow-agent-" });
  const path = `${folder}/agent`;
  const listener = Deno.listen({ transport: "unix", path });
  const stop = new AbortController();
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      serving.push(serveAgent(conn, store, { signal: stop.signal }).catch(() => {}));
    }
  })();
  return {
    path,
    connect: () => Deno.connect({ transport: "unix", path }),
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      stop.abort();
      await Promise.all(serving);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Runs a program to its end, with an agent, and a program that answers to its questions. */
export async function runWithAgent(
  program: string,
  args: readonly string[],
  { path }: Pick<ListeningAgent, "path">,
  askpass: string = "/bin/false",
): Promise<ProgramResult> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { SSH_AUTH_SOCK: path, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
