/**
 * What a client does in every runtime at a server that runs elsewhere: it makes sure of it, logs
 * in, and uses what it finds there.
 *
 * @module
 */

import type { SshClient } from "../../client/mod.ts";
import type { FlowLike } from "../../flow/mod.ts";
import { describeError } from "./outcome.ts";
import type { Library } from "./scenario.ts";
import { expect, Screen, type Transfer, transfer } from "./steps.ts";

/** The server, and who logs in. */
export interface Target {
  /** Its port on this machine. */
  readonly port: number;
  /** Its port for WebSockets. */
  readonly webSocketPort: number;
  readonly user: string;
  readonly password: string;
  /** The fingerprint of its host key. */
  readonly fingerprint: string;
}

/** What the client saw. */
export interface Visit {
  /** What the server says of itself. */
  readonly serverVersion: string;
  readonly transfer: Transfer;
}

/**
 * Runs `echo`, sends 10 MiB to `cat` and back, types into a shell, and leaves.
 *
 * @param library The library's exports.
 * @param open Opens a flow to the server.
 * @returns A {@linkcode Visit}, or what was thrown as `{ error }`, in JSON.
 */
export async function visit(
  library: Library,
  open: () => FlowLike,
  target: Target,
): Promise<string> {
  try {
    await refuse(library, open(), target);
    return JSON.stringify(await use(library, open(), target));
  } catch (error) {
    return JSON.stringify({ error: describeError(error) });
  }
}

async function refuse(library: Library, flow: FlowLike, target: Target): Promise<void> {
  const { publicKey } = await library.generateKey("ed25519");
  const options = { user: target.user, auth: { password: "to be kept" }, authenticator: publicKey };
  const error = await library.connect(flow, options).then(() => null, (error) => error);
  if (error instanceof library.HostKeyError) return;
  throw new Error("The client has taken another host key", { cause: error });
}

async function use(library: Library, flow: FlowLike, target: Target): Promise<Visit> {
  const ssh = await library.connect(flow, {
    user: target.user,
    auth: { password: target.password },
    authenticator: target.fingerprint,
  });
  try {
    const { code, stdout } = await ssh.command("echo hello").output();
    expect("echo", [code, new TextDecoder().decode(stdout)], [0, "hello\n"]);
    const moved = await transfer(ssh, "cat");
    await useShell(ssh);
    const { serverVersion } = ssh.info;
    await ssh.close();
    await ssh.closed;
    return { serverVersion, transfer: moved };
  } catch (error) {
    // A flow that stays open would keep the runtime from ending.
    ssh.connection.abort(error);
    throw error;
  }
}

async function useShell(ssh: SshClient): Promise<void> {
  const shell = ssh.shell({ pty: { term: "xterm-256color", columns: 80, rows: 24 } });
  const screen = new Screen(shell);
  const typist = shell.stdin.getWriter();
  const type = (text: string) => typist.write(new TextEncoder().encode(text));
  await type("pty\r");
  await screen.until("\nxterm-256color 80x24\r\n");
  shell.resize(100, 40);
  await type("pty\r");
  await screen.until("\nxterm-256color 100x40\r\n");
  await type("exit 7\r");
  await screen.until();
  expect("the shell's status", (await shell.status).code, 7);
}
