/**
 * What our client has to be able to do with every other implementation's server.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  AuthenticationError,
  type ClientAuthMethod,
  type CommandOutput,
  connect,
  type ConnectSettings,
  keyboardInteractive,
  password,
  publicKey,
  type SshClient,
} from "../../client/mod.ts";
import { samePublicKey } from "../../keys/public_key.ts";
import { type AlgorithmNames, supportedAlgorithms } from "../../protocol/mod.ts";
import { utf8 } from "./bytes.ts";
import { toHex } from "./hex.ts";
import { countingExchanges, type Negotiated, negotiated } from "./negotiated.ts";
import { fileOf, type KeyName, type PeerFiles, peerFiles } from "./peer_files.ts";
import {
  type ListenRequest,
  type Method,
  PASSWORD,
  type PeerServer,
  REKEY_BYTES,
  USER,
} from "./peer_roles.ts";

/** A server, and what is known of it. */
export interface PeerServerTraits {
  /** Starts it. */
  readonly start: (files: PeerFiles) => PeerServer | Promise<PeerServer>;
  /** What it says of itself. */
  readonly version: RegExp;
  /** What we agree on if neither end is told what to offer. */
  readonly agrees: Negotiated;
  /** The ways to log in that it has. To keyboard-interactive it asks for the password twice. */
  readonly methods: readonly Method[];
  /** The types of the host keys that it is given. */
  readonly hostKeys: readonly KeyName[];
  /** The types of the keys that users can log in with. */
  readonly userKeys: readonly KeyName[];
  /** What it can do, each of which is tried alone. */
  readonly algorithms: Required<AlgorithmNames>;
  /** Whether it tells which signal ended a command. */
  readonly tellsSignals: boolean;
  /** After how many bytes it is made to exchange keys anew; null if it cannot be. */
  readonly rekeyBytes: number | null;
}

/** Tests our client with a server. */
export function describePeerServer(title: string, traits: PeerServerTraits): void {
  describe(title, () => {
    const used = new AsyncDisposableStack();
    let files: PeerFiles;
    let server: PeerServer;
    let port: number;
    let listening: ListenRequest;
    beforeAll(async () => {
      files = used.use(await peerFiles());
      server = used.use(await traits.start(files));
      listening = {
        hostKeyFiles: traits.hostKeys.map((name) => fileOf(files.hostKeys, name).path),
        user: USER,
        password: PASSWORD,
        authorizedKeysFile: files.authorizedKeysFile,
      };
      port = await server.listen(listening);
    });
    afterAll(() => used.disposeAsync());

    /** Logs in. */
    async function logIn(
      options: Partial<ConnectSettings> & { port?: number } = {},
    ): Promise<SshClient> {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: options.port ?? port });
      const hostKeys = [...files.hostKeys.values()].map(({ key }) => key.publicKey);
      return await connect(conn, {
        user: USER,
        auth: [password(PASSWORD)],
        verifyHostKey: (key) => hostKeys.some((known) => samePublicKey(known, key)),
        ...options,
      });
    }

    /** Runs a command of the shell, without input. */
    function run(client: SshClient, command: string): Promise<CommandOutput> {
      return client.command(command).output();
    }

    function userKey(name: KeyName): ClientAuthMethod {
      return publicKey(fileOf(files.userKeys, name).key);
    }

    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

    const auth: Record<Method, () => ClientAuthMethod> = {
      "password": () => password(PASSWORD),
      "publickey": () => userKey("ssh-ed25519"),
      "keyboard-interactive": () =>
        keyboardInteractive(({ prompts }) => {
          assert.deepEqual(prompts, [
            { prompt: "Password: ", echo: false },
            { prompt: "Again: ", echo: true },
          ]);
          return [PASSWORD, PASSWORD];
        }),
    };

    it("agrees with us, neither told what to offer", async () => {
      await using client = await logIn();
      assert.deepEqual(negotiated(client.info), traits.agrees);
      assert.match(client.info.serverVersion, traits.version);
    });

    for (const method of traits.methods) {
      it(`lets us in by ${method}`, async () => {
        await using client = await logIn({ auth: [auth[method]()] });
        assert.equal(text((await run(client, "echo hi")).stdout), "hi\n");
      });
    }

    for (const name of traits.userKeys) {
      it(`lets us in with a key of type ${name}`, async () => {
        await using client = await logIn({ auth: [userKey(name)] });
        assert.equal(text((await run(client, "echo hi")).stdout), "hi\n");
      });
    }

    it("does not let us in with another password, and says what it would take", async () => {
      await assert.rejects(logIn({ auth: [password("wrong")] }), (error) => {
        assert.ok(error instanceof AuthenticationError);
        assert.ok(error.remaining.includes("publickey"), error.message);
        return true;
      });
    });

    it("tells what a command says, on both outputs, and its exit status", async () => {
      await using client = await logIn();
      const { code, stdout, stderr } = await run(client, "echo hi; echo oops >&2; exit 7");
      assert.deepEqual([code, text(stdout), text(stderr)], [7, "hi\n", "oops\n"]);
      assert.equal((await run(client, "true")).code, 0);
    });

    if (traits.tellsSignals) {
      it("tells the signal that ended a command", async () => {
        await using client = await logIn();
        assert.equal((await run(client, "kill -TERM $$")).signal, "SIGTERM");
      });
    }

    it("runs several commands at once", async () => {
      await using client = await logIn();
      const words = ["one", "two", "three"];
      const processes = words.map(() => client.command("cat").spawn());
      // None ends before the last has begun: Dropbear 2022.83 may close a session then in which
      // nothing runs yet.
      await Promise.all(processes.map(({ started }) => started));
      const outputs = await Promise.all(processes.map(async (process, index) => {
        const stdin = process.stdin.getWriter();
        await stdin.write(utf8(words[index] ?? ""));
        await stdin.close();
        return await process.output();
      }));
      assert.deepEqual(outputs.map(({ stdout }) => text(stdout)), words);
    });

    async function sendsBack(client: SshClient, { bytes, sha256: expected } = files.big) {
      const process = client.command("cat").spawn();
      const stdin = process.stdin.getWriter();
      const [output] = await Promise.all([
        process.output(),
        // What is sent is given away.
        stdin.write(bytes.slice()).then(() => stdin.close()),
      ]);
      assert.deepEqual([output.code, toHex(sha256(output.stdout))], [0, expected]);
    }

    it("gets ten million bytes, and sends them back", async () => {
      await using client = await logIn();
      await sendsBack(client);
    });

    it("waits with what a command says until we take it", async () => {
      await using client = await logIn();
      const process = client.command("head -c 10000000 /dev/zero").spawn();
      await process.started;
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal((await process.output()).stdout.length, 10_000_000);
    });

    const { rekeyBytes } = traits;
    if (rekeyBytes !== null) {
      it("exchanges keys anew, while data flows both ways", async () => {
        const { algorithms, exchanges } = countingExchanges(supportedAlgorithms);
        const port = await server.listen({ ...listening, rekeyBytes });
        await using client = await logIn({ port, algorithms });
        await sendsBack(client);
        assert.ok(exchanges() > 1, `${exchanges()} exchanges`);
      });
    }

    it("follows when we exchange keys anew, while data flows both ways", async () => {
      const { algorithms, exchanges } = countingExchanges(supportedAlgorithms);
      await using client = await logIn({ algorithms, rekey: { bytes: REKEY_BYTES } });
      await sendsBack(client);
      assert.ok(exchanges() > 1, `${exchanges()} exchanges`);
    });

    it("follows when we exchange keys anew, between commands", async () => {
      const { algorithms, exchanges } = countingExchanges(supportedAlgorithms);
      await using client = await logIn({ algorithms });
      for (const round of [1, 2, 3]) {
        assert.equal(text((await run(client, "echo hi")).stdout), "hi\n");
        assert.equal(exchanges(), round);
        client.rekey();
      }
      await sendsBack(client, files.small);
    });

    async function agreedOn(algorithms: AlgorithmNames): Promise<Negotiated> {
      await using client = await logIn({ algorithms });
      await sendsBack(client, files.small);
      return negotiated(client.info);
    }

    for (const name of traits.algorithms.kex) {
      it(`exchanges keys by ${name}`, async () => {
        assert.equal((await agreedOn({ kex: [name] })).kex, name);
      });
    }

    for (const name of traits.algorithms.hostKeys) {
      it(`proves its key by ${name}`, async () => {
        assert.equal((await agreedOn({ hostKeys: [name] })).hostKey, name);
      });
    }

    for (const name of traits.algorithms.ciphers) {
      it(`exchanges data under ${name}`, async () => {
        assert.equal((await agreedOn({ ciphers: [name] })).cipher, name);
      });
    }

    for (const name of traits.algorithms.macs) {
      it(`exchanges data under ${name}`, async () => {
        assert.equal((await agreedOn({ ciphers: ["aes128-ctr"], macs: [name] })).mac, name);
      });
    }

    for (const name of traits.algorithms.compression) {
      it(`exchanges data with the compression ${name}`, async () => {
        assert.equal((await agreedOn({ compression: [name] })).compression, name);
      });
    }
  });
}
