/**
 * Dropbear, as a client and as a server.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import {
  type ListenRequest,
  PASSWORD_HASH,
  type PeerClient,
  type PeerServer,
  type RunRequest,
  type RunResult,
} from "./peer_roles.ts";
import { runClient } from "./run_client.ts";

/** How often a port may have been taken by somebody else before the server could take it. */
const MAX_ATTEMPTS = 5;

/** `dbclient`. It takes the known hosts from its home, and keys in a format of Dropbear's own. */
export class DropbearClient implements PeerClient {
  readonly #program: string;
  readonly #home: string;
  readonly #keys: KeyConverter;

  constructor(programs: { dbclient: string; dropbearconvert: string }, directory: string) {
    this.#program = programs.dbclient;
    this.#home = `${directory}/home`;
    this.#keys = new KeyConverter(programs.dropbearconvert);
  }

  async run(request: RunRequest): Promise<RunResult> {
    await Deno.mkdir(`${this.#home}/.ssh`, { recursive: true });
    // It compares no ports, and takes comments for a part of the key.
    const known = request.hostKeys.map((line) =>
      `127.0.0.1 ${line.split(" ").slice(0, 2).join(" ")}\n`
    );
    await Deno.writeTextFile(`${this.#home}/.ssh/known_hosts`, known.join(""));
    const key = request.method === "publickey"
      ? ["-i", await this.#keys.convert(request.keyFile)]
      : [];
    return await runClient({
      program: this.#program,
      args: [...key, "-p", `${request.port}`, "-l", request.user, "127.0.0.1", request.command],
      env: {
        HOME: this.#home,
        ...(request.method !== "publickey" && { DROPBEAR_PASSWORD: request.password }),
      },
      // Its exit status is 0 where the server lets nobody in.
      failure: /^\S*dbclient: .*/ms,
    }, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * `dropbear`. It looks users up in the system: nss_wrapper has it find one that is whoever runs the
 * tests, with a password and a home of its own.
 */
export class DropbearServer implements PeerServer {
  readonly #programs: { dropbear: string; dropbearconvert: string; wrapper: string };
  readonly #directory: string;
  readonly #keys: KeyConverter;
  readonly #running: Deno.ChildProcess[] = [];
  readonly #logs: Promise<void>[] = [];

  constructor(
    programs: { dropbear: string; dropbearconvert: string; wrapper: string },
    directory: string,
  ) {
    this.#programs = programs;
    this.#directory = directory;
    this.#keys = new KeyConverter(programs.dropbearconvert);
  }

  async listen(request: ListenRequest): Promise<number> {
    const env = await this.#makeUser(request);
    const hostKeys = await Promise.all(
      request.hostKeyFiles.map((path) => this.#keys.convert(path)),
    );
    for (let attempt = 1;; attempt++) {
      const port = freePort();
      const child = new Deno.Command(this.#programs.dropbear, {
        args: [
          // In the foreground, with a log on standard error, and no message of the day.
          ...["-F", "-E", "-m"],
          ...["-P", `${this.#directory}/dropbear.pid`, "-p", `127.0.0.1:${port}`],
          ...hostKeys.flatMap((path) => ["-r", path]),
        ],
        env,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      this.#running.push(child);
      const lines = child.stderr.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream()).getReader();
      const first = await lines.read();
      this.#logs.push(readToEnd(lines));
      // It says so when it listens.
      if (first.value?.includes("Not backgrounding")) return port;
      if (attempt === MAX_ATTEMPTS) throw new Error(`Cannot start dropbear: ${first.value}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has not come as far as to listen.
      }
      await child.status;
    }
    await Promise.all(this.#logs);
  }

  /** Makes a user, and gives what has the server find it. */
  async #makeUser(request: ListenRequest): Promise<Record<string, string>> {
    const home = `${this.#directory}/dropbear-home`;
    await Deno.mkdir(`${home}/.ssh`, { recursive: true, mode: 0o700 });
    await Deno.copyFile(request.authorizedKeysFile, `${home}/.ssh/authorized_keys`);
    const { user } = request;
    const [uid, gid] = [Deno.uid(), Deno.gid()];
    const files = {
      PASSWD: `${user}:x:${uid}:${gid}:${user}:${home}:/bin/sh\n`,
      GROUP: `${user}:x:${gid}:\n`,
      SHADOW: `${user}:${PASSWORD_HASH}:19000:0:99999:7:::\n`,
    };
    const env: Record<string, string> = { LD_PRELOAD: this.#programs.wrapper };
    for (const [name, text] of Object.entries(files)) {
      const path = `${this.#directory}/${name}`;
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      env[`NSS_WRAPPER_${name}`] = path;
    }
    return env;
  }
}

/** A port that nobody listens at just now. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

/** Reads what nobody wants, so that its writer does not wait. */
async function readToEnd(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}

/** Has keys in OpenSSH's format written in Dropbear's. */
class KeyConverter {
  readonly #program: string;
  readonly #converted = new Map<string, Promise<string>>();

  constructor(program: string) {
    this.#program = program;
  }

  /** Gives the file of the converted key. */
  convert(path: string): Promise<string> {
    const known = this.#converted.get(path) ?? this.#convert(path);
    this.#converted.set(path, known);
    return known;
  }

  async #convert(path: string): Promise<string> {
    const output = `${path}.dropbear`;
    const args = ["openssh", "dropbear", path, output];
    const { success, stderr } = await new Deno.Command(this.#program, { args }).output();
    if (!success) {
      throw new Error(`Cannot convert ${path}: ${new TextDecoder().decode(stderr)}`);
    }
    return output;
  }
}
