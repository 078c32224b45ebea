/**
 * What the example client reaches of this machine, and what it asks the user.
 *
 * @module
 */

import { Socket } from "node:net";
import {
  type ConnectByOptions,
  describeKey,
  fingerprint,
  type FlowContext,
  type FlowLike,
  HostKeyError,
  type HostKeyQuestion,
  type LoginQuestions,
  type SshConfig,
} from "@sshflow/ssh";
import * as terminal from "./terminal.ts";

/** What is wrong with the command line, or with what it names. */
export class UsageError extends Error {}

/** The files, sockets and programs of this machine, and the user who sits in front of it. */
export const access: Pick<
  ConnectByOptions,
  "dial" | "spawn" | "files" | "openAgent" | "ask" | "onNotice"
> = {
  dial,
  spawn,
  files: {
    read: (path) => Deno.readTextFile(path),
    readBytes: (path) => Deno.readFile(path),
    write,
  },
  openAgent: (path) => Deno.connect({ transport: "unix", path }),
  ask: { hostKey: askAboutHost, ...(terminal.isInteractive() ? questions() : {}) },
  onNotice: (text) => console.error(showable(text)),
};

/** The peer's text, without what would make a terminal do more than show it. */
export function showable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** The error for what this machine does not do. */
export function cannot(what: string, error: unknown): UsageError {
  const why = (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
  return new UsageError(`Cannot ${what}: ${why}`);
}

/** Asks about a host whose key is not known. */
export async function askAboutHost(
  { key, hostname, port = 22, status }:
    & Partial<HostKeyQuestion>
    & Pick<HostKeyQuestion, "key">,
): Promise<boolean> {
  const print = fingerprint(key);
  const { kind } = describeKey(key);
  if (!terminal.isInteractive()) {
    throw new HostKeyError(
      `Cannot trust ${hostname} port ${port}: there is no terminal to ask whether its ${kind} ` +
        `key ${print} is right; if it is, say --fingerprint ${print}`,
      { status: status ?? "not-known", key: key.blob },
    );
  }
  console.error(`The ${kind} key of ${hostname} port ${port} is ${print}.`);
  if (status === "found-other") console.error("It has been known by keys of other types.");
  for (;;) {
    const answer = (await terminal.ask("Is that right (yes, no, or the fingerprint)? "))?.trim();
    if (answer === "yes" || answer === print) return true;
    if (answer === undefined || answer === "no") return false;
  }
}

/** Runs a command for Match exec. */
export async function succeeds(command: string): Promise<boolean> {
  try {
    const args = ["-c", command];
    const child = new Deno.Command("sh", { args, stdin: "null", stdout: "null" });
    return (await child.output()).success;
  } catch (error) {
    throw cannot(`run ${command}`, error);
  }
}

async function dial(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  { config, signal }: FlowContext,
): Promise<FlowLike> {
  const { addressFamily, bindAddress } = config;
  try {
    if (addressFamily !== "any" || bindAddress !== undefined) {
      return await dialFrom(hostname, port, config);
    }
    const conn = await Deno.connect({ hostname, port, signal });
    conn.setNoDelay();
    conn.setKeepAlive(config.tcpKeepAlive);
    return conn;
  } catch (error) {
    throw cannot(`connect to ${hostname} port ${port}`, error);
  }
}

/** Deno's own sockets know of neither. */
function dialFrom(
  host: string,
  port: number,
  { addressFamily, bindAddress, tcpKeepAlive }: SshConfig,
): Promise<FlowLike> {
  return new Promise((resolve, reject) => {
    const socket = new Socket();
    socket.once("error", reject);
    const family = addressFamily === "any" ? 0 : addressFamily === "inet" ? 4 : 6;
    const from = bindAddress === undefined ? {} : { localAddress: bindAddress };
    socket.connect({ host, port, family, keepAlive: tcpKeepAlive, noDelay: true, ...from }, () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function spawn(command: string): FlowLike {
  try {
    const child = new Deno.Command("sh", {
      args: ["-c", `exec ${command}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return { readable: child.stdout, writable: child.stdin };
  } catch (error) {
    throw cannot(`run the ProxyCommand ${command}`, error);
  }
}

/** As with `ssh`, a host that cannot be written down is connected to nevertheless. */
async function write(path: string, text: string): Promise<void> {
  try {
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (folder !== "") await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(path, text, { mode: 0o600 });
  } catch (error) {
    console.error(cannot(`write down the host in ${path}`, error).message);
  }
}

function questions(): LoginQuestions {
  return {
    passphrase: (path) => terminal.askSecret(`Passphrase for ${path}: `),
    password: ({ user, hostname }) => terminal.askSecret(`${user}@${hostname}'s password: `),
    async answers({ name, instruction, prompts }) {
      for (const text of [name, instruction]) if (text !== "") console.error(showable(text));
      const answers: string[] = [];
      for (const { prompt, echo } of prompts) {
        const answer = await (echo ? terminal.ask : terminal.askSecret)(showable(prompt));
        if (answer === null) return null;
        answers.push(answer);
      }
      return answers;
    },
  };
}
