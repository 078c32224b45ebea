/**
 * OpenSSH's server, with a configuration, host keys and users made for the run.
 *
 * @module
 */

import {
  formatPrivateKey,
  formatPublicKeyLine,
  type GeneratedKeyType,
  generateKey,
  type PrivateKey,
} from "../../keys/mod.ts";
import { peer } from "./peers.ts";

/** How a server is set up. */
export interface SshdOptions {
  /** Its host keys: Ed25519, ECDSA on each curve, and RSA, unless given. */
  readonly hostKeys?: readonly KeyKind[];
  /** Lines for its configuration. */
  readonly config?: readonly string[];
  /** Public keys that may log in, whatever the user. */
  readonly authorizedKeys?: readonly PrivateKey[];
}

/** A kind of key: a type, or an elliptic curve of ECDSA. */
export type KeyKind = "ed25519" | "nistp256" | "nistp384" | "nistp521" | "rsa";

/** All of them. */
export const keyKinds: readonly KeyKind[] = ["ed25519", "nistp256", "nistp384", "nistp521", "rsa"];

/** A server that runs. Disposing it ends it, and removes its files. */
export interface Sshd extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** Its host keys, in the order in which they were asked for. */
  readonly hostKeys: readonly PrivateKey[];
  /** All that it has logged, so far. */
  log(): string;
  /** Waits until its log has a match; fails after ten seconds. */
  logged(pattern: RegExp): Promise<void>;
  /** A connection to it. */
  connect(): Promise<Deno.TcpConn>;
}

/** How many times a port is looked for: another process may take it first. */
const PORT_ATTEMPTS = 5;
const LOG_TIMEOUT_MS = 10_000;

const keyOptions: Readonly<
  Record<KeyKind, readonly [type: GeneratedKeyType, options?: { readonly bits: number }]>
> = {
  ed25519: ["ed25519"],
  nistp256: ["ecdsa", { bits: 256 }],
  nistp384: ["ecdsa", { bits: 384 }],
  nistp521: ["ecdsa", { bits: 521 }],
  rsa: ["rsa", { bits: 2048 }],
};
const keys = new Map<KeyKind, Promise<PrivateKey>>();

/** A key of a kind, the same one whenever it is asked for: RSA keys take a while to make. */
export function keyOf(kind: KeyKind): Promise<PrivateKey> {
  let key = keys.get(kind);
  if (key === undefined) keys.set(kind, key = generateKey(...keyOptions[kind]));
  return key;
}

/** Whether servers can let others in than whoever runs the tests, and check their passwords. */
export const isRoot: boolean = Deno.build.os === "linux" && Deno.uid() === 0;

/** Starts a server. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = peer("sshd");
  if (program === null) throw new Error("Cannot start sshd: it is not installed");
  // Where sshd separates its privileges; distributions make it when the service starts.
  if (isRoot) await Deno.mkdir("/run/sshd", { recursive: true });
  const folder = await Deno.makeTempDir({ prefix: "sshflow-sshd-" });
  try {
    await Deno.chmod(folder, 0o755);
    const kinds = options.hostKeys ?? keyKinds;
    const hostKeys = await Promise.all(kinds.map(keyOf));
    for (const [index, key] of hostKeys.entries()) {
      await Deno.writeTextFile(`${folder}/host_key_${index}`, await formatPrivateKey(key), {
        mode: 0o600,
      });
    }
    const lines = (options.authorizedKeys ?? []).map((key) => formatPublicKeyLine(key.publicKey));
    await Deno.writeTextFile(`${folder}/authorized_keys`, `${lines.join("\n")}\n`);
    await Deno.chmod(`${folder}/authorized_keys`, 0o644);
    for (let attempt = 1;; attempt++) {
      const port = freePort();
      await Deno.writeTextFile(
        `${folder}/sshd_config`,
        [
          // The first value of an option counts: what is asked for comes before what is usual.
          ...(options.config ?? []),
          ...hostKeys.map((_, index) => `HostKey ${folder}/host_key_${index}`),
          `ListenAddress 127.0.0.1:${port}`,
          `AuthorizedKeysFile ${folder}/authorized_keys`,
          "PidFile none",
          "StrictModes no",
          "UsePAM no",
          "PermitRootLogin yes",
          "PasswordAuthentication no",
          "KbdInteractiveAuthentication no",
          "MaxSessions 100",
          "LogLevel VERBOSE",
          "UseDNS no",
          "PrintMotd no",
          "PrintLastLog no",
          "Subsystem sftp internal-sftp",
          "",
        ].join("\n"),
      );
      const server = await Daemon.start(program, folder, port);
      if (server !== null) return running(server, port, hostKeys, folder);
      if (attempt === PORT_ATTEMPTS) throw new Error("Cannot start sshd: its port is taken");
    }
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

function running(
  daemon: Daemon,
  port: number,
  hostKeys: readonly PrivateKey[],
  folder: string,
): Sshd {
  const hostname = "127.0.0.1";
  return {
    hostname,
    port,
    hostKeys,
    log: () => daemon.log,
    logged: (pattern) => daemon.logged(pattern),
    connect: () => Deno.connect({ hostname, port }),
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A port that nobody listened on a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The process, and what it logs. It logs to a file, so that nobody has to read along. */
class Daemon {
  readonly #child: Deno.ChildProcess;
  readonly #logFile: string;

  constructor(program: string, folder: string) {
    this.#logFile = `${folder}/log`;
    Deno.writeTextFileSync(this.#logFile, "");
    this.#child = new Deno.Command(program, {
      args: ["-D", "-E", this.#logFile, "-f", `${folder}/sshd_config`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  get log(): string {
    return Deno.readTextFileSync(this.#logFile);
  }

  /** @returns Null if the port is taken. */
  static async start(program: string, folder: string, port: number): Promise<Daemon | null> {
    const daemon = new Daemon(program, folder);
    try {
      await daemon.logged(
        new RegExp(`Server listening on .* port ${port}\\.|Cannot bind|^\\S+:.*line`),
      );
      if (daemon.log.includes("Server listening")) return daemon;
      throw new Error(`Cannot start sshd:\n${daemon.log}`);
    } catch (error) {
      const { log } = daemon;
      await daemon.stop();
      if (log.includes("Cannot bind")) return null;
      throw error;
    }
  }

  async logged(pattern: RegExp): Promise<void> {
    const deadline = performance.now() + LOG_TIMEOUT_MS;
    while (!pattern.test(this.log)) {
      if (performance.now() > deadline) {
        throw new Error(`Cannot find ${pattern} in what sshd logged:\n${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
  }
}

/** A user of this machine who has a password, and is removed with all that is theirs. */
export interface Account extends AsyncDisposable {
  readonly user: string;
  readonly password: string;
}

/** Adds a user to this machine: for root only. */
export async function addAccount(): Promise<Account> {
  const user = `sshflow${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36)}`;
  const password = crypto.randomUUID();
  await run("useradd", ["--create-home", "--shell", "/bin/bash", user]);
  await run("chpasswd", [], `${user}:${password}\n`);
  return {
    user,
    password,
    async [Symbol.asyncDispose]() {
      await run("userdel", ["--remove", "--force", user]);
    },
  };
}

async function run(program: string, args: string[], input: string = ""): Promise<void> {
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, stderr } = await child.output();
  if (success) return;
  throw new Error(`Cannot run ${program}: ${new TextDecoder().decode(stderr).trim()}`);
}
