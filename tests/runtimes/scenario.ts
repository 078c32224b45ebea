/**
 * What every runtime is put through: a client and a server in one program, over a pair of flows
 * in memory. It uses nothing but the web platform and the library that it is given.
 *
 * @module
 */

import type { ClientOfFlowOptions, ConnectOptions, SshClient } from "../../client/mod.ts";
import type { Eof } from "../../flow/mod.ts";
import type { PrivateKey } from "../../keys/mod.ts";
import type { ServeOptions, ServerConnection } from "../../server/mod.ts";
import { runSession, shoutCallback } from "./server.ts";
import { expect, runCommand, Screen, type Transfer, transfer, writeAll } from "./steps.ts";

/** The library's exports. */
export type Library = typeof import("../../mod.ts");

/** What the scenario saw. */
export interface Report {
  /** What a client and a server agree on that were told nothing of algorithms. */
  readonly algorithms: Readonly<Record<"kex" | "hostKey" | "cipher", string>>;
  /** How long they took until the user was logged in, in milliseconds. */
  readonly handshakeMs: number;
  readonly transfer: Transfer;
  /** All algorithms that a connection was made with, and how many milliseconds each took. */
  readonly connections: Readonly<Record<string, number>>;
  /** Types of host keys that nothing could be signed with here. */
  readonly unsignable: readonly string[];
}

const KEX = [
  "mlkem768x25519-sha256",
  "sntrup761x25519-sha512",
  "sntrup761x25519-sha512@openssh.com",
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group-exchange-sha256",
  "diffie-hellman-group14-sha256",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group18-sha512",
];
const CIPHERS = [
  "chacha20-poly1305@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-ctr",
  "aes192-ctr",
  "aes128-ctr",
];
const MACS = [
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-512-etm@openssh.com",
  "hmac-sha2-256",
  "hmac-sha2-512",
];
const COMPRESSION = ["none", "zlib@openssh.com"];

/** What goes both ways over each connection: some chunks. */
const VISIT_BYTES = 512 * 1024;
const USER = "ada";
const PASSWORD = "sesame";

/** Runs the scenario. */
export async function runScenario(library: Library): Promise<Report> {
  const scenario = new Scenario(
    library,
    await library.generateKey("ed25519"),
    await library.generateKey("ed25519"),
  );
  const everything = await scenario.loginAndUse();
  await scenario.upgradeFlow();
  await scenario.refuse();
  const connections = await scenario.tryAlgorithms();
  const hostKeys = await scenario.tryHostKeys();
  return {
    ...everything,
    connections: { ...connections, ...hostKeys.connections },
    unsignable: hostKeys.unsignable,
  };
}

class Scenario {
  readonly #library: Library;
  readonly #hostKey: PrivateKey;
  readonly #userKey: PrivateKey;

  constructor(library: Library, hostKey: PrivateKey, userKey: PrivateKey) {
    this.#library = library;
    this.#hostKey = hostKey;
    this.#userKey = userKey;
  }

  /** Logs in with a key, and does everything over one connection. */
  async loginAndUse(): Promise<Pick<Report, "algorithms" | "handshakeMs" | "transfer">> {
    const startedAt = performance.now();
    const [ssh, server] = await this.#connect();
    const handshakeMs = performance.now() - startedAt;
    expect("the login", [server.user?.user, server.user?.method], [USER, "publickey"]);
    expect("exec", await runCommand(ssh, "shout", "hello"), {
      code: 3,
      stdout: "HELLO",
      stderr: "5 bytes",
    });
    await this.#useShell(ssh);
    const moved = await transfer(ssh, "cat");
    const { kex, hostKey, clientToServer } = ssh.info.algorithms;
    await ssh.close();
    await Promise.all([ssh.closed, server.closed]);
    return {
      algorithms: { kex: kex.name, hostKey, cipher: clientToServer.cipher.name },
      handshakeMs,
      transfer: moved,
    };
  }

  async #useShell(ssh: SshClient): Promise<void> {
    const shell = ssh.shell({ pty: { term: "xterm-256color", columns: 80, rows: 24 } });
    const screen = new Screen(shell);
    await screen.until("80x24");
    shell.resize(100, 40);
    await screen.until("100x40");
    await writeAll(shell.stdin, "exit\r");
    expect(
      "the shell's screen",
      await screen.until(),
      "TERM is xterm-256color\r\n80x24\r\n100x40\r\nexit\r",
    );
    expect("the shell's status", (await shell.status).code, 7);
  }

  /** Logs in with a password, and has a flow come back. */
  async upgradeFlow(): Promise<void> {
    const { flowPair, makeServer, spawnServer } = this.#library;
    const eof: typeof Eof = this.#library.Eof;
    const [near, far] = flowPair();
    const { server, hello } = makeServer({
      hostKeys: [this.#hostKey],
      users: { [USER]: { password: PASSWORD } },
    });
    const running = spawnServer(server, hello, far, shoutCallback(eof));
    const options: ClientOfFlowOptions = {
      ...this.#trust(),
      user: USER,
      auth: { password: PASSWORD },
      request: { type: "exec", command: "shout" },
    };
    const flow = await this.#library.clientOfFlow(near, options);
    const stderr = new Response(flow.stderr as ReadableStream<Uint8Array<ArrayBuffer>>).text();
    await flow.write(new TextEncoder().encode("flow"));
    await flow.closeWrite();
    let stdout = "";
    for (let chunk = await flow.read(); chunk !== eof; chunk = await flow.read()) {
      stdout += new TextDecoder().decode(chunk);
    }
    const { code } = await flow.exitStatus;
    expect("the flow", [stdout, await stderr, code], ["FLOW", "4 bytes", 3]);
    await flow.close();
    await running.closed;
  }

  /** Neither end lets in whom it does not know. */
  async refuse(): Promise<void> {
    const { generateKey, fingerprint, HostKeyError, AuthenticationError } = this.#library;
    const stranger = await generateKey("ed25519");
    const authenticator = fingerprint(stranger.publicKey);
    await expectRejection("another host key", this.#connect({ authenticator }), HostKeyError);
    const auth = { privateKey: stranger, password: "wrong" };
    await expectRejection("another user", this.#connect({ auth }), AuthenticationError);
  }

  /** Makes a connection with each algorithm, and runs a command over it. */
  async tryAlgorithms(): Promise<Record<string, number>> {
    const connections: Record<string, number> = {};
    for (const name of KEX) connections[name] = await this.#visit({ kex: [name] });
    for (const name of CIPHERS) connections[name] = await this.#visit({ ciphers: [name] });
    for (const name of MACS) {
      connections[name] = await this.#visit({ ciphers: ["aes128-ctr"], macs: [name] });
    }
    for (const name of COMPRESSION) {
      connections[name] = await this.#visit({ compression: [name] });
    }
    return connections;
  }

  /** Makes a connection with each type of host key, which is the user's key too. */
  async tryHostKeys(): Promise<Pick<Report, "connections" | "unsignable">> {
    const { generateKey } = this.#library;
    const connections: Record<string, number> = {};
    const unsignable: string[] = [];
    const keys = [
      this.#hostKey,
      await generateKey("ecdsa", { bits: 256 }),
      await generateKey("ecdsa", { bits: 384 }),
      await generateKey("ecdsa", { bits: 521 }),
      await generateKey("rsa", { bits: 2048 }),
    ];
    for (const key of keys) {
      for (const name of key.publicKey.algorithms) {
        if (!await canSign(key, name)) {
          unsignable.push(name);
        } else {
          const scenario = new Scenario(this.#library, key, key);
          connections[name] = await scenario.#visit({ hostKeys: [name] });
        }
      }
    }
    return { connections, unsignable };
  }

  /** @returns How long it took, in milliseconds. */
  async #visit(names: Parameters<Library["selectAlgorithms"]>[0]): Promise<number> {
    const startedAt = performance.now();
    const algorithms = this.#library.selectAlgorithms(names);
    const [ssh, server] = await this.#connect({ algorithms }, { algorithms });
    const { code, stdout } = await runCommand(ssh, "shout", "hi");
    expect(JSON.stringify(names), [code, stdout], [3, "HI"]);
    // Large packets may go another way than small ones.
    await transfer(ssh, "cat", VISIT_BYTES);
    const { kex, hostKey, clientToServer: { cipher, mac, compression } } = ssh.info.algorithms;
    const chosen = [kex, { name: hostKey }, cipher, mac, compression].map((one) => one?.name);
    for (const [name] of Object.values(names)) {
      if (!chosen.includes(name)) throw new Error(`${name} was not agreed on, but ${chosen}`);
    }
    await ssh.close();
    await server.closed;
    return Math.round(performance.now() - startedAt);
  }

  async #connect(
    client: Partial<ConnectOptions> = {},
    server: Partial<ServeOptions> = {},
  ): Promise<[SshClient, ServerConnection]> {
    const { authenticateUsers, connect, flowPair, serve } = this.#library;
    const [near, far] = flowPair();
    const serving = serve(far, {
      hostKeys: [this.#hostKey],
      authenticate: authenticateUsers({
        [USER]: { password: PASSWORD, keys: [this.#userKey.publicKey] },
      }),
      authFailureDelayMs: 1,
      session: runSession,
      ...server,
    });
    // What ends it early is told to the client.
    serving.closed.catch(() => {});
    const ssh = await connect(near, {
      ...this.#trust(),
      user: USER,
      auth: { privateKey: this.#userKey },
      ...client,
    } as ConnectOptions);
    return [ssh, serving];
  }

  #trust(): { authenticator: string } {
    return { authenticator: this.#library.fingerprint(this.#hostKey.publicKey) };
  }
}

async function canSign(key: PrivateKey, name: string): Promise<boolean> {
  try {
    await key.sign(name, new Uint8Array(1));
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

async function expectRejection(
  what: string,
  promise: Promise<unknown>,
  errorClass: new (...args: never[]) => Error,
): Promise<void> {
  const error = await promise.then(() => null, (error) => error);
  if (error instanceof errorClass) return;
  throw new Error(`With ${what}: no ${errorClass.name}`, { cause: error });
}
