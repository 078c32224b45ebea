/**
 * What every other implementation's client has to be able to do with our server.
 *
 * @module
 */

import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  type AlgorithmNames,
  selectAlgorithms,
  serverAlgorithms,
  supportedAlgorithms,
} from "../../protocol/mod.ts";
import { type DemoServer, demoServer, type DemoServerOptions } from "./demo_server.ts";
import { countingExchanges, type Negotiated, negotiated } from "./negotiated.ts";
import { fileOf, type KeyName, type PeerFiles, peerFiles } from "./peer_files.ts";
import {
  type Method,
  PASSWORD,
  type PeerClient,
  REKEY_BYTES,
  type RunRequest,
  type RunResult,
  USER,
} from "./peer_roles.ts";

/** A client, and what is known of it. */
export interface PeerClientTraits {
  /** Starts it. */
  readonly start: (files: PeerFiles) => PeerClient | Promise<PeerClient>;
  /** What it says of itself. */
  readonly version: RegExp;
  /** What it prefers of all that is supported. */
  readonly prefers: Negotiated;
  /** What it agrees on with a server that is as it comes. */
  readonly agrees: Negotiated;
  /** The ways to log in that it has. */
  readonly methods: readonly Method[];
  /** The signature algorithms of the keys that it can log in with, and the keys. */
  readonly signatures: Readonly<Record<string, KeyName>>;
  /** What it can do, each of which is tried alone. */
  readonly algorithms: Required<AlgorithmNames>;
  /** Whether it tells which signal ended a command. */
  readonly tellsSignals: boolean;
  /** After how many bytes it is made to exchange keys anew; null if it cannot be. */
  readonly rekeyBytes: number | null;
}

/** Tests a client with our server. */
export function describePeerClient(title: string, traits: PeerClientTraits): void {
  describe(title, () => {
    const used = new AsyncDisposableStack();
    let files: PeerFiles;
    let client: PeerClient;
    beforeAll(async () => {
      files = used.use(await peerFiles());
      client = used.use(await traits.start(files));
    });
    afterAll(() => used.disposeAsync());

    function start(options: Partial<DemoServerOptions> = {}): DemoServer {
      return demoServer({
        hostKeys: [...files.hostKeys.values()].map(({ key }) => key),
        userKeys: [...files.userKeys.values()].map(({ key }) => key.publicKey),
        // So that it is the client whose preference counts.
        algorithms: supportedAlgorithms,
        authMethods: ["password"],
        ...options,
      });
    }

    async function run(server: DemoServer, request: Partial<RunRequest>): Promise<RunResult> {
      const result = await client.run({
        port: server.port,
        hostKeys: server.hostKeys,
        user: USER,
        method: "password",
        password: PASSWORD,
        keyFile: fileOf(files.userKeys, "ssh-ed25519").path,
        command: "cat",
        ...request,
      });
      assert.deepEqual(server.errors, []);
      return result;
    }

    it("agrees with us on what it prefers", async () => {
      await using server = start();
      await run(server, { command: "echo hi" });
      assert.deepEqual(negotiated(server.last.info), traits.prefers);
      assert.match(server.last.info?.clientVersion ?? "", traits.version);
    });

    it("agrees with a server as it comes", async () => {
      await using server = start({ algorithms: serverAlgorithms });
      await run(server, { command: "echo hi" });
      assert.deepEqual(negotiated(server.last.info), traits.agrees);
    });

    for (const method of traits.methods) {
      it(`logs in by ${method}`, async () => {
        await using server = start({ authMethods: [method] });
        const { stdout } = await run(server, { method, command: "echo hi" });
        assert.equal(stdout, "hi\n");
        assert.equal(server.last.user?.method, method);
      });
    }

    for (const [algorithm, name] of Object.entries(traits.signatures)) {
      it(`logs in with a key by ${algorithm}`, async () => {
        await using server = start({
          authMethods: ["publickey"],
          signatureAlgorithms: [algorithm],
        });
        const keyFile = fileOf(files.userKeys, name).path;
        const { stdout } = await run(server, { method: "publickey", keyFile, command: "echo hi" });
        assert.equal(stdout, "hi\n");
        assert.equal(server.last.user?.key?.algorithms.includes(algorithm), true);
      });
    }

    it("is not let in with another password", async () => {
      await using server = start();
      await assert.rejects(run(server, { password: "wrong", command: "echo hi" }));
      await assert.rejects(server.last.authenticated);
    });

    it("gets what a command says, on both outputs, and its exit status", async () => {
      await using server = start();
      const said = await run(server, { command: "echo hi" });
      assert.deepEqual([said.status, said.stdout, said.stderr], [0, "hi\n", ""]);
      const complained = await run(server, { command: "stderr oops" });
      assert.deepEqual([complained.status, complained.stdout, complained.stderr], [
        0,
        "",
        "oops\n",
      ]);
      assert.equal((await run(server, { command: "exit 7" })).status, 7);
    });

    if (traits.tellsSignals) {
      it("gets the signal that ended a command", async () => {
        await using server = start();
        assert.equal((await run(server, { command: "kill TERM" })).signal, "TERM");
      });
    }

    it("sends ten million bytes, and gets them back", async () => {
      await using server = start();
      const { status, stdoutSha256 } = await run(server, { inputFile: files.big.path });
      assert.deepEqual([status, stdoutSha256], [0, files.big.sha256]);
    });

    const { rekeyBytes } = traits;
    if (rekeyBytes !== null) {
      it("exchanges keys anew, while data flows both ways", async () => {
        const { algorithms, exchanges } = countingExchanges(supportedAlgorithms);
        await using server = start({ algorithms });
        const { stdoutSha256 } = await run(server, { inputFile: files.big.path, rekeyBytes });
        assert.equal(stdoutSha256, files.big.sha256);
        assert.ok(exchanges() > 1, `${exchanges()} exchanges`);
      });
    }

    it("follows when we exchange keys anew, while data flows both ways", async () => {
      const { algorithms, exchanges } = countingExchanges(supportedAlgorithms);
      await using server = start({ algorithms, rekey: { bytes: REKEY_BYTES } });
      assert.equal(
        (await run(server, { inputFile: files.big.path })).stdoutSha256,
        files.big.sha256,
      );
      assert.ok(exchanges() > 1, `${exchanges()} exchanges`);
    });

    async function exchangesData(names: AlgorithmNames): Promise<Negotiated> {
      await using server = start({ algorithms: selectAlgorithms(names) });
      const { stdoutSha256 } = await run(server, { inputFile: files.small.path });
      assert.equal(stdoutSha256, files.small.sha256);
      return negotiated(server.last.info);
    }

    for (const name of traits.algorithms.kex) {
      it(`exchanges keys by ${name}`, async () => {
        assert.equal((await exchangesData({ kex: [name] })).kex, name);
      });
    }

    for (const name of traits.algorithms.hostKeys) {
      it(`knows us by ${name}`, async () => {
        assert.equal((await exchangesData({ hostKeys: [name] })).hostKey, name);
      });
    }

    for (const name of traits.algorithms.ciphers) {
      it(`exchanges data under ${name}`, async () => {
        assert.equal((await exchangesData({ ciphers: [name] })).cipher, name);
      });
    }

    for (const name of traits.algorithms.macs) {
      it(`exchanges data under ${name}`, async () => {
        const { mac } = await exchangesData({ ciphers: ["aes128-ctr"], macs: [name] });
        assert.equal(mac, name);
      });
    }

    for (const name of traits.algorithms.compression) {
      it(`exchanges data with the compression ${name}`, async () => {
        assert.equal((await exchangesData({ compression: [name] })).compression, name);
      });
    }
  });
}
