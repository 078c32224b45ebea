import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { Channel } from "../../connection/mod.ts";
import type { Permissions } from "../../keys/permissions.ts";
import type { ServerSession } from "../../server/mod.ts";
import { encodeEnv, encodePtyRequest, encodeText } from "../../wire/channel_requests.ts";
import { ChannelOpenError, ChannelOpenReason, RequestError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { execute, host, type Hosting, type HostingOptions } from "./_hosting.ts";

const PTY = { term: "xterm", columns: 80, rows: 24, width: 0, height: 0, modes: {} };
const FORWARDS = ["direct-tcpip", "direct-streamlocal@openssh.com", "tun@openssh.com"];
const LISTENS = ["tcpip-forward", "streamlocal-forward@openssh.com"];

/** What a session's handler saw. */
interface Seen {
  readonly by: string;
  readonly command: string | null;
  readonly subsystem: string | null;
  readonly env: Readonly<Record<string, string>>;
}

/** A server for a login with permissions; `seen` is what its sessions ran. */
async function hostWith(
  permissions: Permissions,
  options: HostingOptions = {},
): Promise<Hosting & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const note = (by: string) => ({ command, subsystem, env }: ServerSession): void => {
    seen.push({ by, command, subsystem, env: Object.fromEntries(env) });
  };
  const hosting = await host({
    authenticate: () => ({ permissions }),
    session: note("session"),
    subsystems: { sftp: note("sftp"), other: note("other") },
    ...options,
  });
  return Object.assign(hosting, { seen });
}

async function grants(asking: Promise<unknown>): Promise<boolean> {
  try {
    await asking;
    return true;
  } catch (error) {
    if (error instanceof RequestError || error instanceof ChannelOpenError) return false;
    throw error;
  }
}

/** Runs something in a session of its own, after some variables were asked for. */
async function run(
  hosting: Hosting,
  request: "exec" | "shell" | "subsystem",
  name = "",
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const channel: Channel = await hosting.client.openChannel("session");
  for (const [key, value] of Object.entries(env)) {
    await grants(channel.request("env", encodeEnv(key, value)));
  }
  const payload = request === "shell" ? new Uint8Array(0) : encodeText(name);
  const granted = await grants(channel.request(request, payload));
  if (granted) await channel.closed;
  else await channel.close();
  return granted;
}

describe("a login with a forced command", () => {
  const forceCommand = "backup --now";

  it("runs that, whatever is asked for, and tells it what that was", async () => {
    await using hosting = await hostWith({ forceCommand });
    assert.equal(await run(hosting, "exec", "rm -rf /"), true);
    assert.equal(await run(hosting, "shell"), true);
    assert.equal(await run(hosting, "subsystem", "sftp"), true);
    const forced = { by: "session", command: forceCommand, subsystem: null };
    assert.deepEqual(hosting.seen, [
      { ...forced, env: { SSH_ORIGINAL_COMMAND: "rm -rf /" } },
      { ...forced, env: {} },
      { ...forced, env: { SSH_ORIGINAL_COMMAND: "sftp" } },
    ]);
  });

  it("cannot be told what was asked for by a variable of the client's", async () => {
    await using hosting = await hostWith({ forceCommand });
    const env = { SSH_ORIGINAL_COMMAND: "harmless", LANG: "C" };
    await run(hosting, "shell", "", env);
    await run(hosting, "exec", "real", env);
    assert.deepEqual(hosting.seen.map(({ env }) => env), [
      { LANG: "C" },
      { LANG: "C", SSH_ORIGINAL_COMMAND: "real" },
    ]);
  });

  it("is refused where nothing runs commands, and where the policy of sessions refuses", async () => {
    await using without = await hostWith({ forceCommand }, { session: undefined });
    assert.equal(await run(without, "subsystem", "sftp"), false);
    const asked: unknown[] = [];
    await using refusing = await hostWith({ forceCommand }, {
      allowSession: ({ command, env }) => {
        asked.push(command, env.get("SSH_ORIGINAL_COMMAND"));
        return false;
      },
    });
    assert.equal(await run(refusing, "exec", "ls"), false);
    assert.deepEqual(asked, [forceCommand, "ls"]);
    assert.deepEqual([...without.seen, ...refusing.seen], []);
  });

  it("does not tell what a session was refused before", async () => {
    const asked: unknown[] = [];
    await using refusing = await hostWith({ forceCommand }, {
      allowSession: ({ env }) => {
        asked.push(env.get("SSH_ORIGINAL_COMMAND"));
        return false;
      },
    });
    const channel = await refusing.client.openChannel("session");
    assert.equal(await grants(channel.request("exec", encodeText("ls"))), false);
    assert.equal(await grants(channel.request("shell", new Uint8Array(0))), false);
    assert.deepEqual(asked, ["ls", undefined]);
    await channel.close();
  });

  it("that is internal-sftp gets files, and nothing else", async () => {
    await using hosting = await hostWith({ forceCommand: "internal-sftp" });
    assert.equal(await run(hosting, "subsystem", "sftp"), true);
    assert.equal(await run(hosting, "subsystem", "other"), true);
    assert.equal(await run(hosting, "exec", "ls"), false);
    assert.equal(await run(hosting, "shell"), false);
    assert.deepEqual(hosting.seen.map(({ by, subsystem }) => [by, subsystem]), [
      ["sftp", "sftp"],
      ["sftp", "sftp"],
    ]);
    // Its arguments limit it: who cannot obey them must not give files without limits.
    await using limited = await hostWith({ forceCommand: "internal-sftp -R" });
    assert.equal(await run(limited, "subsystem", "sftp"), true);
    assert.deepEqual(limited.seen.map(({ by, command }) => [by, command]), [
      ["session", "internal-sftp -R"],
    ]);
  });

  it("has none where none is forced, and no variable that says so", async () => {
    await using hosting = await hostWith({});
    await run(hosting, "exec", "ls", { SSH_ORIGINAL_COMMAND: "x" });
    assert.deepEqual(hosting.seen, [{ by: "session", command: "ls", subsystem: null, env: {} }]);
  });
});

describe("a login with variables of its own", () => {
  it("has them in its sessions, and the client cannot change them", async () => {
    await using hosting = await hostWith({ environment: { ROLE: "guest", PATH: "/bin" } });
    await run(hosting, "exec", "env", { ROLE: "admin", LANG: "C" });
    assert.deepEqual(hosting.seen[0]?.env, { ROLE: "guest", PATH: "/bin", LANG: "C" });
  });
});

describe("a login that may not have a terminal", () => {
  it("gets none, whatever the server's policy says, and runs without", async () => {
    let asked = 0;
    const allowPty = (): boolean => ++asked > 0;
    await using hosting = await hostWith({ pty: false }, { allowPty });
    const channel = await hosting.client.openChannel("session");
    assert.equal(await grants(channel.request("pty-req", encodePtyRequest(PTY))), false);
    assert.equal(asked, 0);
    await channel.request("exec", encodeText("ls"));
    await channel.closed;
    assert.equal(hosting.seen.length, 1);
  });

  it("is not meant where nothing is said, or where it may", async () => {
    for (const permissions of [{}, { pty: true }]) {
      await using hosting = await hostWith(permissions);
      const channel = await hosting.client.openChannel("session");
      assert.equal(await grants(channel.request("pty-req", encodePtyRequest(PTY))), true);
    }
  });
});

describe("a login that may not forward", () => {
  const options: HostingOptions = {
    onChannelOpen: (open) => void open.accept(),
    onGlobalRequest: (request) => request.succeed(),
  };

  it("connects to nothing and listens nowhere, whatever the server's policy says", async () => {
    await using hosting = await hostWith({ portForwarding: false }, options);
    const { client } = hosting;
    for (const type of FORWARDS) {
      await assert.rejects(client.openChannel(type), (error) => {
        assert.ok(error instanceof ChannelOpenError);
        assert.equal(error.reason, ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED);
        return true;
      });
    }
    for (const name of LISTENS) {
      assert.equal(await grants(client.request(name, utf8(""))), false, name);
    }
    assert.equal(await grants(client.openChannel("chat@example.com")), true);
    assert.equal(await grants(client.request("cancel-tcpip-forward", utf8(""))), true);
    await (await execute(client, "ls")).closed;
    assert.equal(hosting.seen.length, 1);
  });

  it("is not meant where nothing is said, or where it may", async () => {
    for (const permissions of [{}, { portForwarding: true }]) {
      await using hosting = await hostWith(permissions, options);
      for (const type of FORWARDS) assert.ok(await hosting.client.openChannel(type));
      for (const name of LISTENS) {
        assert.equal(await grants(hosting.client.request(name, utf8(""))), true);
      }
    }
  });
});

describe("a login that has a tun device", () => {
  const options: HostingOptions = { onChannelOpen: (open) => void open.accept() };
  const ANY = 0x7fffffff;
  const opens = ({ client }: Hosting, device: number): Promise<boolean> => {
    const extra = new Writer().uint32(1).uint32(device).finish();
    return grants(client.openChannel("tun@openssh.com", { extra }));
  };

  it("gets tunnels to that one, or leaves the choice, though it may forward nothing else", async () => {
    const denied: Permissions[] = [{}, { portForwarding: false }, {
      permitOpen: [{ host: "a", port: 80 }],
    }];
    for (const others of denied) {
      await using hosting = await hostWith({ tunnel: "3", ...others }, options);
      const granted = [];
      for (const device of [3, ANY, 4, 0x80000003]) granted.push(await opens(hosting, device));
      assert.deepEqual(granted, [true, true, false, false]);
      for (const extra of [utf8(""), utf8("1234567")]) {
        assert.equal(await grants(hosting.client.openChannel("tun@openssh.com", { extra })), false);
      }
      await using any = await hostWith({ tunnel: "any", ...others }, options);
      assert.equal(await opens(any, 3), true);
      await using none = await hostWith(others, options);
      assert.equal(await opens(none, 3), others.portForwarding !== false && !others.permitOpen);
    }
  });

  it("gets none unless the server's own policy says so", async () => {
    await using hosting = await hostWith({ tunnel: "3" });
    assert.equal(await opens(hosting, 3), false);
  });
});

describe("a login that may not forward X11", () => {
  it("makes no such request, whatever the server's policy says, but others", async () => {
    const asked: string[] = [];
    const options: HostingOptions = {
      onSessionRequest: ({ name }) => asked.push(name) > 0,
    };
    for (const x11Forwarding of [false, true, undefined]) {
      await using hosting = await hostWith({ x11Forwarding }, options);
      const channel = await hosting.client.openChannel("session");
      assert.equal(await grants(channel.request("x11-req")), x11Forwarding !== false);
      assert.equal(await grants(channel.request("other@example.com")), true);
    }
    const other = "other@example.com";
    assert.deepEqual(asked, [other, "x11-req", other, "x11-req", other]);
  });
});
