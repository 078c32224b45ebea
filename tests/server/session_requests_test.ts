import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { Channel } from "../../connection/mod.ts";
import type { PtyRequest, ServerSession, TerminalSize } from "../../server/mod.ts";
import {
  encodeEnv,
  encodePtyRequest,
  encodeText,
  encodeUint32,
  encodeWindowChange,
} from "../../wire/channel_requests.ts";
import { deferred } from "../../wire/deferred.ts";
import { RequestError } from "../../wire/errors.ts";
import { eventsOf, execute, host, type HostingOptions } from "./_hosting.ts";

const PTY: PtyRequest = {
  term: "xterm",
  columns: 80,
  rows: 24,
  width: 640,
  height: 480,
  modes: { ECHO: 1, VINTR: 3 },
};

/** Whether the server says yes to a request. */
async function grants(channel: Channel, name: string, payload?: Uint8Array): Promise<boolean> {
  try {
    await channel.request(name, payload);
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false;
    throw error;
  }
}

async function open(options: HostingOptions) {
  const hosting = await host(options);
  return Object.assign(hosting, { channel: await hosting.client.openChannel("session") });
}

describe("a session's requests", () => {
  it("for a shell, a command or a subsystem are refused without a handler", async () => {
    await using hosting = await open({});
    const { channel } = hosting;
    assert.equal(await grants(channel, "shell"), false);
    assert.equal(await grants(channel, "exec", encodeText("ls")), false);
    assert.equal(await grants(channel, "subsystem", encodeText("sftp")), false);
    assert.equal(await grants(channel, "pty-req", encodePtyRequest(PTY)), true);
    assert.equal(await grants(channel, "env", encodeEnv("LANG", "C")), true);
  });

  it("tell a shell, a command and a subsystem apart", async () => {
    const seen: unknown[] = [];
    const note = ({ command, subsystem }: ServerSession): void => {
      seen.push({ command, subsystem });
    };
    await using hosting = await host({ session: note, subsystems: { sftp: note } });
    for (const [name, payload] of [["exec", "ls"], ["exec", ""], ["subsystem", "sftp"]] as const) {
      const channel = await hosting.client.openChannel("session");
      await channel.request(name, encodeText(payload));
      await channel.closed;
    }
    const shell = await hosting.client.openChannel("session");
    await shell.request("shell");
    await shell.closed;
    assert.deepEqual(seen, [
      { command: "ls", subsystem: null },
      { command: "", subsystem: null },
      { command: null, subsystem: "sftp" },
      { command: null, subsystem: null },
    ]);
  });

  it("for a subsystem by a name that only JavaScript knows are refused", async () => {
    await using hosting = await open({ subsystems: { sftp: () => {} }, session: () => {} });
    for (const name of ["constructor", "__proto__", "toString", "SFTP", ""]) {
      assert.equal(await grants(hosting.channel, "subsystem", encodeText(name)), false, name);
    }
  });

  it("start something once only", async () => {
    const hold = deferred<void>();
    await using hosting = await open({ session: () => hold.promise });
    const { channel } = hosting;
    assert.equal(await grants(channel, "exec", encodeText("a")), true);
    assert.equal(await grants(channel, "exec", encodeText("b")), false);
    assert.equal(await grants(channel, "shell"), false);
    assert.equal(await grants(channel, "pty-req", encodePtyRequest(PTY)), false);
    assert.equal(await grants(channel, "env", encodeEnv("A", "b")), false);
    assert.equal(hosting.server.sessions[0]?.command, "a");
    hold.resolve();
    await channel.closed;
  });

  it("that nobody knows are refused, and the session lives", async () => {
    await using hosting = await open({ session: () => {} });
    const { channel } = hosting;
    for (const name of ["x11-req", "auth-agent-req@openssh.com", "nonsense@example", "xon-xoff"]) {
      const payload = name === "xon-xoff" ? new Uint8Array(1) : undefined;
      assert.equal(await grants(channel, name, payload), false, name);
    }
    channel.notify("nonsense@example");
    assert.equal(await grants(channel, "shell"), true);
  });

  it("that nobody knows are put to a policy, before the session runs and while it does", async () => {
    const seen: unknown[] = [];
    const hold = deferred<void>();
    await using hosting = await open({
      session: () => hold.promise,
      onSessionRequest: async (request, session) => {
        seen.push({ ...request, session: session.id, command: session.command });
        if (request.name === "broken") throw new Error("the policy's own");
        await new Promise((resolve) => setTimeout(resolve, 1));
        return request.name === "x11-req";
      },
    });
    const { channel } = hosting;
    const payload = Uint8Array.of(1, 2, 3);
    assert.equal(await grants(channel, "x11-req", payload), true);
    assert.equal(await grants(channel, "other"), false);
    assert.equal(await grants(channel, "broken"), false);
    assert.equal(await grants(channel, "exec", encodeText("x")), true);
    channel.notify("x11-req", payload);
    assert.equal(await grants(channel, "xon-xoff", new Uint8Array(1)), false);
    const none = new Uint8Array(0);
    const before = { session: 0, command: null, wantReply: true };
    assert.deepEqual(seen, [
      { name: "x11-req", payload, ...before },
      { name: "other", payload: none, ...before },
      { name: "broken", payload: none, ...before },
      { name: "x11-req", payload, session: 0, command: "x", wantReply: false },
    ]);
    assert.deepEqual(hosting.errors.map(String), ["Error: the policy's own"]);
    hold.resolve();
  });

  it("for a terminal give its type, size and modes; a second one is refused", async () => {
    const got = deferred<PtyRequest | null>();
    await using hosting = await open({ session: ({ pty }) => got.resolve(pty) });
    const { channel } = hosting;
    assert.equal(await grants(channel, "pty-req", encodePtyRequest(PTY)), true);
    assert.equal(await grants(channel, "pty-req", encodePtyRequest(PTY)), false);
    await channel.request("shell");
    assert.deepEqual(await got.promise, PTY);
  });

  it("without one for a terminal leave it out, and its size cannot be changed", async () => {
    const got = deferred<PtyRequest | null>();
    const hold = deferred<void>();
    await using hosting = await open({
      session: ({ pty }) => {
        got.resolve(pty);
        return hold.promise;
      },
    });
    await hosting.channel.request("shell");
    assert.equal(await got.promise, null);
    assert.equal(await grants(hosting.channel, "window-change", encodeWindowChange(PTY)), false);
    hold.resolve();
  });

  it("set variables, within bounds and by plain names", async () => {
    const got = deferred<ReadonlyMap<string, string>>();
    await using hosting = await open({ session: ({ env }) => got.resolve(env) });
    const { channel } = hosting;
    assert.equal(await grants(channel, "env", encodeEnv("LANG", "de_DE.UTF-8")), true);
    for (const name of ["", "A=B", "A B", "1A", "A\0", "ä"]) {
      assert.equal(await grants(channel, "env", encodeEnv(name, "x")), false, name);
    }
    assert.equal(await grants(channel, "env", encodeEnv("NUL", "a\0b")), false);
    assert.equal(await grants(channel, "env", encodeEnv("LARGE", "x".repeat(40_000))), true);
    assert.equal(await grants(channel, "env", encodeEnv("LARGER", "x".repeat(40_000))), false);
    for (let i = 2; i < 128; i++) {
      assert.equal(await grants(channel, "env", encodeEnv(`V${i}`, "")), true);
    }
    assert.equal(await grants(channel, "env", encodeEnv("ONE_MORE", "")), false);
    await channel.request("shell");
    const env = await got.promise;
    assert.equal(env.size, 128);
    assert.equal(env.get("LANG"), "de_DE.UTF-8");
  });

  it("are put to policies, which may take their time, and are done in their order", async () => {
    const later = (result: boolean) =>
      new Promise<boolean>((resolve) => setTimeout(() => resolve(result), 2));
    const started = deferred<ServerSession>();
    await using hosting = await open({
      session: (session) => started.resolve(session),
      allowPty: ({ term }) => later(term === "xterm"),
      allowEnv: (name) => later(name === "LANG"),
      allowSession: ({ command }) => later(command === "allowed"),
    });
    const { channel } = hosting;
    const answers = await Promise.all([
      grants(channel, "env", encodeEnv("LANG", "C")),
      grants(channel, "env", encodeEnv("LD_PRELOAD", "x")),
      grants(channel, "pty-req", encodePtyRequest({ ...PTY, term: "dumb" })),
      grants(channel, "pty-req", encodePtyRequest(PTY)),
      grants(channel, "exec", encodeText("other")),
      grants(channel, "exec", encodeText("allowed")),
    ]);
    assert.deepEqual(answers, [true, false, false, true, false, true]);
    const session = await started.promise;
    assert.deepEqual([...session.env], [["LANG", "C"]]);
    assert.equal(session.pty?.term, "xterm");
    assert.equal(session.command, "allowed");
  });

  it("are refused when a policy throws, and the server lives on", async () => {
    const fail = (): boolean => {
      throw new Error("the policy's own");
    };
    await using hosting = await open({
      session: () => {},
      allowPty: fail,
      allowEnv: () => Promise.reject(new Error("later")),
      onSession: fail,
    });
    const { channel } = hosting;
    assert.equal(await grants(channel, "pty-req", encodePtyRequest(PTY)), false);
    assert.equal(await grants(channel, "env", encodeEnv("A", "")), false);
    assert.equal(await grants(channel, "shell"), true);
    assert.equal(hosting.errors.length, 3);
  });
});

describe("a terminal's sizes", () => {
  it("begin with the first, for whoever asks, and end with the session", async () => {
    const seen: TerminalSize[][] = [];
    const done: Promise<void>[] = [];
    const started = deferred<ServerSession>();
    const follow = async (session: ServerSession): Promise<void> => {
      const sizes: TerminalSize[] = [];
      seen.push(sizes);
      for await (const size of session.sizes) sizes.push(size);
    };
    const hold = deferred<void>();
    await using hosting = await open({
      session: (session) => {
        started.resolve(session);
        done.push(follow(session));
        return hold.promise;
      },
    });
    const { channel } = hosting;
    await channel.request("pty-req", encodePtyRequest(PTY));
    await channel.request("shell");
    const session = await started.promise;
    const first = { columns: 80, rows: 24, width: 640, height: 480 };
    const second = { columns: 100, rows: 40, width: 0, height: 0 };
    const third = { columns: 20, rows: 10, width: 1, height: 2 };
    await channel.request("window-change", encodeWindowChange(second));
    done.push(follow(session));
    await channel.request("window-change", encodeWindowChange(third));
    assert.deepEqual(session.pty, { ...PTY, ...third });
    hold.resolve();
    await Promise.all(done);
    assert.deepEqual(seen, [[first, second, third], [second, third]]);
    assert.deepEqual(await take(session.sizes, 5), [third]);
  });

  it("may be missed by whoever is slow, but never the last", async () => {
    const started = deferred<ServerSession>();
    const hold = deferred<void>();
    await using hosting = await open({
      session: (session) => {
        started.resolve(session);
        return hold.promise;
      },
    });
    const { channel } = hosting;
    await channel.request("pty-req", encodePtyRequest(PTY));
    await channel.request("shell");
    const iterator = (await started.promise).sizes[Symbol.asyncIterator]();
    for (let columns = 1; columns <= 1000; columns++) {
      await channel.request("window-change", encodeWindowChange({ ...PTY, columns }));
    }
    const columns = [];
    do {
      columns.push((await iterator.next()).value?.columns);
    } while (columns.at(-1) !== 1000);
    assert.ok(columns.length <= 64, `${columns.length} waited`);
    hold.resolve();
    assert.equal((await iterator.next()).done, true);
  });
});

describe("signals and breaks", () => {
  it("signals come to the handler, in order, and end with the session", async () => {
    const got = deferred<string[]>();
    await using hosting = await open({
      session: async (session) => {
        const names = [];
        for await (const name of session.signals) {
          names.push(name);
          if (name === "TERM") await session.exitSignal(name);
        }
        got.resolve(names);
      },
    });
    const { channel } = hosting;
    assert.equal(await grants(channel, "signal", encodeText("INT")), false, "nothing runs yet");
    await channel.request("shell");
    channel.notify("signal", encodeText("INT"));
    channel.notify("signal", encodeText("a name with blanks"));
    channel.notify("signal", encodeText("USR1"));
    channel.notify("signal", encodeText("TERM"));
    assert.deepEqual(await got.promise, ["INT", "USR1", "TERM"]);
  });

  it("signals that nobody takes are bounded", async () => {
    const hold = deferred<void>();
    await using hosting = await open({ session: () => hold.promise });
    await hosting.channel.request("shell");
    const answers = [];
    for (let i = 0; i < 66; i++) {
      answers.push(await grants(hosting.channel, "signal", encodeText("HUP")));
    }
    assert.equal(answers.filter(Boolean).length, 64);
    hold.resolve();
  });

  it("a break is refused unless the handler takes it; the handler says whether it was done", async () => {
    const lengths: number[] = [];
    const hold = deferred<void>();
    const started = deferred<ServerSession>();
    await using hosting = await open({
      session: (session) => {
        started.resolve(session);
        return hold.promise;
      },
    });
    const { channel } = hosting;
    await channel.request("shell");
    assert.equal(await grants(channel, "break", encodeUint32(500)), false);
    (await started.promise).onBreak = (lengthMs) => {
      lengths.push(lengthMs);
      return Promise.resolve(lengthMs < 1000);
    };
    assert.equal(await grants(channel, "break", encodeUint32(500)), true);
    assert.equal(await grants(channel, "break", encodeUint32(3000)), false);
    assert.deepEqual(lengths, [500, 3000]);
    hold.resolve();
  });

  it("xon-xoff is told to the client", async () => {
    await using hosting = await host({ session: (session) => session.sendXonXoff(true) });
    const channel = await execute(hosting.client, "x");
    const [event] = await Array.fromAsync(channel.events);
    assert.ok(event?.type === "xon-xoff" && event.clientCanDo);
  });
});

describe("a session's promises", () => {
  it("tell of its channel, its start and its end", async () => {
    const opened = deferred<ServerSession>();
    await using hosting = await open({ session: () => {}, onSession: opened.resolve });
    const session = await opened.promise;
    await session.connectionMade;
    const state: string[] = [];
    session.sessionStarted.then(() => state.push("started"));
    session.connectionLost.then((error) => state.push(`over: ${error}`));
    await hosting.channel.request("env", encodeEnv("A", "b"));
    assert.deepEqual(state, []);
    await hosting.channel.request("shell");
    await session.closed;
    await session.connectionLost;
    assert.deepEqual(state, ["started", "over: undefined"]);
  });

  it("tell that it never started", async () => {
    const opened = deferred<ServerSession>();
    await using hosting = await open({ session: () => {}, onSession: opened.resolve });
    const session = await opened.promise;
    await hosting.channel.close();
    await assert.rejects(session.sessionStarted, /over/);
    assert.deepEqual(await eventsOf(hosting.channel), ["closed"]);
  });

  it("has the user, the login and its number", async () => {
    const seen: unknown[] = [];
    await using hosting = await host({
      session: ({ id, user, login, connection }) => {
        seen.push([id, user, login.method, connection.role]);
      },
      user: "grace",
    });
    await (await execute(hosting.client, "x")).closed;
    await (await execute(hosting.client, "y")).closed;
    assert.deepEqual(seen, [[0, "grace", "none", "server"], [1, "grace", "none", "server"]]);
  });
});

async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}
