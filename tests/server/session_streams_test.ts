import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { Channel } from "../../connection/mod.ts";
import { Eof, proxy, toStreams } from "../../flow/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import type { PtyRequest, ServerSession } from "../../server/mod.ts";
import { encodePtyRequest } from "../../wire/channel_requests.ts";
import { deferred } from "../../wire/deferred.ts";
import { utf8 } from "../helpers/bytes.ts";
import { eventsOf, execute, host, print } from "./_hosting.ts";

const PTY: PtyRequest = { term: "vt100", columns: 80, rows: 24, width: 0, height: 0, modes: {} };

/** The output of a shell with a terminal. */
async function outputWith(
  modes: PtyRequest["modes"] | null,
  write: (session: ServerSession) => Promise<void>,
): Promise<string[]> {
  await using hosting = await host({ session: write });
  const channel = await hosting.client.openChannel("session");
  if (modes !== null) await channel.request("pty-req", encodePtyRequest({ ...PTY, modes }));
  await channel.request("shell");
  return (await eventsOf(channel)).filter((event) => /^(output|error): /.test(event));
}

/** A write in the client's place. */
async function send(channel: Channel, text: string): Promise<void> {
  await print(channel.writable, text);
}

describe("a session's streams", () => {
  it("keep output and standard error apart", async () => {
    await using hosting = await host({
      session: async (session) => {
        await print(session.stdout, "out");
        await print(session.stderr, "err");
        await print(session.stdout, "more");
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events.slice(0, 3), ["output: out", "error: err", "output: more"]);
  });

  it("stay half open when the client sends EOF", async () => {
    await using hosting = await host({
      session: async (session) => {
        const text = await new Response(session.stdin).text();
        await print(session.stdout, `got ${text}`);
      },
    });
    const channel = await execute(hosting.client, "x");
    await send(channel, "all of it");
    await channel.sendEof();
    const events = await eventsOf(channel);
    assert.deepEqual(events, ["output: got all of it", "eof", "exit-status 0", "closed"]);
  });

  it("end when the client sends EOF, if that is asked for", async () => {
    const over = deferred<void>();
    await using hosting = await host({
      afterEof: "close",
      session: async (session) => {
        await print(session.stdout, "hello");
        await session.closed;
        over.resolve();
      },
    });
    const channel = await execute(hosting.client, "x");
    await channel.sendEof();
    const events = await eventsOf(channel);
    assert.deepEqual(events, ["output: hello", "eof", "exit-status 0", "closed"]);
    await over.promise;
  });

  it("stay half open when the handler closes its output: input goes on", async () => {
    const rest = deferred<string>();
    await using hosting = await host({
      session: async (session) => {
        await session.stdout.close();
        rest.resolve(await new Response(session.stdin).text());
      },
    });
    const channel = await execute(hosting.client, "x");
    const { done } = await channel.readable.getReader().read();
    assert.equal(done, true);
    await send(channel, "after EOF");
    await channel.sendEof();
    assert.equal(await rest.promise, "after EOF");
  });

  it("are those of a flow: a session can be joined to another", async () => {
    const [near, far] = flowPair();
    const { readable, writable } = toStreams(far);
    const echo = readable.pipeTo(writable);
    await using hosting = await host({
      session: async (session) => {
        await proxy(session, near);
        await session.exit(5);
      },
    });
    const channel = await execute(hosting.client, "x");
    await send(channel, "there and back");
    await channel.sendEof();
    const events = await eventsOf(channel);
    assert.deepEqual(events, ["output: there and back", "eof", "exit-status 5", "closed"]);
    await echo;
    assert.equal(await near.read(), Eof);
  });

  it("refuse what is no bytes", async () => {
    await using hosting = await host({
      session: async (session) => {
        const writer = session.stdout.getWriter();
        await writer.write("text" as unknown as Uint8Array);
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["eof", "exit-status 1", "closed"]);
    assert.match(String(hosting.errors[0]), /TypeError: .*no Uint8Array/);
  });

  it("drop what the client sends as standard error, which has no meaning", async () => {
    await using hosting = await host({
      windowBytes: 1000,
      session: async (session) => print(session.stdout, await new Response(session.stdin).text()),
    });
    const channel = await execute(hosting.client, "x");
    for (let i = 0; i < 10; i++) await channel.send(new Uint8Array(900), { stderr: true });
    await send(channel, "still here");
    await channel.sendEof();
    assert.equal((await eventsOf(channel))[0], "output: still here");
  });
});

describe("output to a terminal", () => {
  const lines = async (session: ServerSession): Promise<void> => {
    await print(session.stdout, "a\nb\r\nc\n\n");
    await print(session.stdout, "d\r");
    await print(session.stdout, "\ne\n");
    await print(session.stderr, "f\n");
  };

  it("has CR LF for LF, as a terminal's driver does it, whatever the pieces", async () => {
    const expected = ["output: a\r\nb\r\nc\r\n\r\nd\r\ne\r\n", "error: f\r\n"];
    assert.deepEqual(await outputWith({}, lines), expected);
    assert.deepEqual(await outputWith({ OPOST: 1, ONLCR: 1 }, lines), expected);
  });

  it("is left alone without a terminal, or where its modes say so", async () => {
    const expected = ["output: a\nb\r\nc\n\nd\r\ne\n", "error: f\n"];
    assert.deepEqual(await outputWith(null, lines), expected);
    assert.deepEqual(await outputWith({ ONLCR: 0 }, lines), expected);
    assert.deepEqual(await outputWith({ OPOST: 0 }, lines), expected);
  });

  it("is left alone where the handler drives the screen itself", async () => {
    const events = await outputWith({}, async (session) => {
      await print(session.stdout, "a\n");
      session.rawOutput = true;
      await print(session.stdout, "b\n");
      session.rawOutput = false;
      await print(session.stdout, "c\n");
    });
    assert.deepEqual(events, ["output: a\r\nb\nc\r\n"]);
  });
});

describe("backpressure", () => {
  it("a handler that writes for ever waits for a client that reads nothing", async () => {
    let written = 0;
    await using hosting = await host({
      session: async (session) => {
        if (session.command === "short") return await print(session.stdout, "others go on");
        const output = session.stdout.getWriter();
        while (true) {
          await output.write(new Uint8Array(50_000));
          written += 50_000;
        }
      },
    });
    const channel = await execute(hosting.client, "for ever");
    const before = await settled(() => written);
    // The client's window, and what one write is ahead of it.
    assert.ok(before >= 2_000_000 && before <= 2_200_000, `${before} bytes were accepted`);
    const other = await eventsOf(await execute(hosting.client, "short"));
    assert.equal(other[0], "output: others go on");

    // As much as is read is sent behind it.
    const reader = channel.readable.getReader();
    for (let read = 0; read < 4_000_000;) read += (await reader.read()).value?.length ?? 0;
    const after = await settled(() => written);
    assert.ok(after > before + 2_000_000, `${after - before} bytes more`);
    await channel.close();
  });

  it("a client that writes for ever waits for a handler that reads nothing", async () => {
    const go = deferred<void>();
    let read = 0;
    await using hosting = await host({
      session: async (session) => {
        if (session.command === "short") return await print(session.stdout, "others go on");
        await go.promise;
        for await (const chunk of session.stdin) read += chunk.length;
      },
    });
    const channel = await execute(hosting.client, "for ever");
    let sent = 0;
    const writing = (async () => {
      while (sent < 6_000_000) {
        await channel.send(new Uint8Array(50_000));
        sent += 50_000;
      }
      await channel.sendEof();
    })();
    const before = await settled(() => sent);
    assert.ok(before >= 2_000_000 && before <= 2_200_000, `${before} bytes were accepted`);
    const other = await eventsOf(await execute(hosting.client, "short"));
    assert.equal(other[0], "output: others go on");
    go.resolve();
    await writing;
    await channel.closed;
    assert.equal(read, 6_000_000);
  });

  it("shows in desiredSize and ready", async () => {
    const measured = deferred<{ before: number | null; after: number | null }>();
    await using hosting = await host({
      session: async (session) => {
        const output = session.stdout.getWriter();
        const before = output.desiredSize;
        output.write(new Uint8Array(3_000_000)).catch(() => {});
        await Promise.resolve();
        measured.resolve({ before, after: output.desiredSize });
        await output.ready;
      },
    });
    const channel = await execute(hosting.client, "x");
    const { before, after } = await measured.promise;
    assert.ok(before !== null && before > 0);
    assert.ok(after !== null && after < 0);
    assert.equal((await eventsOf(channel)).at(-1), "closed");
  });
});

/** What a number is when it has stopped growing. */
async function settled(value: () => number): Promise<number> {
  while (true) {
    const before = value();
    await new Promise((resolve) => setTimeout(resolve, 30));
    if (before > 0 && value() === before) return before;
  }
}

describe("a hundred sessions", () => {
  it("run at once, each with its own", async () => {
    await using hosting = await host({
      session: async (session) => {
        const text = await new Response(session.stdin).text();
        await print(session.stdout, `${session.command} ${text}`);
      },
    });
    const ends = Array.from({ length: 100 }, async (_, i) => {
      const channel = await execute(hosting.client, `number ${i}`);
      await channel.send(utf8(`${i}`.repeat(100)));
      await channel.sendEof();
      return (await eventsOf(channel))[0];
    });
    const expected = ends.map((_, i) => `output: number ${i} ${`${i}`.repeat(100)}`);
    assert.deepEqual(await Promise.all(ends), expected);
    // The last CLOSE may be on its way.
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.deepEqual(hosting.server.sessions, []);
  });
});
