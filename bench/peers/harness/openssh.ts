/**
 * OpenSSH's client, over connections that are made before it is measured, and its server.
 *
 * @module
 */

import { formatPrivateKey, generateKey, parsePrivateKey } from "../../../keys/mod.ts";
import { peer } from "../../../tests/helpers/peers.ts";
import { startSshd } from "../../../tests/helpers/sshd.ts";
import type { Choice, Keys, Transfer } from "../agents/jobs.ts";
import { childrenOf, cpuSecondsOf } from "./cpu_time.ts";

const LOGIN_LIMIT_MS = 15_000;
const RUN_LIMIT_MS = 30_000;

/** New keys for both ends. */
export async function makeKeys(): Promise<Keys> {
  const make = async (): Promise<string> => await formatPrivateKey(await generateKey("ed25519"));
  return { hostKey: await make(), userKey: await make() };
}

/** A server that can be measured. */
export interface MeasuredServer extends AsyncDisposable {
  readonly port: number;
  /** The keys that it and its user have. */
  readonly keys: Keys;
  /** How long processors have worked for it, in seconds. */
  cpuSeconds(): number;
}

/**
 * Starts OpenSSH's server, with a host key of its own.
 *
 * @param userKey Whoever has it is let in.
 * @returns Null, and tells it, if the server is missing.
 */
export async function startOpenSshServer(
  { userKey }: Pick<Keys, "userKey">,
): Promise<MeasuredServer | null> {
  if (peer("sshd") === null) {
    console.log("sshd is left out: apt-get install openssh-server");
    return null;
  }
  const before = new Set(childrenOf(Deno.pid, "sshd"));
  const server = await startSshd({
    hostKeys: ["ed25519"],
    authorizedKeys: [await parsePrivateKey(userKey)],
  });
  const [hostKey] = server.hostKeys;
  if (hostKey === undefined) throw new Error("sshd has no host key");
  const pid = childrenOf(Deno.pid, "sshd").find((pid) => !before.has(pid));
  return {
    port: server.port,
    keys: { userKey, hostKey: await formatPrivateKey(hostKey) },
    cpuSeconds: () => pid === undefined ? NaN : cpuSecondsOf(pid),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A login of OpenSSH's client, over which commands run. */
export class OpenSshLogin implements AsyncDisposable {
  readonly #program: string;
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor(program: string, folder: string, child: Deno.ChildProcess) {
    this.#program = program;
    this.#folder = folder;
    this.#child = child;
  }

  /** Logs in: what runs later is not to be measured with a login. */
  static async open(port: number, choice: Choice): Promise<OpenSshLogin> {
    const program = peer("ssh");
    if (program === null) throw new Error("ssh is missing: apt-get install openssh-client");
    const folder = await Deno.makeTempDir({ prefix: "sshflow-bench-" });
    await Deno.writeTextFile(`${folder}/key`, choice.userKey, { mode: 0o600 });
    const settings = {
      BatchMode: "yes",
      ControlMaster: "yes",
      ControlPath: `${folder}/control`,
      IdentitiesOnly: "yes",
      IdentityFile: `${folder}/key`,
      KexAlgorithms: choice.kex,
      LogLevel: "ERROR",
      PreferredAuthentications: "publickey",
      StrictHostKeyChecking: "no",
      UserKnownHostsFile: "/dev/null",
      Ciphers: choice.cipher,
      ...(choice.mac !== null && { MACs: choice.mac }),
    };
    const child = new Deno.Command(program, {
      args: [
        ...["-F", "none", "-N", "-p", `${port}`, "-l", "root"],
        ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
        "127.0.0.1",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const login = new OpenSshLogin(program, folder, child);
    try {
      await login.#ready();
      return login;
    } catch (error) {
      await login[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a command, and drops what it writes. */
  async download(command: string, bytes: number): Promise<Transfer> {
    return { bytes, seconds: (await this.#time(`${this.#ssh} '${command}' >/dev/null`)).seconds };
  }

  /** Runs a command that counts, and feeds it zeros. */
  async upload(command: string, bytes: number): Promise<Transfer> {
    const run = await this.#time(`head -c ${bytes} /dev/zero | ${this.#ssh} '${command}'`);
    if (Number(run.output) !== bytes) {
      throw new Error(`${Number(run.output)} of ${bytes} bytes have arrived`);
    }
    return { bytes, seconds: run.seconds };
  }

  /** How long processors have worked for the client, in seconds. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await this.#child.output();
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #ssh(): string {
    return `${this.#program} -F none -S ${this.#folder}/control root@127.0.0.1`;
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + LOGIN_LIMIT_MS;
    while (performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      try {
        await Deno.lstat(`${this.#folder}/control`);
        return;
      } catch {
        // Not logged in yet.
      }
    }
    throw new Error("ssh could not log in");
  }

  async #time(script: string): Promise<{ output: string; seconds: number }> {
    const start = performance.now();
    const { success, stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", script],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(RUN_LIMIT_MS),
    }).output();
    const seconds = (performance.now() - start) / 1000;
    if (!success) throw new Error("ssh has failed, or took too long");
    return { output: new TextDecoder().decode(stdout), seconds };
  }
}
