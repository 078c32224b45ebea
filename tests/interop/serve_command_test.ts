import { toText } from "@std/streams/to-text";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Connection } from "../../connection/mod.ts";
import { type FlowLike, fromWebSocket } from "../../flow/mod.ts";
import { fingerprint, formatPublicKeyLine, parsePrivateKey } from "../../keys/mod.ts";
import {
  type ClientAuthMethod,
  keyboardInteractive,
  none,
  password,
  publicKey,
  supportedAlgorithms,
} from "../../protocol/mod.ts";
import { encodeText } from "../../wire/channel_requests.ts";
import { DisconnectError } from "../../wire/errors.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { fileOf, type PeerFiles, peerFiles } from "../helpers/peer_files.ts";
import { itWithPeer } from "../helpers/peers.ts";
import { runServe, startServe } from "../helpers/serve_process.ts";

const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43} \(ED25519\)$/;

describe("the serve command", () => {
  let files: PeerFiles;
  beforeAll(async () => {
    files = await peerFiles();
  });
  afterAll(async () => await files[Symbol.asyncDispose]());

  async function connect(flow: FlowLike, user: string, method: ClientAuthMethod) {
    const keys: string[] = [];
    const connection = new Connection(flow, {
      role: "client",
      algorithms: supportedAlgorithms,
      verifyHostKey: (key) => {
        keys.push(fingerprint(key));
        return Promise.resolve();
      },
      auth: { user, methods: [method] },
    });
    await connection.authenticated;
    return { connection, key: keys[0] };
  }

  async function connectTo(port: number, user: string, method: ClientAuthMethod) {
    return await connect(await Deno.connect({ hostname: "127.0.0.1", port }), user, method);
  }

  async function outputOf(connection: Connection, command: string): Promise<string> {
    const channel = await connection.openChannel("session");
    await channel.request("exec", encodeText(command));
    return await toText(channel.readable);
  }

  it("says where it listens, and by which key it is known", async () => {
    await using server = await startServe(["--user", "ada", "--password", "sesame"], 2);
    const [shown = ""] = server.lines;
    assert.match(shown, FINGERPRINT);
    const byPassword = await connectTo(server.port, "ada", password("sesame"));
    assert.equal(`${byPassword.key} (ED25519)`, shown);
    assert.equal(await outputOf(byPassword.connection, "whoami"), "ada\n");
    const answering = keyboardInteractive(() => ["sesame"]);
    const byAnswer = await connectTo(server.port, "ada", answering);
    assert.equal(await outputOf(byAnswer.connection, "echo hi"), "hi\n");
    await assert.rejects(connectTo(server.port, "eve", password("sesame")));
    await assert.rejects(connectTo(server.port, "ada", none()));
    await byPassword.connection.close();
    await byAnswer.connection.close();
  });

  it("ends in good order on Ctrl-C, and closes its connections", async () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await using server = await startServe(["--no-auth"], 2);
      const { connection } = await connectTo(server.port, "anybody", none());
      const cutOff = assert.rejects(outputOf(connection, "sleep 1000"), DisconnectError);
      const ended = await server.end(signal);
      assert.deepEqual(ended, { code: 0, stdout: "", stderr: "" });
      await cutOff;
      await connection.closed;
    }
  });

  it("makes its host key, keeps it to itself, and comes back with it", async () => {
    const path = `${files.directory}/made_key`;
    const seen: (readonly string[])[] = [];
    for (let i = 0; i < 2; i++) {
      await using server = await startServe(["--no-auth", "--host-key", path], 2);
      seen.push(server.lines);
    }
    const key = await parsePrivateKey(await Deno.readTextFile(path));
    assert.deepEqual(seen, Array(2).fill([`${fingerprint(key.publicKey)} (ED25519)`]));
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  });

  it("takes several host keys, and lists of users' keys", async () => {
    const user = fileOf(files.userKeys, "ecdsa-sha2-nistp256").key;
    const [ed25519, rsa] = [
      fileOf(files.hostKeys, "ssh-ed25519"),
      fileOf(files.hostKeys, "rsa"),
    ];
    const list = `${files.directory}/list`;
    const lines = ["# who may come in", "", formatPublicKeyLine(user.publicKey)];
    await Deno.writeTextFile(list, `${lines.join("\n")}\n`);
    const args = ["--authorized-keys", list, "--host-key", ed25519.path, "--host-key", rsa.path];
    await using server = await startServe(args, 3);
    assert.deepEqual(server.lines, [
      `${fingerprint(ed25519.key.publicKey)} (ED25519)`,
      `${fingerprint(rsa.key.publicKey)} (RSA)`,
    ]);
    const { connection } = await connectTo(server.port, "demo", publicKey(user));
    assert.equal(await outputOf(connection, "whoami"), "demo\n");
    await connection.close();
    await assert.rejects(connectTo(server.port, "demo", publicKey(ed25519.key)));
  });

  it("takes SSH over WebSockets too", async () => {
    await using server = await startServe(["--no-auth", "--websocket", "0"], 3);
    const [line = "", key = ""] = server.lines;
    assert.match(line, /^listening on ws:\/\/127\.0\.0\.1:\d+$/);
    assert.match(key, FINGERPRINT);
    const url = line.replace("listening on ", "");
    for (const protocols of [[], ["binary"]]) {
      const socket = new WebSocket(url, protocols);
      const { connection } = await connect(fromWebSocket(socket), "anybody", none());
      assert.equal(await outputOf(connection, "echo over a WebSocket"), "over a WebSocket\n");
      assert.equal(socket.protocol, protocols[0] ?? "");
      await connection.close();
    }
    const answer = await fetch(url.replace("ws:", "http:"));
    assert.equal(answer.status, 426);
    await answer.body?.cancel();

    const socket = new WebSocket(url);
    const { connection } = await connect(fromWebSocket(socket), "anybody", none());
    assert.equal((await server.end("SIGINT")).code, 0);
    await connection.closed;
  });

  itWithPeer(["ssh", "sshpass"], "serves OpenSSH's client", async (ssh, sshpass) => {
    await using server = await startServe(["--password", "sesame", "--user", "demo"], 2);
    const client = new OpenSshClient({ ssh, sshpass }, files.directory);
    const { connection } = await connectTo(server.port, "demo", password("sesame"));
    const hostKey = connection.info?.hostKey;
    assert.ok(hostKey !== undefined);
    await connection.close();
    const result = await client.run({
      port: server.port,
      hostKeys: [formatPublicKeyLine(hostKey)],
      user: "demo",
      method: "keyboard-interactive",
      password: "sesame",
      keyFile: "/dev/null",
      command: "echo hi",
    });
    assert.deepEqual([result.status, result.stdout], [0, "hi\n"]);
  });

  it("says in one line what is wrong with its arguments", async () => {
    const missing = `${files.directory}/missing`;
    const text = `${files.directory}/text`;
    await Deno.writeTextFile(text, "no key\n");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const takenPort = `${taken.addr.port}`;
    const cases: [string[], RegExp][] = [
      [["--nonsense"], /nonsense.*supported options: --port, .*--websocket/],
      [["word"], /Unexpected argument 'word'; supported options: --port/],
      [["--port"], /--port.*supported options: /],
      [["--no-auth", "--port", "http"], /Cannot use --port http: .*0 to 65535/],
      [["--no-auth", "--port", "65536"], /Cannot use --port 65536/],
      [["--no-auth", "--websocket", "x"], /Cannot use --websocket x/],
      [[], /nobody could log in; give --password, --authorized-keys or --no-auth/],
      [["--password", ""], /Cannot use --password: it is empty/],
      [["--no-auth", "--password", "x"], /Cannot use --no-auth with --password/],
      [["--authorized-keys", missing], /Cannot read .*missing: No such file/],
      [["--authorized-keys", text], /Cannot use .*text, line 1: /],
      [["--no-auth", "--host-key", text], /Cannot use .*text: /],
      [["--no-auth", "--host-key", `${missing}/key`], /Cannot make .*missing\/key: No such file/],
      [["--no-auth", "--port", takenPort], /Cannot listen on 127\.0\.0\.1:\d+: .*in use/],
      [["--no-auth", "--port", "0", "--websocket", takenPort], /Cannot listen on .*in use/],
    ];
    for (const [args, expected] of cases) {
      const { code, stderr } = await runServe(args);
      assert.equal(code, 1, args.join(" "));
      assert.match(stderr, expected);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }
  });

  it("helps", async () => {
    const { code, stdout } = await runServe(["--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /Usage: deno task serve/);
  });
});
