import { toText } from "@std/streams/to-text";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { hostSession } from "../../examples/shell.ts";
import type { ServerSession, SessionHandler } from "../../server/mod.ts";
import { type DemoServer, demoServer } from "../helpers/demo_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { fileOf, type PeerFiles, peerFiles } from "../helpers/peer_files.ts";
import { USER } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const TIMEOUT_MS = 60_000;
/** What is taken ahead of a client or a handler that reads nothing: windows, and sockets' buffers. */
const MAX_AHEAD_BYTES = 16 * 1024 * 1024;

/** What came of a run. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describePeer(["ssh", "sshpass"], "sessions with OpenSSH's client", (ssh, sshpass) => {
  let files: PeerFiles;
  let client: OpenSshClient;
  beforeAll(async () => {
    files = await peerFiles();
    client = new OpenSshClient({ ssh, sshpass }, files.directory);
  });
  afterAll(async () => await files[Symbol.asyncDispose]());

  function start(session: SessionHandler = hostSession): DemoServer {
    return demoServer({
      session,
      hostKeys: [fileOf(files.hostKeys, "ssh-ed25519").key],
      userKeys: [fileOf(files.userKeys, "ssh-ed25519").key.publicKey],
    });
  }

  /** The arguments of a run; `own` are options, or a command behind `--`. */
  async function argsFor({ port, hostKeys }: DemoServer, own: readonly string[]) {
    const keyFile = fileOf(files.userKeys, "ssh-ed25519").path;
    const at = own.indexOf("--");
    const [settings, command] = at === -1 ? [own, []] : [own.slice(0, at), own.slice(at + 1)];
    // The quickest that there is: key exchange is not what is tested here.
    const quick = ["-o", "KexAlgorithms=curve25519-sha256"];
    const request = { port, hostKeys, user: USER, method: "publickey", keyFile } as const;
    return [...await client.args(request, [...settings, ...quick]), ...command];
  }

  async function spawn(
    server: DemoServer,
    own: readonly string[],
  ): Promise<Deno.ChildProcess> {
    return new Deno.Command(ssh, {
      args: await argsFor(server, own),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs `ssh` with options, and a command behind `--`. */
  async function run(
    server: DemoServer,
    own: readonly string[],
    input: string | ReadableStream<Uint8Array> = "",
  ): Promise<Result> {
    const child = await spawn(server, own);
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    const source = typeof input === "string" ? new Blob([input]).stream() : input;
    const [{ code, stdout, stderr }] = await Promise.all([
      child.output(),
      source.pipeTo(child.stdin).catch(() => {}),
    ]);
    clearTimeout(timer);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  describe("a command", () => {
    it("gets its input, and its outputs come apart", async () => {
      await using server = start();
      const echoed = await run(server, ["--", "cat"], "line\nno end of line");
      assert.deepEqual(echoed, { code: 0, stdout: "line\nno end of line", stderr: "" });
      const told = await run(server, ["--", "stderr", "oh", "no"]);
      assert.deepEqual(told, { code: 0, stdout: "", stderr: "oh no\n" });
    });

    it("gives its exit status", async () => {
      await using server = start();
      for (const status of [0, 1, 7, 255]) {
        assert.equal((await run(server, ["--", `exit ${status}`])).code, status);
      }
      const unknown = await run(server, ["--", "nonsense 1 2"]);
      assert.equal(unknown.code, 127);
      assert.match(unknown.stderr, /^nonsense: command not found/);
    });

    it("gives the signal that ended it", async () => {
      await using server = start();
      const { code, stderr } = await run(server, ["-o", "LogLevel=DEBUG", "--", "signal TERM"]);
      assert.equal(code, 255);
      assert.match(stderr, /rtype exit-signal reply 0/);
    });

    it("has the variables that the client sends, and no terminal", async () => {
      await using server = start();
      const own = ["-o", "SetEnv=GREETING=hello LANG=C", "--"];
      const { stdout } = await run(server, [...own, "env"]);
      assert.equal(stdout, "GREETING=hello\nLANG=C\n");
      assert.equal((await run(server, ["--", "pty"])).code, 1);
    });

    it("has a terminal if that is asked for, whose lines end as they should", async () => {
      await using server = start();
      const { stdout } = await run(server, ["-tt", "--", "pty"]);
      assert.match(stdout, /^\S+ \d+x\d+\r\n$/);
    });

    it("counts input to its end, and speaks only then", async () => {
      await using server = start();
      const input = new Blob([new Uint8Array(1_000_000)]).stream();
      assert.equal((await run(server, ["--", "sink"], input)).stdout, "1000000\n");
    });

    it("may close its output, and go on with its input", async () => {
      let got = "";
      await using server = start(async (session) => {
        await session.stdout.close();
        got = await toText(session.stdin);
        await session.exit(3);
      });
      const child = await spawn(server, ["--", "x"]);
      assert.equal(await toText(child.stdout), "");
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("after the end of the output"));
      await writer.close();
      const [{ code }] = await Promise.all([child.status, child.stderr.cancel()]);
      assert.deepEqual([code, got], [3, "after the end of the output"]);
    });

    it("moves a hundred million bytes both ways, under new keys every million", async () => {
      await using server = start();
      const length = 100_000_000;
      const child = await spawn(server, [
        ...["-o", "RekeyLimit=1M", "-o", "LogLevel=DEBUG"],
        ...["--", "cat"],
      ]);
      const [sent, received] = [createHash("sha256"), createHash("sha256")];
      const piece = seededRandom(1)(1_000_000);
      let left = length;
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (left === 0) return controller.close();
          // Each piece is another one.
          piece[0] = left / piece.length;
          sent.update(piece);
          controller.enqueue(piece.slice());
          left -= piece.length;
        },
      });
      let bytes = 0;
      const count = new WritableStream<Uint8Array>({
        write(chunk) {
          bytes += chunk.length;
          received.update(chunk);
        },
      });
      const [stderr] = await Promise.all([
        toText(child.stderr),
        source.pipeTo(child.stdin),
        child.stdout.pipeTo(count),
      ]);
      assert.equal((await child.status).code, 0);
      assert.equal(bytes, length);
      assert.equal(received.digest("hex"), sent.digest("hex"));
      const exchanges = stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
      assert.ok(exchanges > 20, `${exchanges} key exchanges`);
    });
  });

  describe("a shell without a terminal", () => {
    it("runs the lines of its input, without a prompt", async () => {
      await using server = start();
      const input = "echo one\n\nwhoami\nnonsense\nexit 5\necho never\n";
      const { code, stdout, stderr } = await run(server, ["-T"], input);
      assert.deepEqual([code, stdout], [5, `one\n${USER}\n`]);
      assert.match(stderr, /nonsense: command not found/);
    });

    it("gives a command what is left of its input", async () => {
      await using server = start();
      const { code, stdout } = await run(server, ["-T"], "echo one\ncat\nthe\nrest");
      assert.deepEqual([code, stdout], [0, "one\nthe\nrest"]);
    });
  });

  describe("a connection", () => {
    it("carries ten sessions at once", async () => {
      await using server = start();
      const socket = `${files.directory}/ten`;
      const master = await spawn(server, ["-M", "-N", "-S", socket]);
      await whenThere(socket);
      const sessions = Array.from({ length: 10 }, async (_, i) => {
        const input = `${i}`.repeat(100_000);
        const { code, stdout } = await run(server, ["-S", socket, "--", "cat"], input);
        return [code, stdout === input];
      });
      assert.deepEqual(await Promise.all(sessions), Array(10).fill([0, true]));
      const stopped = await run(server, ["-S", socket, "-O", "exit"]);
      assert.equal(stopped.code, 0);
      await finish(master);
      assert.equal(server.connectionCount, 1);
    });

    it("needs no session", async () => {
      await using server = start();
      const child = await spawn(server, ["-N"]);
      while (server.connectionCount === 0) await pause();
      const { user } = await server.last.authenticated;
      assert.equal(user, USER);
      assert.deepEqual(server.last.sessions, []);
      child.kill("SIGTERM");
      await finish(child);
      // A client that is killed says nothing.
      await server.last.closed.catch(() => {});
    });

    it("lives on when a channel is refused that is no session", async () => {
      await using server = start();
      const talking = ["-o", "LogLevel=INFO"];
      const refused = await run(server, [...talking, "-W", "127.0.0.1:9"]);
      assert.equal(refused.code, 255);
      assert.match(refused.stderr, /open failed: administratively prohibited/);

      const socket = `${files.directory}/forward`;
      const child = await spawn(server, [...talking, "-L", `${socket}:127.0.0.1:9`, "--", "cat"]);
      await whenThere(socket);
      using tunnel = await Deno.connect({ transport: "unix", path: socket });
      assert.equal(await tunnel.read(new Uint8Array(1)), null);
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("still here"));
      await writer.close();
      const [stdout, stderr] = await Promise.all([toText(child.stdout), toText(child.stderr)]);
      assert.equal(stdout, "still here");
      assert.match(stderr, /open failed: administratively prohibited/);
      assert.equal((await child.status).code, 0);
    });

    it("lives on when the listening that a client asks for is denied", async () => {
      await using server = start();
      const own = ["-o", "LogLevel=INFO", "-R", "0:127.0.0.1:9", "--", "echo x"];
      const { code, stdout, stderr } = await run(server, own);
      assert.deepEqual([code, stdout], [0, "x\n"]);
      assert.match(stderr, /remote port forwarding failed/);
    });
  });

  describe("a peer that does not read", () => {
    it("holds its own channel back, when it is the client, and memory stays flat", async () => {
      let written = 0;
      await using server = start(async (session) => {
        if (session.command !== "for ever") return await hostSession(session);
        const output = session.stdout.getWriter();
        const piece = new Uint8Array(100_000);
        for (;; written += piece.length) await output.write(piece);
      });
      const socket = `${files.directory}/deaf`;
      const master = await spawn(server, ["-M", "-N", "-S", socket]);
      await whenThere(socket);
      const before = memory();
      const deaf = await spawn(server, ["-S", socket, "--", "for ever"]);
      const settled = await whenSettled(() => written);
      assert.ok(settled < MAX_AHEAD_BYTES, `${settled} bytes were written`);
      assert.ok(memory() - before < 2 * MAX_AHEAD_BYTES, `${memory() - before} bytes of memory`);
      const other = await run(server, ["-S", socket, "--", "echo others go on"]);
      assert.equal(other.stdout, "others go on\n");
      deaf.kill("SIGKILL");
      await finish(deaf);
      await run(server, ["-S", socket, "-O", "exit"]);
      await finish(master);
      assert.deepEqual(server.errors, []);
    });

    it("holds its own channel back, when it is the handler, and memory stays flat", async () => {
      const held: ServerSession[] = [];
      await using server = start(async (session) => {
        if (session.command !== "for ever") return await hostSession(session);
        held.push(session);
        await session.closed;
      });
      const socket = `${files.directory}/full`;
      const master = await spawn(server, ["-M", "-N", "-S", socket]);
      await whenThere(socket);
      const before = memory();
      const eager = await spawn(server, ["-S", socket, "--", "for ever"]);
      let written = 0;
      const writer = eager.stdin.getWriter();
      const writing = (async () => {
        const piece = new Uint8Array(100_000);
        for (;; written += piece.length) await writer.write(piece);
      })().catch(() => {});
      const settled = await whenSettled(() => written);
      assert.ok(settled < MAX_AHEAD_BYTES, `${settled} bytes were written`);
      assert.ok(memory() - before < 2 * MAX_AHEAD_BYTES, `${memory() - before} bytes of memory`);
      const other = await run(server, ["-S", socket, "--", "echo others go on"]);
      assert.equal(other.stdout, "others go on\n");
      held[0]?.exit(4);
      await finish(eager, 4);
      await writing;
      await run(server, ["-S", socket, "-O", "exit"]);
      await finish(master);
    });
  });
});

/** How much memory is in use that JavaScript accounts for. */
function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Waits for the end of a process that nobody reads. */
async function finish(child: Deno.ChildProcess, expected?: number): Promise<void> {
  const [{ code }] = await Promise.all([
    child.status,
    child.stdout.cancel(),
    child.stderr.cancel(),
    child.stdin.close().catch(() => {}),
  ]);
  if (expected !== undefined) assert.equal(code, expected);
}

/** What a number is when it has grown, and grows no more. */
async function whenSettled(value: () => number): Promise<number> {
  while (true) {
    const before = value();
    await pause(300);
    if (before > 0 && value() === before) return before;
  }
}

async function whenThere(path: string): Promise<void> {
  for (let waited = 0; waited < TIMEOUT_MS; waited += 10) {
    try {
      await Deno.lstat(path);
      return;
    } catch {
      await pause();
    }
  }
  throw new Error(`There is no ${path}`);
}

function pause(ms = 10): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
