import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { SshProcess } from "../../client/mod.ts";
import type { Channel, ChannelRequest } from "../../connection/mod.ts";
import { Eof, fromStreams } from "../../flow/mod.ts";
import {
  ChannelClosedError,
  ChannelOpenError,
  ChannelOpenReason,
  DisconnectError,
  RequestError,
} from "../../wire/errors.ts";
import { staysPending } from "../flow/conformance.ts";
import { cat, connected, decode, encode, untilRun } from "./_server.ts";

/** Grants what runs something, writes to both streams, and ends with a status. */
function answering(status: number): (channel: Channel) => Promise<void> {
  return async (channel) => {
    await untilRun(channel);
    await channel.send(encode("out"));
    await channel.send(encode("err"), { stderr: true });
    channel.exitStatus(status);
    await channel.sendEof();
    await channel.close();
  };
}

/** Grants all requests, and keeps them; `act` goes on once something runs. */
function recording(
  requests: ChannelRequest[],
  act: (channel: Channel) => unknown = () => {},
): (channel: Channel) => Promise<void> {
  return async (channel) => {
    for await (const request of channel.requests) {
      requests.push(request);
      request.reply(true);
      if (["exec", "shell", "subsystem"].includes(request.type)) act(channel);
    }
  };
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => assert.fail("it resolved"), (reason) => reason);
}

describe("command", () => {
  it("gives the output of both streams, and the status", async () => {
    await using pair = await connected(answering(7));
    const output = await pair.ssh.command("x").output();
    assert.deepEqual({ ...output, stdout: decode(output.stdout), stderr: decode(output.stderr) }, {
      success: false,
      code: 7,
      signal: null,
      exitSignal: null,
      stdout: "out",
      stderr: "err",
    });
  });

  it("gives the output that its streams have not given, unless somebody reads them", async () => {
    await using pair = await connected(answering(0));
    const asked = pair.ssh.command("x", { stdin: "null" }).spawn();
    assert.equal(asked.stdout.locked, false);
    assert.equal(decode((await asked.output()).stdout), "out");
    const read = pair.ssh.command("x", { stdin: "null" }).spawn();
    const text = new Response(read.stdout).text();
    await assert.rejects(read.output(), TypeError);
    assert.equal(await text, "out");
    const dropped = await pair.ssh.command("x", { stdout: "null" }).output();
    assert.deepEqual([decode(dropped.stdout), decode(dropped.stderr)], ["", "err"]);
  });

  it("succeeds with status 0 only", async () => {
    await using pair = await connected(answering(0));
    const { success, code } = await pair.ssh.command("x").output();
    assert.deepEqual([success, code], [true, 0]);
  });

  it("can be run many times, also at once", async () => {
    await using pair = await connected(answering(0));
    const command = pair.ssh.command("x");
    const outputs = await Promise.all(Array.from({ length: 20 }, () => command.output()));
    assert.ok(outputs.every(({ stdout }) => decode(stdout) === "out"));
  });

  it("reads both streams at once, more than a window of each", async () => {
    const size = 3 << 20;
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      for (const stderr of [true, false]) await channel.send(new Uint8Array(size), { stderr });
      channel.exitStatus(0);
      await channel.close();
    });
    const { stdout, stderr } = await pair.ssh.command("x").output();
    assert.deepEqual([stdout.length, stderr.length], [size, size]);
  });

  it("has no input when its output is collected", async () => {
    await using pair = await connected(cat);
    assert.equal((await pair.ssh.command("cat").output()).stdout.length, 0);
    await assert.rejects(pair.ssh.command("cat", { stdin: "piped" }).output(), TypeError);
  });

  it("tells the signal that ended it", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      channel.exitSignal({ name: "SEGV", coreDumped: true, message: "oh", language: "en" });
      await channel.close();
    });
    const { success, code, signal, exitSignal } = await pair.ssh.command("x").output();
    assert.deepEqual({ success, code, signal, exitSignal }, {
      success: false,
      code: null,
      signal: "SIGSEGV",
      exitSignal: { name: "SEGV", coreDumped: true, message: "oh", language: "en" },
    });
  });

  it("keeps the name of a signal that only the server knows", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      channel.exitSignal({ name: "odd@example.com" });
      await channel.close();
    });
    assert.equal((await pair.ssh.command("x").output()).signal, "odd@example.com");
  });

  it("has no code where the server does not say how it ended", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      await channel.send(encode("all I have"));
      await channel.close();
    });
    const { success, code, signal, stdout } = await pair.ssh.command("x").output();
    assert.deepEqual([success, code, signal], [false, null, null]);
    assert.equal(decode(stdout), "all I have");
  });

  it("is set up before it runs: environment, terminal, then the command", async () => {
    const requests: ChannelRequest[] = [];
    await using pair = await connected(recording(requests, (channel) => channel.close()));
    await pair.ssh.command("vi", {
      env: { LANG: "C", EMPTY: "" },
      pty: { term: "xterm", columns: 100, rows: 30, width: 1000, height: 600, modes: { ECHO: 0 } },
    }).output();
    const [pty, lang, empty, exec] = requests;
    assert.ok(pty?.type === "pty" && lang?.type === "env" && empty?.type === "env");
    assert.deepEqual(pty.pty, {
      term: "xterm",
      columns: 100,
      rows: 30,
      width: 1000,
      height: 600,
      modes: { ECHO: 0 },
    });
    assert.deepEqual([lang.key, lang.value, empty.key, empty.value], ["LANG", "C", "EMPTY", ""]);
    assert.ok(exec?.type === "exec" && exec.command === "vi");
  });

  it("gets a VT100 of 80 by 24 where nothing is said of the terminal", async () => {
    const requests: ChannelRequest[] = [];
    await using pair = await connected(recording(requests, (channel) => channel.close()));
    await pair.ssh.command("vi", { pty: true }).output();
    assert.ok(requests[0]?.type === "pty");
    const { term, columns, rows, width, height, modes } = requests[0].pty;
    assert.deepEqual([term, columns, rows, width, height, modes], ["vt100", 80, 24, 0, 0, {}]);
  });

  it("does not run without the variable or the terminal that it is to have", async () => {
    const requests: ChannelRequest[] = [];
    await using pair = await connected(async (channel) => {
      for await (const request of channel.requests) {
        requests.push(request);
        request.reply(request.type === "exec");
      }
    });
    await assert.rejects(pair.ssh.command("x", { env: { FOO: "1" } }).output(), {
      name: "RequestError",
      message: "Cannot set the environment variable FOO: the server does not take it",
    });
    await assert.rejects(pair.ssh.command("x", { pty: true }).output(), RequestError);
    assert.deepEqual(requests.map(({ type }) => type), ["env", "pty"]);
  });

  it("takes no terminal of an impossible size", async () => {
    await using pair = await connected(cat);
    await assert.rejects(
      pair.ssh.command("x", { pty: { columns: -1 } }).output(),
      /^RangeError: Cannot give a terminal -1 columns/,
    );
    await assert.rejects(pair.ssh.command("x", { pty: { modes: { NO: 1 } } }).output(), TypeError);
  });

  it("rejects, and so do its streams, when the server refuses it", async () => {
    await using pair = await connected();
    await assert.rejects(pair.ssh.command("x").output(), RequestError);
    const child = pair.ssh.command("x").spawn();
    const error = await rejection(child.started);
    assert.ok(error instanceof RequestError);
    assert.equal(await rejection(child.status), error);
    assert.equal(await rejection(child.stdout.getReader().read()), error);
    assert.equal(await rejection(child.stderr.getReader().read()), error);
    assert.equal(await rejection(child.stdin.getWriter().write(encode("x"))), error);
  });

  it("rejects when the server opens no session", async () => {
    const refuse = { reason: ChannelOpenReason.RESOURCE_SHORTAGE, description: "too many" };
    await using pair = await connected(undefined, { refuse });
    const error = await rejection(pair.ssh.command("x").output());
    assert.ok(error instanceof ChannelOpenError);
    assert.equal(error.reason, ChannelOpenReason.RESOURCE_SHORTAGE);
    assert.match(error.message, /too many/);
  });

  it("rejects when the connection is lost, unless it had ended before", async () => {
    await using pair = await connected(async (channel) => {
      const [run] = await untilRun(channel);
      if (run?.type === "exec" && run.command === "ended") channel.exitStatus(3);
      await channel.send(encode("out"));
    });
    const lost = pair.ssh.command("lost").spawn();
    const ended = pair.ssh.command("ended").spawn();
    const [reader, other] = [lost.stdout.getReader(), ended.stdout.getReader()];
    await Promise.all([reader.read(), other.read()]);
    pair.server.connection.abort();
    assert.ok(await rejection(lost.status) instanceof DisconnectError);
    assert.ok(await rejection(reader.read()) instanceof DisconnectError);
    assert.equal((await ended.status).code, 3);
    assert.throws(() => pair.ssh.command("late").spawn(), DisconnectError);
  });
});

describe("process", () => {
  it("has streams that can be used before it runs", async () => {
    await using pair = await connected(cat);
    await using child = pair.ssh.command("cat").spawn();
    const writer = child.stdin.getWriter();
    const reading = child.stdout.getReader().read();
    await writer.write(encode("hello"));
    assert.deepEqual((await reading).value, encode("hello"));
    await writer.close();
    assert.equal((await child.status).code, 0);
  });

  it("carries more than windows and buffers hold, and keeps its order", async () => {
    await using pair = await connected(cat);
    await using child = pair.ssh.command("cat").spawn();
    const input = Uint8Array.from({ length: 5_000_000 }, (_, i) => i ^ i >> 8 ^ i >> 16);
    const sending = ReadableStream.from([input]).pipeTo(child.stdin);
    const { stdout } = await child.output();
    await sending;
    assert.ok(stdout.length === input.length && stdout.every((byte, i) => byte === input[i]));
  });

  it("sends nothing before the server has confirmed that it runs", async () => {
    let early: Promise<boolean> | undefined;
    await using pair = await connected(async (channel) => {
      for await (const request of channel.requests) {
        early = staysPending(channel.readable.getReader().read());
        await early;
        request.reply(true);
      }
    });
    const child = pair.ssh.command("x").spawn();
    const writing = child.stdin.getWriter().write(encode("hello"));
    await child.started;
    await writing;
    assert.equal(await early, true);
  });

  it("shows backpressure to whoever writes its input", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
    });
    const child = pair.ssh.command("x", {}).spawn();
    const writer = child.stdin.getWriter();
    await writer.ready;
    const writing = writer.write(new Uint8Array(3 << 20));
    assert.ok((writer.desiredSize ?? 1) <= 0);
    assert.ok(await staysPending(writer.ready));
    assert.ok(await staysPending(writing));
    writing.catch(() => {});
    writer.closed.catch(() => {});
  });

  it("has the end of its input at once, if it is to have none", async () => {
    await using pair = await connected(cat);
    await using child = pair.ssh.command("cat", { stdin: "null" }).spawn();
    assert.throws(() => child.stdin, TypeError);
    assert.equal((await child.output()).code, 0);
  });

  it("drops what is not wanted of its output, and is not stalled by it", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      await channel.send(new Uint8Array(5 << 20), { stderr: true });
      await channel.send(encode("done"));
      channel.exitStatus(0);
      await channel.close();
    });
    const { stdout, stderr } = await pair.ssh.command("x", { stderr: "null" }).output();
    assert.equal(decode(stdout), "done");
    assert.equal(stderr.length, 0);
    await using child = pair.ssh.command("x", { stdout: "null" }).spawn();
    assert.equal((await child.output()).stdout.length, 0);
  });

  it("gives a pipe into it an error when it ends, so that the pipe stops", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      channel.exitStatus(0);
      await channel.close();
    });
    await using child = pair.ssh.command("true").spawn();
    let cancelled: unknown;
    const endless = new ReadableStream<Uint8Array>({
      cancel: (reason) => void (cancelled = reason),
    });
    await assert.rejects(endless.pipeTo(child.stdin), ChannelClosedError);
    assert.ok(cancelled instanceof ChannelClosedError);
    assert.equal((await child.status).code, 0);
  });

  it("is not told that broken input has ended", async () => {
    let ended: Promise<unknown> | undefined;
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      ended = channel.closed;
      for await (const _ of channel.readable);
      assert.equal(channel.isWritable, false);
    });
    const child = pair.ssh.command("x").spawn();
    await child.started;
    const cause = new Error("the disk is broken");
    const broken = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(cause) });
    await assert.rejects(broken.pipeTo(child.stdin), cause);
    assert.equal(await rejection(child.status), cause);
    await ended;
  });

  it("is sent signals, sizes and breaks, in order, and none before it runs", async () => {
    const requests: ChannelRequest[] = [];
    await using pair = await connected(recording(requests));
    await using child = pair.ssh.shell({ pty: true });
    child.resize(100, 40);
    child.kill("SIGINT");
    child.kill("USR1");
    child.kill("odd@example.com");
    await child.sendBreak(500);
    child.resize(120, 50, { width: 960, height: 800 });
    await child.sendBreak();
    const told = requests.map((request) => {
      switch (request.type) {
        case "signal":
          return request.signal;
        case "window-change":
          return Object.values(request.size).join();
        case "break":
          return request.lengthMs;
      }
      return request.type;
    });
    assert.deepEqual(
      told,
      ["pty", "shell", "100,40,0,0", "INT", "USR1", "odd@example.com", 500, "120,50,960,800", 0],
    );
    assert.throws(() => child.kill("not a signal"), TypeError);
    assert.throws(() => child.resize(1.5, 1), RangeError);
  });

  it("that has ended cannot be killed, but a window may change its size", async () => {
    await using pair = await connected(answering(0));
    const child = pair.ssh.command("x").spawn();
    await child.output();
    assert.throws(() => child.kill(), ChannelClosedError);
    await assert.rejects(child.sendBreak(), ChannelClosedError);
    child.resize(10, 10);
  });

  it("says when a break could not be sent", async () => {
    await using pair = await connected(async (channel) => {
      for await (const request of channel.requests) request.reply(request.type !== "break");
    });
    await using child = pair.ssh.command("x").spawn();
    await assert.rejects(child.sendBreak(1), RequestError);
  });

  it("is ended by its signal, and rejects with its reason", async () => {
    const requests: ChannelRequest[] = [];
    await using pair = await connected(recording(requests));
    const controller = new AbortController();
    const child = pair.ssh.command("sleep", { signal: controller.signal }).spawn();
    await child.started;
    const reading = rejection(child.stdout.getReader().read());
    const reason = new Error("that will do");
    controller.abort(reason);
    assert.equal(await rejection(child.status), reason);
    assert.equal(await reading, reason);
    assert.equal(await rejection(child.output()).catch(() => reason), reason);
    await child.close();
    assert.deepEqual(requests.map(({ type }) => type), ["exec", "signal"]);
    assert.ok(await pair.ssh.ping() >= 0);
  });

  it("never runs if its signal has fired before", async () => {
    const requests: ChannelRequest[] = [];
    await using pair = await connected(recording(requests));
    const reason = new Error("never mind");
    const signal = AbortSignal.abort(reason);
    assert.equal(await rejection(pair.ssh.command("x", { signal }).output()), reason);
    const controller = new AbortController();
    const { signal: late } = controller;
    const running = rejection(pair.ssh.command("x", { signal: late }).output());
    controller.abort(reason);
    assert.equal(await running, reason);
    await pair.ssh.ping();
    assert.deepEqual(requests, []);
  });

  it("is ended when it is disposed of", async () => {
    const requests: ChannelRequest[] = [];
    const ends: Promise<void>[] = [];
    await using pair = await connected(recording(requests, (channel) => ends.push(channel.closed)));
    let child: SshProcess;
    {
      await using sleeping = pair.ssh.command("sleep").spawn();
      await sleeping.started;
      child = sleeping;
    }
    assert.deepEqual(requests.map(({ type }) => type), ["exec", "signal"]);
    assert.equal((await child.status).code, null);
    await Promise.all(ends);
    {
      await using _early = pair.ssh.command("x").spawn();
    }
    await pair.ssh.ping();
  });

  it("that is closed before its session is open closes that too", async () => {
    const opened: Channel[] = [];
    await using pair = await connected((channel) => opened.push(channel));
    const child = pair.ssh.command("x").spawn();
    await child.close();
    await assert.rejects(child.status, ChannelClosedError);
    assert.equal(opened.length, 1);
    await opened[0]?.closed;
  });

  it("can be passed on as a pair of streams", async () => {
    await using pair = await connected(async (channel) => {
      const [request] = await untilRun(channel);
      assert.ok(request?.type === "subsystem" && request.subsystem === "echo");
      await channel.readable.pipeTo(channel.writable);
      await channel.close();
    });
    const flow = fromStreams(pair.ssh.subsystem("echo"));
    await flow.write(encode("hello"));
    assert.deepEqual(await flow.read(), encode("hello"));
    await flow.closeWrite();
    assert.equal(await flow.read(), Eof);
    await flow.close();
  });

  it("answers what the server asks of it with failure, and lives on", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      await assert.rejects(channel.request("keepalive@openssh.com"), RequestError);
      await assert.rejects(channel.request("shell"), RequestError);
      channel.notify("eow@openssh.com");
      channel.notify("unheard-of@example.com", encode("?"));
      channel.exitStatus(4);
      await channel.close();
    });
    assert.equal((await pair.ssh.command("x").output()).code, 4);
  });

  it("believes the first status that it is told", async () => {
    await using pair = await connected(async (channel) => {
      await untilRun(channel);
      channel.exitStatus(1);
      channel.exitStatus(0);
      channel.exitSignal({ name: "KILL" });
      await channel.close();
    });
    const { code, signal } = await pair.ssh.command("x").output();
    assert.deepEqual([code, signal], [1, null]);
  });
});
