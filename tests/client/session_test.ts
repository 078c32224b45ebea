import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { Session } from "../../client/mod.ts";
import type { Channel, ChannelEvent } from "../../connection/mod.ts";
import { encodeXonXoff } from "../../wire/channel_requests.ts";
import { ChannelClosedError, ChannelOpenError, RequestError } from "../../wire/errors.ts";
import { staysPending } from "../flow/conformance.ts";
import { connected, decode, encode, untilRun } from "./_server.ts";

/** Grants or refuses all requests. */
function answerAll(success: boolean, names: string[] = []): (channel: Channel) => Promise<void> {
  return async (channel) => {
    for await (const request of channel.requests) {
      names.push(request.name);
      request.reply(success);
    }
  };
}

/** Leaves all requests without an answer. */
function silent(channel: Channel): void {
  channel.requests.next();
}

/** All that wants an answer. */
const asking: readonly [
  name: string,
  ask: (session: Session, signal?: AbortSignal) => Promise<void>,
][] = [
  ["pty-req", (session, signal) => session.requestPty({ ...signal && { signal } })],
  ["env", (session, signal) => session.setEnv("A", "1", { ...signal && { signal } })],
  ["break", (session, signal) => session.sendBreak(1, { ...signal && { signal } })],
  ["exec", (session, signal) => session.exec("x", { ...signal && { signal } })],
  ["shell", (session, signal) => session.shell({ ...signal && { signal } })],
  ["subsystem", (session, signal) => session.subsystem("x", { ...signal && { signal } })],
];

describe("session", () => {
  it("resolves every request that is granted", async () => {
    const names: string[] = [];
    await using pair = await connected(answerAll(true, names));
    await using session = await pair.ssh.openSession();
    for (const [_, ask] of asking) await ask(session);
    assert.deepEqual(names, asking.map(([name]) => name));
  });

  it("rejects every request that is refused", async () => {
    await using pair = await connected(answerAll(false));
    await using session = await pair.ssh.openSession();
    for (const [name, ask] of asking) await assert.rejects(ask(session), RequestError, name);
  });

  it("rejects every request that is not answered before the session is closed", async () => {
    for (const [name, ask] of asking) {
      await using pair = await connected((channel) => channel.close());
      const session = await pair.ssh.openSession();
      await assert.rejects(ask(session), ChannelClosedError, name);
      await session.closed;
      await assert.rejects(ask(session), ChannelClosedError, name);
    }
  });

  it("rejects every request with the reason of its signal", async () => {
    await using pair = await connected(silent);
    await using session = await pair.ssh.openSession();
    for (const [name, ask] of asking) {
      const controller = new AbortController();
      const reason = new Error(`no time for ${name}`);
      const waiting = ask(session, controller.signal);
      controller.abort(reason);
      await assert.rejects(waiting, reason);
      await assert.rejects(ask(session, AbortSignal.abort(reason)), reason);
    }
  });

  it("says why it was refused, and can be given up", async () => {
    const refuse = { reason: 4, description: "no more\r\n" };
    await using pair = await connected(undefined, { refuse });
    await assert.rejects(pair.ssh.openSession(), (error) => {
      assert.ok(error instanceof ChannelOpenError);
      assert.equal(error.reason, 4);
      return true;
    });
    const reason = new Error("never mind");
    const given = pair.ssh.openSession({ signal: AbortSignal.abort(reason) });
    await assert.rejects(given, reason);
    const controller = new AbortController();
    const opening = pair.ssh.openSession({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(opening, reason);
  });

  it("has the window and the packets that it is to have", async () => {
    const sizes: number[] = [];
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      await channel.send(new Uint8Array(3000));
      channel.exitStatus(0);
      await channel.close();
    });
    await using session = await pair.ssh.openSession({ windowBytes: 2000, maxPacketBytes: 500 });
    await session.exec("x");
    for await (const event of session.events) {
      if (event.type === "data") sizes.push(event.data.length);
    }
    assert.deepEqual(sizes, Array(6).fill(500));
  });

  it("tells all that happens in its order, as one-time executions do", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      await channel.send(encode("1"));
      await channel.send(encode("2"), { stderr: true });
      await channel.request("keepalive@openssh.com").catch(() => {});
      await channel.send(encode("3"));
      channel.notify("xon-xoff", encodeXonXoff(true));
      await channel.sendEof();
      channel.exitSignal({ name: "TERM" });
      channel.exitStatus(9);
      await channel.close();
    });
    const flowControl: boolean[] = [];
    await using session = await pair.ssh.openSession({
      onXonXoff: (clientCanDo) => flowControl.push(clientCanDo),
    });
    await session.exec("x");
    const told: string[] = [];
    for await (const event of session.events) told.push(describeEvent(event));
    assert.deepEqual(
      told,
      ["data 1", "stderr 2", "data 3", "xon-xoff", "eof", "exit-signal", "exit-status", "closed"],
    );
    assert.deepEqual(flowControl, [true]);
    assert.equal((await session.exitStatus).signal, "SIGTERM");
    await session.closed;
  });

  it("has streams of its own, in place of the events", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      await channel.readable.pipeTo(channel.stderrWritable);
      await channel.send(encode("out"));
      await channel.close();
    });
    await using session = await pair.ssh.openSession();
    await session.shell();
    const writer = session.stdin.getWriter();
    await writer.write(encode("hello"));
    await writer.close();
    const [stdout, stderr] = await Promise.all([
      new Response(session.stdout).bytes(),
      new Response(session.stderr).bytes(),
    ]);
    assert.deepEqual([decode(stdout), decode(stderr)], ["out", "hello"]);
    assert.equal((await session.exitStatus).code, null);
  });

  it("stays half-open after both ends, unless it is to be closed then", async () => {
    for (const afterEof of ["half-open", "close"] as const) {
      await using pair = await connected(async (channel) => {
        await untilRun(channel);
        await channel.readable.pipeTo(channel.writable);
      });
      await using session = await pair.ssh.openSession({ afterEof });
      await session.shell();
      await session.channel.sendEof();
      assert.equal((await session.stdout.getReader().read()).done, true);
      await pair.ssh.ping();
      assert.equal(await staysPending(session.closed), afterEof === "half-open");
    }
  });

  it("that is aborted rejects with the reason, everywhere", async () => {
    await using pair = await connected(silent);
    const session = await pair.ssh.openSession();
    const reason = new Error("enough");
    const pending = [
      session.exec("x"),
      session.exitStatus,
      session.stdout.getReader().read(),
      session.stderr.getReader().read(),
      session.stdin.getWriter().closed,
    ];
    const settled = Promise.allSettled(pending);
    session.abort(reason);
    assert.deepEqual(await settled, pending.map(() => ({ status: "rejected", reason })));
    await session.closed;
    await session.close();
  });
});

function describeEvent(event: ChannelEvent): string {
  if (event.type !== "data") return event.type;
  return `${event.stderr ? "stderr" : "data"} ${decode(event.data)}`;
}
