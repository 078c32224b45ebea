import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { Channel, Connection } from "../../connection/mod.ts";
import { Eof, flowPair } from "../../flow/mod.ts";
import { password } from "../../protocol/mod.ts";
import {
  type ExecCallback,
  type ExecIo,
  type ExecRequest,
  type Hello,
  makeServer,
  type Server,
  type SpawnOptions,
  spawnServer,
} from "../../server/mod.ts";
import { decodeKexInit } from "../../wire/transport_messages.ts";
import {
  encodeEnv,
  encodePtyRequest,
  encodeText,
  encodeWindowChange,
} from "../../wire/channel_requests.ts";
import { deferred } from "../../wire/deferred.ts";
import { RequestError } from "../../wire/errors.ts";
import { utf8 } from "../helpers/bytes.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { clientOver, eventsOf, execute } from "./_hosting.ts";

async function make(): Promise<{ server: Server; hello: Hello }> {
  return makeServer({
    hostKeys: [await testHostKey()],
    users: { ada: { password: "sesame" } },
    authFailureDelayMs: 0,
  });
}

/** Spawns a server, with a client that is logged in. */
async function spawn(execCallback: ExecCallback, options: SpawnOptions = {}) {
  const { server, hello } = await make();
  const [near, far] = flowPair();
  const errors: unknown[] = [];
  const running = spawnServer(server, hello, far, execCallback, {
    onError: (error) => errors.push(error),
    ...options,
  });
  const client: Connection = clientOver(near, { methods: [password("sesame")] });
  await client.authenticated;
  return {
    running,
    client,
    errors,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await running.closed.catch(() => {});
    },
  };
}

const SIZE = { columns: 80, rows: 24, width: 640, height: 480 };
const PTY = { ...SIZE, term: "xterm", modes: { ECHO: 1 } };

describe("a spawned server", () => {
  it("hands over terminals, sizes, variables and shells, each with its channel", async () => {
    const requests: ExecRequest[] = [];
    const resized = deferred<void>();
    await using spawned = await spawn(async (request) => {
      requests.push(request);
      if (request.type === "PtySet") resized.resolve();
      if (request.type === "Shell") await resized.promise;
    });
    await (await execute(spawned.client, "first")).closed;
    const channel = await spawned.client.openChannel("session");
    await channel.request("pty-req", encodePtyRequest(PTY));
    await channel.request("env", encodeEnv("LANG", "C"));
    await channel.request("shell");
    await channel.request("window-change", encodeWindowChange({ ...SIZE, columns: 100 }));
    await channel.closed;
    const [first, pty, env, shell, ptySet] = requests;
    assert.ok(first?.type === "Channel" && first.channel === 0);
    assert.deepEqual(pty, { type: "Pty", channel: 1, ...PTY });
    assert.deepEqual(env, { type: "Env", channel: 1, key: "LANG", value: "C" });
    assert.ok(shell?.type === "Shell" && shell.channel === 1);
    assert.deepEqual(ptySet, { type: "PtySet", channel: 1, ...SIZE, columns: 100 });
    assert.equal(requests.length, 5);
  });

  it("tells a command and a subsystem apart", async () => {
    const seen: unknown[] = [];
    await using spawned = await spawn((request) => {
      if (request.type !== "Channel") return;
      seen.push(request.cmd === undefined ? `subsystem ${request.subsystem}` : request.cmd);
      seen.push("cmd" in request, "subsystem" in request);
    });
    await (await execute(spawned.client, "git-upload-pack 'r.git'")).closed;
    const channel = await spawned.client.openChannel("session");
    await channel.request("subsystem", encodeText("sftp"));
    await channel.closed;
    assert.deepEqual(seen, [
      "git-upload-pack 'r.git'",
      true,
      false,
      "subsystem sftp",
      false,
      true,
    ]);
  });

  it("answers a command as the example does", async () => {
    const encode = (text: string) => new TextEncoder().encode(text);
    await using spawned = await spawn(async (request) => {
      switch (request.type) {
        case "Pty":
        case "PtySet":
        case "Env":
          return;
        case "Channel":
          await request.oc(encode(`you said ${request.cmd}\n`));
          return request.exit(0);
        case "Shell":
          return request.exit(1);
      }
    });
    const events = await eventsOf(await execute(spawned.client, "hello"));
    assert.deepEqual(events, ["output: you said hello\n", "eof", "exit-status 0", "closed"]);
  });

  it("gives input chunk by chunk, then Eof, and then always", async () => {
    const got: unknown[] = [];
    await using spawned = await spawn(async (request) => {
      if (request.type !== "Shell") return;
      while (true) {
        const chunk = await request.ic();
        if (chunk === Eof) break;
        got.push(new TextDecoder().decode(chunk));
        await request.oc(chunk);
        await request.ec(utf8("."));
      }
      assert.equal(await request.ic(), Eof);
      got.push("Eof");
      await request.exit(9);
    });
    const channel = await spawned.client.openChannel("session");
    await channel.request("shell");
    await channel.send(utf8("one"));
    await channel.send(utf8("two"));
    await channel.sendEof();
    const events = await eventsOf(channel);
    assert.equal(got.join(""), "onetwoEof");
    assert.deepEqual(events.slice(-3), ["eof", "exit-status 9", "closed"]);
    const output = events.map((event) => /^output: (.*)/.exec(event)?.[1] ?? "").join("");
    assert.equal(output, "onetwo");
  });

  it("ends a channel when its callback returns, after all output, awaited or not", async () => {
    await using spawned = await spawn((request) => {
      if (request.type !== "Channel") return;
      for (let i = 0; i < 50; i++) request.oc(new Uint8Array(100_000).fill(0x62));
      request.ec(utf8("end"));
    });
    const events = await eventsOf(await execute(spawned.client, "x"));
    const output = events.map((event) => /^output: (b*)$/.exec(event)?.[1] ?? "").join("");
    assert.equal(output.length, 5_000_000);
    assert.deepEqual(events.slice(-3), ["eof", "exit-status 0", "closed"]);
  });

  it("shows a failure when a callback throws, and lives on", async () => {
    await using spawned = await spawn((request) => {
      if (request.type === "Channel" && request.cmd === "fine") return;
      throw new Error("the callback's own");
    });
    const { client } = spawned;
    const refused = await client.openChannel("session");
    await assert.rejects(refused.request("pty-req", encodePtyRequest(PTY)), RequestError);
    await assert.rejects(refused.request("env", encodeEnv("A", "b")), RequestError);
    const events = await eventsOf(await execute(client, "x"));
    assert.deepEqual(events, ["eof", "exit-status 1", "closed"]);
    const fine = await eventsOf(await execute(client, "fine"));
    assert.deepEqual(fine, ["eof", "exit-status 0", "closed"]);
    assert.equal(spawned.errors.length, 3);
  });

  it("takes an agent, and requests that have no place, where its options say so", async () => {
    const ask = async (options: SpawnOptions): Promise<string[]> => {
      const granted: string[] = [];
      await using spawned = await spawn((request, { forwardsAgent }) => {
        if (request.type === "Channel" && forwardsAgent) granted.push("agent");
      }, options);
      const channel = await spawned.client.openChannel("session");
      for (const name of ["auth-agent-req@openssh.com", "x11-req"]) {
        await channel.request(name).then(() => granted.push(name), () => {});
      }
      await channel.request("exec", encodeText("x"));
      await channel.closed;
      return granted;
    };
    assert.deepEqual(await ask({}), []);
    assert.deepEqual(
      await ask({
        allowAgentForwarding: () => true,
        onSessionRequest: ({ name }) => name === "x11-req",
      }),
      ["auth-agent-req@openssh.com", "x11-req", "agent"],
    );
  });

  it("goes on when a callback for a new size throws", async () => {
    const sizes: number[] = [];
    const done = deferred<void>();
    await using spawned = await spawn(async (request) => {
      if (request.type === "Shell") await done.promise;
      if (request.type !== "PtySet") return;
      sizes.push(request.columns);
      if (request.columns === 2) done.resolve();
      throw new Error("the callback's own");
    });
    const channel = await spawned.client.openChannel("session");
    await channel.request("pty-req", encodePtyRequest(PTY));
    await channel.request("shell");
    await channel.request("window-change", encodeWindowChange({ ...SIZE, columns: 1 }));
    await channel.request("window-change", encodeWindowChange({ ...SIZE, columns: 2 }));
    assert.deepEqual((await eventsOf(channel)).slice(-2), ["exit-status 0", "closed"]);
    assert.deepEqual(sizes, [1, 2]);
    assert.equal(spawned.errors.length, 2);
  });

  it("holds a channel back whose input is never taken, and no other", async () => {
    const hold = deferred<void>();
    await using spawned = await spawn(async (request) => {
      if (request.type !== "Channel") return;
      if (request.cmd === "deaf") return hold.promise;
      await request.oc(utf8("served"));
    });
    const deaf = await execute(spawned.client, "deaf");
    const writing = deaf.send(new Uint8Array(10_000_000)).catch(() => "dropped");
    for (let i = 0; i < 20; i++) {
      const events = await eventsOf(await execute(spawned.client, "x"));
      assert.equal(events[0], "output: served");
    }
    hold.resolve();
    assert.equal(await writing, "dropped");
  });

  it("sends output as it is, with a terminal too", async () => {
    await using spawned = await spawn(async (request) => {
      if (request.type === "Shell") await request.oc(utf8("a\nb\n"));
    });
    const channel = await spawned.client.openChannel("session");
    await channel.request("pty-req", encodePtyRequest(PTY));
    await channel.request("shell");
    assert.equal((await eventsOf(channel))[0], "output: a\nb\n");
  });

  it("is not brought down by output that nobody waited for when the client is gone", async () => {
    const left = deferred<void>();
    let io: ExecIo | undefined;
    await using spawned = await spawn(async (request) => {
      if (request.type !== "Channel") return;
      io = request;
      request.oc(new Uint8Array(5_000_000));
      await left.promise;
      request.oc(utf8("x"));
      request.ec(utf8("x"));
      request.exit(0);
      await assert.rejects(request.oc(utf8("x")));
    });
    const channel = await execute(spawned.client, "x");
    await channel.close();
    left.resolve();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(io !== undefined);
    assert.deepEqual(spawned.errors, []);
  });

  it("ends by its signal, and by nothing that a callback does", async () => {
    const stop = new AbortController();
    await using spawned = await spawn((request) => {
      if (request.type === "Channel") return request.exit(0);
    }, { signal: stop.signal });
    let ended = false;
    spawned.running.closed.then(() => ended = true);
    for (let i = 0; i < 3; i++) await (await execute(spawned.client, "x")).closed;
    assert.equal(ended, false);
    stop.abort();
    await spawned.running.closed;
    await spawned.client.closed;
  });

  it("ends when the client leaves; badly, if the client breaks the protocol", async () => {
    await using spawned = await spawn(() => {});
    await spawned.client.close();
    await spawned.running.closed;

    const { server, hello } = await make();
    const [near, far] = flowPair();
    const running = spawnServer(server, hello, far, () => {});
    await near.write(utf8("GET / HTTP/1.1\r\n"));
    near.closeWrite();
    while (await near.read() !== Eof);
    await assert.rejects(running.closed, /Cannot speak SSH/);
  });
});

describe("hello", () => {
  /** What a server says first: its identification and its KEXINIT. */
  async function firstMessages(server: Server, hello: Hello) {
    const [near, far] = flowPair();
    const running = spawnServer(server, hello, far, () => {});
    let received = new Uint8Array(0);
    const read = async (length: number): Promise<Uint8Array> => {
      while (received.length < length) {
        const chunk = await near.read();
        if (chunk === Eof) throw new Error("The server has said too little");
        received = new Uint8Array([...received, ...chunk]);
      }
      const taken = received.slice(0, length);
      received = received.slice(length);
      return taken;
    };
    const identification = new TextDecoder().decode(
      await read(hello.identification.length + 2),
    );
    const head = new DataView((await read(5)).buffer);
    const rest = await read(head.getUint32(0) - 1);
    const payload = rest.slice(0, rest.length - head.getUint8(4));
    near.abort();
    await running.closed.catch(() => {});
    return { identification, kexInit: decodeKexInit(payload), said: running.hello };
  }

  it("is what the server sends, word for word", async () => {
    const { server, hello } = await make();
    assert.equal(hello.kexInit.kex[0], "mlkem768x25519-sha256");
    assert.ok(hello.kexInit.kex.includes("kex-strict-s-v00@openssh.com"));
    const sent = await firstMessages(server, hello);
    assert.equal(sent.identification, `${hello.identification}\r\n`);
    assert.deepEqual(sent.kexInit, hello.kexInit);
    assert.equal(sent.said, hello);
  });

  it("serves other flows too, where it has a cookie of its own", async () => {
    const { server, hello } = await make();
    const all = [];
    for (let i = 0; i < 3; i++) all.push(await firstMessages(server, hello));
    const cookies = new Set(all.map(({ kexInit }) => kexInit.cookie.join()));
    assert.equal(cookies.size, 3);
    for (const { kexInit, said } of all) {
      assert.deepEqual(kexInit, said.kexInit);
      assert.deepEqual({ ...kexInit, cookie: null }, { ...hello.kexInit, cookie: null });
    }
  });

  it("is of one server, and cannot be changed", async () => {
    const [one, two] = [await make(), await make()];
    const [flow] = flowPair();
    const spawnWith = (hello: Hello) => () => spawnServer(one.server, hello, flow, () => {});
    assert.throws(spawnWith(two.hello), /hello is not what it was made with/);
    assert.throws(spawnWith({ ...one.hello }), TypeError);
    assert.throws(() => {
      (one.hello.kexInit.kex as string[]).push("none");
    }, TypeError);
    assert.throws(() => {
      (one.hello as { identification: string }).identification = "SSH-2.0-other";
    }, TypeError);
  });
});

describe("a server that is made", () => {
  it("needs users or a policy, and not both, a host key, and a name that can be sent", async () => {
    const hostKeys = [await testHostKey()];
    const users = {};
    const authenticate = (): boolean => false;
    const wrong = (options: object) => () =>
      makeServer(options as Parameters<typeof makeServer>[0]);
    assert.throws(wrong({ hostKeys }), /either users or authenticate/);
    assert.throws(wrong({ hostKeys, users, authenticate }), /either users or authenticate/);
    assert.throws(wrong({ hostKeys: [], users }), /host keys \(none\)/);
    assert.throws(wrong({ hostKeys, users, identification: "sshflow" }), /Cannot identify as/);
    const { hello } = makeServer({ hostKeys, authenticate, identification: "SSH-2.0-mine" });
    assert.equal(hello.identification, "SSH-2.0-mine");
  });

  it("serves many flows at once", async () => {
    const { server, hello } = await make();
    const all = Array.from({ length: 5 }, async (_, i) => {
      const [near, far] = flowPair();
      const running = spawnServer(server, hello, far, async (request) => {
        if (request.type === "Channel") await request.oc(utf8(`${i} ${request.cmd}`));
      });
      const client = clientOver(near, { methods: [password("sesame")] });
      await client.authenticated;
      const channel: Channel = await execute(client, "x");
      const [first] = await eventsOf(channel);
      await client.close();
      await running.closed;
      return first;
    });
    const expected = all.map((_, i) => `output: ${i} x`);
    assert.deepEqual(await Promise.all(all), expected);
  });
});
