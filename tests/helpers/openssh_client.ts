/**
 * OpenSSH's client.
 *
 * @module
 */

import type { PeerClient, RunRequest, RunResult } from "./peer_roles.ts";
import { runClient } from "./run_client.ts";

/** The programs that it takes. */
export interface OpenSshPrograms {
  readonly ssh: string;
  readonly sshpass: string;
}

/** What it says where it has not come as far as to run the command. */
const FAILURE =
  /^.*(?:Permission denied|Received disconnect|Connection (?:closed|reset|refused)|Unable to negotiate|verification failed|ssh_dispatch_run_fatal).*$/m;

/** `ssh`, without the configuration, the keys and the agent of whoever runs the tests. */
export class OpenSshClient implements PeerClient {
  readonly programs: OpenSshPrograms;
  /** For its files, and for sockets: its path is short. */
  readonly directory: string;
  #runs = 0;

  constructor(programs: OpenSshPrograms, directory: string) {
    this.programs = programs;
    this.directory = directory;
  }

  /**
   * The arguments that every run has, up to the host's name.
   *
   * @param own Options of this run; of two values the first counts.
   */
  async args(
    request: Pick<RunRequest, "port" | "hostKeys" | "user" | "method" | "keyFile">,
    own: readonly string[] = [],
  ): Promise<string[]> {
    const knownHosts = `${this.directory}/known_hosts_${this.#runs++}`;
    const lines = request.hostKeys.map((line) => `[127.0.0.1]:${request.port} ${line}\n`);
    await Deno.writeTextFile(knownHosts, lines.join(""));
    const settings = {
      UserKnownHostsFile: knownHosts,
      GlobalKnownHostsFile: "/dev/null",
      StrictHostKeyChecking: "yes",
      UpdateHostKeys: "no",
      IdentityAgent: "none",
      IdentitiesOnly: "yes",
      IdentityFile: request.keyFile,
      PreferredAuthentications: request.method,
      NumberOfPasswordPrompts: "1",
      LogLevel: "ERROR",
    };
    return [
      ...["-F", "none", "-p", `${request.port}`, "-l", request.user, ...own],
      ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      "127.0.0.1",
    ];
  }

  async run(request: RunRequest): Promise<RunResult> {
    const { rekeyBytes } = request;
    const own = rekeyBytes === undefined ? [] : ["-o", `RekeyLimit=${rekeyBytes}`];
    const args = await this.args(request, own);
    const { ssh, sshpass } = this.programs;
    const program = request.method === "publickey"
      ? { program: ssh, args: [...args, request.command], env: {} }
      : {
        program: sshpass,
        args: ["-e", ssh, ...args, request.command],
        env: { SSHPASS: request.password },
      };
    return await runClient({ ...program, failure: FAILURE }, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The algorithms that a client knows, as `ssh -Q` lists them. */
export function knownAlgorithms(ssh: string, what: string): ReadonlySet<string> {
  return new Set(outputOf(ssh, ["-Q", what]).trim().split("\n"));
}

/** What a client prefers if it is not told otherwise, as `ssh -G` lists it. */
export function preferredAlgorithms(ssh: string, setting: string): readonly string[] {
  const lines = outputOf(ssh, ["-T", "-F", "none", "-G", "127.0.0.1"]).split("\n");
  const found = lines.find((line) => line.startsWith(`${setting} `));
  return found?.slice(setting.length + 1).split(",") ?? [];
}

function outputOf(program: string, args: string[]): string {
  const { stdout } = new Deno.Command(program, { args, stdin: "null", stderr: "null" })
    .outputSync();
  return new TextDecoder().decode(stdout);
}
