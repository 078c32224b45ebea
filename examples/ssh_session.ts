/**
 * The session of the example client: what runs at the server is joined to this terminal.
 *
 * @module
 */

import {
  type ConfiguredSession,
  RequestError,
  type Session,
  type SessionRequest,
  type SshClient,
} from "@sshflow/ssh";
import { UsageError } from "./ssh_access.ts";
import * as terminal from "./terminal.ts";

/** The status of a client that something went wrong with. */
export const FAILED = 255;

/**
 * Runs what is wanted.
 *
 * @returns The exit status of what ran.
 */
export async function runSession(ssh: SshClient, wanted: ConfiguredSession): Promise<number> {
  const request = requestOf(wanted);
  if (request === null) {
    await ssh.closed;
    return 0;
  }
  const session = await ssh.openSession();
  await prepare(session, wanted);
  await session.run(request);
  const joined = (): Promise<number> => join(session, wanted);
  if (!wanted.pty || !terminal.isInteractive()) return await joined();
  const stopTelling = terminal.onResize((columns, rows) => session.resize(columns, rows));
  try {
    return await terminal.inRawMode(joined);
  } finally {
    stopTelling();
  }
}

/** Null for nothing at all. */
function requestOf({ command, isSubsystem }: ConfiguredSession): SessionRequest | null {
  if (command === undefined) return null;
  if (command === null) return { type: "shell" };
  return isSubsystem ? { type: "subsystem", name: command } : { type: "exec", command };
}

/** Makes the settings, all at once. Of what the server refuses, it is told what matters. */
async function prepare(
  session: Session,
  { env, forwardAgent, pty }: ConfiguredSession,
): Promise<void> {
  const size = { term: Deno.env.get("TERM") || "vt100", ...terminal.windowSize() };
  await Promise.all([
    ...Object.entries(env).map(([name, value]) => unlessRefused(session.setEnv(name, value))),
    forwardAgent && unlessRefused(session.forwardAgent(forwardAgent), "forward the agent"),
    pty && unlessRefused(session.requestPty(size), "give a terminal"),
  ]);
}

async function unlessRefused(request: Promise<void>, what?: string): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (what !== undefined) console.error(`The server does not ${what}`);
  }
}

/** Connects what runs there with this process. */
async function join(session: Session, { stdin }: ConfiguredSession): Promise<number> {
  // When it has ended, nobody is left to read the rest.
  if (stdin === "null") session.stdin.close().catch(() => {});
  else terminal.input().pipeTo(session.stdin).catch(() => {});
  try {
    const [status] = await Promise.all([
      session.exitStatus,
      session.stdout.pipeTo(Deno.stdout.writable, { preventClose: true }),
      session.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
    ]);
    if (status.code !== null) return status.code;
    throw new UsageError(
      status.signal === null
        ? "The server did not say how the command has ended"
        : `The command was ended by ${status.signal}`,
    );
  } catch (error) {
    // As with `ssh … | head`: who reads the output has had enough.
    if (error instanceof Deno.errors.BrokenPipe) return FAILED;
    throw error;
  }
}
