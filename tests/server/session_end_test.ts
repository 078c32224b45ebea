import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import assert from "node:assert/strict";
import { ChannelClosedError, type ServerSession } from "../../server/mod.ts";
import { encodeText } from "../../wire/channel_requests.ts";
import { deferred } from "../../wire/deferred.ts";
import { utf8 } from "../helpers/bytes.ts";
import { TimerWatch } from "../helpers/timers.ts";
import { eventsOf, execute, host, print } from "./_hosting.ts";

describe("the end of a session", () => {
  it("comes when the handler returns: its output, EOF, status 0 and CLOSE, in that order", async () => {
    await using hosting = await host({ session: (session) => print(session.stdout, "done\n") });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["output: done\n", "eof", "exit-status 0", "closed"]);
  });

  it("comes after writes that the handler did not wait for", async () => {
    await using hosting = await host({
      session: (session) => {
        const output = session.stdout.getWriter();
        const errors = session.stderr.getWriter();
        for (let i = 0; i < 100; i++) output.write(new Uint8Array(40_000).fill(0x61));
        errors.write(utf8("late"));
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    const output = events.map((event) => /^output: (a*)$/.exec(event)?.[1] ?? "").join("");
    assert.equal(output.length, 4_000_000);
    assert.ok(events.includes("error: late"));
    assert.deepEqual(events.slice(-3), ["eof", "exit-status 0", "closed"]);
  });

  it("comes after what a function has begun to write that the handler did not wait for", async () => {
    await using hosting = await host({
      session: (session) => {
        (async () => {
          const output = session.stdout.getWriter();
          await output.ready;
          await output.write(utf8("goodbye"));
        })();
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["output: goodbye", "eof", "exit-status 0", "closed"]);
  });

  it("has the status that the handler gave", async () => {
    await using hosting = await host({
      session: async (session) => {
        await print(session.stdout, "out");
        await session.exit(7);
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["output: out", "eof", "exit-status 7", "closed"]);
  });

  it("has the signal that the handler gave, with or without SIG", async () => {
    for (const name of ["TERM", "SIGTERM"]) {
      await using hosting = await host({
        session: (session) => session.exitSignal(name, { coreDumped: true, message: "why" }),
      });
      const channel = await execute(hosting.client, "x");
      const events = [];
      for await (const event of channel.events) events.push(event);
      assert.deepEqual(events.map(({ type }) => type), ["eof", "exit-signal", "closed"]);
      const [, signal] = events;
      assert.ok(signal?.type === "exit-signal");
      assert.deepEqual(signal.exit, {
        name: "TERM",
        coreDumped: true,
        message: "why",
        language: "",
      });
    }
  });

  it("is the first one that the handler gives, and nothing can be written behind it", async () => {
    const written = deferred<unknown>();
    await using hosting = await host({
      session: async (session) => {
        const exited = session.exit(3);
        session.exit(4);
        session.exitSignal("KILL");
        await exited;
        await print(session.stdout, "more").then(written.resolve, written.resolve);
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["eof", "exit-status 3", "closed"]);
    assert.ok(await written.promise instanceof ChannelClosedError);
    assert.deepEqual(hosting.errors, []);
  });

  it("is a failure when the handler throws, and the server lives on", async () => {
    await using hosting = await host({
      session: async (session) => {
        if (session.command === "fine") return;
        await print(session.stdout, "before ");
        throw new Error("the handler's own");
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["output: before ", "eof", "exit-status 1", "closed"]);
    assert.deepEqual(hosting.errors.map(String), ["Error: the handler's own"]);
    const others = await eventsOf(await execute(hosting.client, "fine"));
    assert.deepEqual(others, ["eof", "exit-status 0", "closed"]);
  });

  it("is a failure when what is sent cannot be read, and not a silence", async () => {
    await using hosting = await host({
      session: async (session) => {
        const source = new ReadableStream<Uint8Array>({
          pull: (controller) => controller.error(new Error("the disk is gone")),
        });
        await source.pipeTo(session.stdout);
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["eof", "exit-status 1", "closed"]);
  });

  it("keeps its order when the handler closes its output, and does not wait for that", async () => {
    await using hosting = await host({
      session: (session) => {
        const output = session.stdout.getWriter();
        output.write(utf8("text"));
        output.close();
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(events, ["output: text", "eof", "exit-status 0", "closed"]);
  });

  it("has its status right behind EOF: clients such as ssh2 close when they have seen that", async () => {
    await using hosting = await host({
      session: (session) => session.stdin.pipeTo(session.stdout),
    });
    const channel = await execute(hosting.client, "x");
    // Nothing that waits for its turn is done now.
    using _time = new FakeTime();
    await channel.sendEof();
    assert.deepEqual(await eventsOf(channel), ["eof", "exit-status 0", "closed"]);
  });

  it("is told to whoever asks only then", async () => {
    let ended: ServerSession | undefined;
    await using hosting = await host({ session: (session) => void (ended = session) });
    const channel = await execute(hosting.client, "x");
    await channel.closed;
    await ended?.closed;
    assert.ok(ended);
    assert.deepEqual(hosting.server.sessions, []);
    assert.equal(ended.abortSignal.aborted, true);
    assert.ok(ended.abortSignal.reason instanceof ChannelClosedError);
    assert.equal(await ended.connectionLost, undefined);
    await ended.sessionStarted;
    await assert.rejects(ended.stderr.getWriter().write(utf8("late")), ChannelClosedError);
  });

  it("leaves nothing behind that waits for its turn, and holds the session", async () => {
    await using hosting = await host({
      session: (session) => session.stdin.pipeTo(session.stdout),
    });
    const channel = await execute(hosting.client, "x");
    using timers = new TimerWatch();
    await channel.sendEof();
    assert.deepEqual(await eventsOf(channel), ["eof", "exit-status 0", "closed"]);
    assert.equal(timers.waiting.length, 0);
  });

  it("is not waited for by EOF, if the handler closes its output and goes on", async () => {
    const goOn = deferred<void>();
    await using hosting = await host({
      session: async (session) => {
        await session.stdout.close();
        await goOn.promise;
        await session.exit(3);
      },
    });
    const channel = await execute(hosting.client, "x");
    const text = await new Response(channel.readable).text();
    assert.equal(text, "");
    goOn.resolve();
    const { value: request } = await channel.requests.next();
    assert.ok(request?.type === "exit-status" && request.status === 3);
  });

  it("goes out in one piece, so that clients that close at EOF get all of it", async () => {
    await using hosting = await host({
      session: async (session) => {
        for await (const _ of session.stdin);
        await print(session.stdout, "counted");
        await session.exit(5);
      },
    });
    const channel = await hosting.client.openChannel("session", { afterEof: "close" });
    await channel.request("exec", encodeText("x"));
    await channel.sendEof();
    const events = await eventsOf(channel);
    assert.deepEqual(events, ["output: counted", "eof", "exit-status 5", "closed"]);
  });

  it("leaves what the client still sends alone", async () => {
    await using hosting = await host({ session: () => {} });
    const channel = await hosting.client.openChannel("session");
    const output = channel.writable.getWriter();
    output.write(new Uint8Array(3_000_000)).catch(() => {});
    await channel.request("shell");
    await channel.closed;
    assert.equal(hosting.server.connection.closeReason, null);
  });

  it("is told to the handler when the client closes the channel", async () => {
    const over = deferred<unknown>();
    await using hosting = await host({
      session: async (session) => {
        session.abortSignal.addEventListener("abort", () => over.resolve(session.closed));
        await session.stdin.pipeTo(new WritableStream());
        await over.promise;
        await print(session.stdout, "nobody is there");
      },
    });
    const channel = await execute(hosting.client, "x");
    await channel.close();
    await over.promise;
    await new Promise((resolve) => setTimeout(resolve, 5));
    // Whoever writes then is told so; that is no fault of the handler.
    assert.deepEqual(hosting.errors, []);
    assert.deepEqual(hosting.server.sessions, []);
  });

  it("is told to the handler when the connection is lost, with the reason", async () => {
    const started = deferred<void>();
    const lost = deferred<Error | undefined>();
    await using hosting = await host({
      session: async (session) => {
        started.resolve();
        lost.resolve(session.connectionLost);
        await assert.rejects(session.closed);
        await assert.rejects(session.stdin.getReader().read());
        assert.equal(session.abortSignal.aborted, true);
        throw new TypeError("a fault that must not get lost");
      },
    });
    await execute(hosting.client, "x");
    await started.promise;
    hosting.client.abort();
    assert.match(String(await lost.promise), /closed the connection/);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(hosting.errors.map(String), ["TypeError: a fault that must not get lost"]);
  });

  it("cannot be one that has no encoding", async () => {
    const thrown: unknown[] = [];
    const attempt = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        thrown.push((error as Error).name);
      }
    };
    await using hosting = await host({
      session: (session) => {
        attempt(() => session.exit(-1));
        attempt(() => session.exit(1.5));
        attempt(() => session.exit(2 ** 32));
        attempt(() => session.exitSignal(""));
        attempt(() => session.exitSignal("a,b"));
      },
    });
    await eventsOf(await execute(hosting.client, "x"));
    assert.deepEqual(thrown, ["RangeError", "RangeError", "RangeError", "TypeError", "TypeError"]);
  });

  it("is nothing but CLOSE when the handler aborts the session", async () => {
    await using hosting = await host({
      session: (session) => {
        session.stdout.getWriter().write(utf8("x")).catch(() => {});
        session.abort();
      },
    });
    const events = await eventsOf(await execute(hosting.client, "x"));
    assert.equal(events.at(-1), "closed");
    assert.ok(!events.includes("eof") && !events.includes("exit-status 0"));
  });
});
