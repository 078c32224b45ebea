import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { clientOfFlow, connect, type ConnectOptions, type SshClient } from "../../client/mod.ts";
import { Eof } from "../../flow/mod.ts";
import { ChannelOpenError, DisconnectError, RequestError } from "../../wire/errors.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { describePeer } from "../helpers/peers.ts";
import {
  addAccount,
  isRoot,
  keyOf,
  type Sshd,
  type SshdOptions,
  startSshd,
} from "../helpers/sshd.ts";

const MiB = 1 << 20;
/** How long the server may take to say something. */
const TIMEOUT_MS = 20_000;

/** Who runs the tests: with a key they can log in to their own machine, whoever they are. */
const self = Deno.env.get("USER") || "root";

/** A server, and a client that is logged in to it as whoever runs the tests. */
async function loggedIn(
  options: SshdOptions = {},
  client: Partial<ConnectOptions> = {},
): Promise<AsyncDisposable & { ssh: SshClient; sshd: Sshd }> {
  const key = await keyOf("ed25519");
  const sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key], ...options });
  try {
    const ssh = await connect(await sshd.connect(), {
      user: self,
      auth: { privateKey: key },
      authenticator: (await keyOf("ed25519")).publicKey,
      ...client,
    } as ConnectOptions);
    return {
      ssh,
      sshd,
      async [Symbol.asyncDispose]() {
        await ssh.close();
        await sshd[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await sshd[Symbol.asyncDispose]();
    throw error;
  }
}

/** A number of bytes that do not repeat themselves soon, in chunks, and their digest. */
function numbered(length: number): { stream: ReadableStream<Uint8Array>; digest: () => string } {
  const hash = createHash("sha256");
  let position = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (position === length) return controller.close();
      const words = new Uint32Array(Math.min(65536, length - position) / 4);
      for (let i = 0; i < words.length; i++) words[i] = position + i * 2654435761;
      const chunk = new Uint8Array(words.buffer);
      position += chunk.length;
      hash.update(chunk);
      controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
  return { stream, digest: () => hash.digest("hex") };
}

/** The digest of all that a stream gives. */
async function digestOf(
  stream: ReadableStream<Uint8Array>,
  onProgress: (bytes: number) => void = () => {},
): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    onProgress(bytes += chunk.length);
  }
  return hash.digest("hex");
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Reads text from a stream until it has a match, and gives all of it; fails after a while. */
async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  pattern: RegExp,
): Promise<string> {
  let seen = "";
  const timer = setTimeout(() => reader.cancel(), TIMEOUT_MS);
  while (!pattern.test(seen)) {
    const { done, value } = await reader.read();
    if (done) assert.fail(`${pattern} is not in ${JSON.stringify(seen)}`);
    seen += text(value);
  }
  clearTimeout(timer);
  return seen;
}

describePeer("sshd", "client and sshd: commands", () => {
  it("gives output, standard error and status, each apart", async () => {
    await using pair = await loggedIn();
    for (const status of [0, 7, 127]) {
      const command = `echo out; echo err >&2; exit ${status}`;
      const { success, code, signal, stdout, stderr } = await pair.ssh.command(command).output();
      assert.deepEqual(
        { success, code, signal, stdout: text(stdout), stderr: text(stderr) },
        { success: status === 0, code: status, signal: null, stdout: "out\n", stderr: "err\n" },
      );
    }
    const { code, stderr } = await pair.ssh.command("there-is-no-such-command").output();
    assert.equal(code, 127);
    assert.match(text(stderr), /not found/);
  });

  it("tells the signal that ended it", async () => {
    await using pair = await loggedIn();
    const { success, code, signal, exitSignal } = await pair.ssh.command("kill -TERM $$").output();
    assert.deepEqual([success, code, signal], [false, null, "SIGTERM"]);
    assert.equal(exitSignal?.coreDumped, false);
  });

  it("carries 10 MB through cat, both ways at once", async () => {
    await using pair = await loggedIn();
    await using child = pair.ssh.command("cat").spawn();
    const { stream, digest } = numbered(10 * MiB);
    const [, got] = await Promise.all([stream.pipeTo(child.stdin), digestOf(child.stdout)]);
    assert.equal(got, digest());
    assert.equal((await child.status).code, 0);
  });

  it("runs ten sessions at once on one connection", async () => {
    await using pair = await loggedIn();
    const outputs = await Promise.all(
      Array.from({ length: 10 }, (_, i) => pair.ssh.command(`sleep 0.1; echo ${i}`).output()),
    );
    assert.deepEqual(
      outputs.map(({ stdout }) => text(stdout)),
      [..."0123456789"].map((i) => `${i}\n`),
    );
  });

  it("says why a session was refused, and lives on", async () => {
    await using pair = await loggedIn({ config: ["MaxSessions 1"] });
    await using first = pair.ssh.command("cat").spawn();
    await first.started;
    await assert.rejects(pair.ssh.command("true").output(), ChannelOpenError);
    await first.stdin.close();
    assert.equal((await first.status).code, 0);
    // It counts a session until it has cleaned up behind it.
    await pair.ssh.ping();
    assert.equal((await pair.ssh.command("true").output()).code, 0);
  });

  it("keeps one direction open when the other has ended", async () => {
    await using pair = await loggedIn();
    {
      await using child = pair.ssh.command("sort").spawn();
      await ReadableStream.from([utf8("b\na\n")]).pipeTo(child.stdin);
      assert.equal(text((await child.output()).stdout), "a\nb\n");
    }
    await using child = pair.ssh.command("exec >&- 2>&-; exit $(wc -c)").spawn();
    // The shell needs a standard output for the substitution only: ours has ended long before.
    for await (const _ of child.stdout) assert.fail("there is no output");
    const writer = child.stdin.getWriter();
    await writer.write(new Uint8Array(42));
    await writer.close();
    assert.equal((await child.status).code, 42);
  });

  it("stops the one channel that is not read, and no other", async () => {
    await using pair = await loggedIn();
    await using flood = pair.ssh.command("head -c 20000000 /dev/zero").spawn();
    await flood.started;
    assert.equal(text((await pair.ssh.command("echo alive").output()).stdout), "alive\n");
    assert.equal((await flood.output()).stdout.length, 20_000_000);
  });

  it("sets the variables that the server takes, and says which it does not", async () => {
    await using pair = await loggedIn({ config: ["AcceptEnv GREETING*"] });
    const env = { GREETING: "grüß dich", GREETING_2: "" };
    const { stdout } = await pair.ssh.command('echo "$GREETING/$GREETING_2"', { env }).output();
    assert.equal(text(stdout), "grüß dich/\n");
    await assert.rejects(
      pair.ssh.command("true", { env: { OTHER: "1" } }).output(),
      /^RequestError: Cannot set the environment variable OTHER/,
    );
  });

  it("answers the server's keepalives", async () => {
    const config = ["ClientAliveInterval 1", "ClientAliveCountMax 1"];
    await using pair = await loggedIn({ config });
    assert.equal((await pair.ssh.command("sleep 3.2; exit 5").output()).code, 5);
    assert.ok(await pair.ssh.ping() >= 0);
  });

  it("leaves nothing running when it is disposed of", async () => {
    await using pair = await loggedIn();
    let pid: string;
    {
      await using child = pair.ssh.command("echo $$; exec cat").spawn();
      pid = (await readUntil(child.stdout.getReader(), /\n/)).trim();
    }
    const gone = `for i in $(seq 100); do kill -0 ${pid} 2>/dev/null || exit 9; sleep 0.05; done`;
    assert.equal((await pair.ssh.command(gone).output()).code, 9);
  });

  it("is disposed of in time, though the server waits for what runs", async () => {
    await using pair = await loggedIn();
    const start = performance.now();
    {
      // Whoever is root cannot be sent a signal.
      await using child = pair.ssh.command("trap '' TERM; sleep 5").spawn();
      await child.started;
    }
    assert.ok(performance.now() - start < 4000);
  });

  it("speaks to a subsystem", async () => {
    await using pair = await loggedIn();
    await using sftp = pair.ssh.subsystem("sftp");
    const writer = sftp.stdin.getWriter();
    await writer.write(Uint8Array.of(0, 0, 0, 5, 1, 0, 0, 0, 3));
    const chunks: Uint8Array[] = [];
    for await (const chunk of sftp.stdout) {
      chunks.push(chunk);
      if (concat(chunks).length >= 9) break;
    }
    const version = concat(chunks);
    assert.deepEqual([...version.subarray(4, 9)], [2, 0, 0, 0, 3]);
    await assert.rejects(pair.ssh.subsystem("no-such").started, RequestError);
  });

  it("reaches one server through another", async () => {
    await using pair = await loggedIn();
    const { port } = pair.sshd;
    const relay = pair.ssh.command(
      `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3 & cat >&3; kill %1; wait'`,
    ).spawn();
    await using inner = await connect(relay, {
      user: self,
      auth: { privateKey: await keyOf("ed25519") },
      authenticator: (await keyOf("ed25519")).publicKey,
    });
    assert.equal(text((await inner.command("echo inner").output()).stdout), "inner\n");
  });

  it("turns a flow into a flow", async () => {
    const key = await keyOf("ed25519");
    await using sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key] });
    const flow = await clientOfFlow(await sshd.connect(), {
      user: self,
      auth: { privateKey: key },
      authenticator: key.publicKey,
      request: { type: "exec", command: "cat; echo done >&2; exit 3" },
    });
    await flow.write(utf8("hello"));
    assert.deepEqual(await flow.read(), utf8("hello"));
    await flow.closeWrite();
    assert.equal(await flow.read(), Eof);
    assert.equal(await new Response(flow.stderr).text(), "done\n");
    assert.equal((await flow.exitStatus).code, 3);
    await flow.close();
    await sshd.logged(/Disconnected from user|Received disconnect/);
  });
});

describePeer("sshd", "client and sshd: terminals", () => {
  it("gives a command its terminal, and tells it new sizes", async () => {
    await using pair = await loggedIn();
    await using child = pair.ssh.command(
      "stty size; echo $TERM; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.02; done",
      { pty: { term: "xterm-256color", columns: 101, rows: 37 } },
    ).spawn();
    const reader = child.stdout.getReader();
    assert.match(await readUntil(reader, /ready/), /37 101\r\nxterm-256color\r\nready/);
    child.resize(99, 44);
    await readUntil(reader, /44 99\r\n/);
    reader.releaseLock();
    child.stdout.cancel();
    assert.equal((await child.status).code, 4);
  });

  it("sets its modes", async () => {
    await using pair = await loggedIn();
    for (const [ECHO, expected] of [[0, /-echo /], [1, /[^-]echo /]] as const) {
      const pty = { modes: { ECHO, VINTR: 5 } };
      const { stdout } = await pair.ssh.command("stty -a", { pty }).output();
      assert.match(text(stdout), expected);
      assert.match(text(stdout), /intr = \^E/);
    }
  });

  it("runs a shell, and passes its keys", async () => {
    await using pair = await loggedIn();
    await using shell = pair.ssh.shell({ pty: true });
    const writer = shell.stdin.getWriter();
    // What the terminal echoes is not what the shell says: the quotes tell them apart.
    await writer.write(utf8("PS1='go''> '; echo o''k\r"));
    const reader = shell.stdout.getReader();
    await readUntil(reader, /ok\r\n.*go> /s);
    const waiting =
      "sh -c 'trap \"echo caught; exit\" INT; echo ready; while :; do sleep 0.02; done'";
    await writer.write(utf8(`${waiting}\r`));
    await readUntil(reader, /ready\r\n/);
    await writer.write(utf8("\x03"));
    await readUntil(reader, /caught\r\n.*go> /s);
    await writer.write(utf8("echo still''here; exit 6\r"));
    await readUntil(reader, /stillhere/);
    reader.releaseLock();
    shell.stdout.cancel();
    assert.equal((await shell.status).code, 6);
  });

  it("is refused where the server allows none", async () => {
    await using pair = await loggedIn({ config: ["PermitTTY no"] });
    await assert.rejects(pair.ssh.command("true", { pty: true }).output(), RequestError);
    assert.equal((await pair.ssh.command("true").output()).code, 0);
  });

  it("breaks the line, where there is one", async () => {
    await using pair = await loggedIn();
    await using child = pair.ssh.command("cat", { pty: true }).spawn();
    await child.sendBreak(100);
    await using plain = pair.ssh.command("cat").spawn();
    await assert.rejects(plain.sendBreak(), RequestError);
  });

  it("sends signals", async () => {
    // For root, whose privileges it does not separate, sshd sends none.
    await using account = isRoot ? await addAccount() : null;
    await using pair = await loggedIn({}, { user: account?.user ?? self });
    for (const signal of ["TERM", "SIGINT", "HUP", "USR1"]) {
      const name = signal.replace("SIG", "");
      await using child = pair.ssh.command(
        `trap 'echo got ${name}; exit 3' ${name}; echo ready; while :; do sleep 0.02; done`,
      ).spawn();
      const reader = child.stdout.getReader();
      await readUntil(reader, /ready/);
      child.kill(signal);
      await readUntil(reader, new RegExp(`got ${name}`));
      assert.equal((await child.status).code, 3);
    }
    await using sleeping = pair.ssh.command("echo ready; exec sleep 100").spawn();
    // A process that sshd is still about to make gets no signals.
    const reader = sleeping.stdout.getReader();
    await readUntil(reader, /ready/);
    sleeping.kill("KILL");
    assert.equal((await sleeping.status).signal, "SIGKILL");
  });
});

describePeer("sshd", "client and sshd: keys anew", () => {
  it("exchanges keys under load, 100 MB each way, and loses nothing", async () => {
    await using pair = await loggedIn({ config: ["LogLevel DEBUG1"] });
    await using child = pair.ssh.command("cat").spawn();
    const { stream, digest } = numbered(100 * MiB);
    let next = 8 * MiB;
    const rekeying = (bytes: number): void => {
      if (bytes < next) return;
      next += 8 * MiB;
      pair.ssh.rekey();
    };
    const [, got] = await Promise.all([
      stream.pipeTo(child.stdin),
      digestOf(child.stdout, rekeying),
    ]);
    assert.equal(got, digest());
    assert.equal((await child.status).code, 0);
    const exchanges = pair.sshd.log().match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
    assert.ok(exchanges >= 10, `${exchanges} exchanges`);
  });

  it("takes part when the server, or both ends, want new keys", async () => {
    for (const rekey of [{}, { bytes: 700_000 }]) {
      await using pair = await loggedIn({ config: ["RekeyLimit 1M", "LogLevel DEBUG1"] }, {
        rekey,
      });
      await using child = pair.ssh.command("cat").spawn();
      const { stream, digest } = numbered(20 * MiB);
      const [, got] = await Promise.all([stream.pipeTo(child.stdin), digestOf(child.stdout)]);
      assert.equal(got, digest());
      const exchanges = pair.sshd.log().match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
      assert.ok(exchanges >= 10, `${exchanges} exchanges`);
    }
  });
});

describePeer("sshd", "client and sshd: ends", () => {
  it("tells when the server dies in the middle", async () => {
    await using sshd = await startSshd({
      hostKeys: ["ed25519"],
      authorizedKeys: [await keyOf("ed25519")],
    });
    const ssh = await connect(await sshd.connect(), {
      user: self,
      auth: { privateKey: await keyOf("ed25519") },
      insecureAcceptAnyHostKey: true,
    });
    const child = ssh.command("echo dying; read x; kill -9 $PPID; sleep 10").spawn();
    const reader = child.stdout.getReader();
    await readUntil(reader, /dying/);
    await child.stdin.getWriter().write(utf8("now\n"));
    await assert.rejects(child.status, DisconnectError);
    await assert.rejects(reader.read(), DisconnectError);
    await assert.rejects(ssh.closed, DisconnectError);
    await assert.rejects(ssh.openSession(), DisconnectError);
    await ssh.close();
  });

  it("ends in good order", async () => {
    await using pair = await loggedIn();
    await pair.ssh.close();
    await pair.ssh.closed;
    await pair.sshd.logged(/Received disconnect from .*:11/);
  });
});
