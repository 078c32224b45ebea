import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  connectBy,
  type ConnectByOptions,
  type LoginQuestions,
  parseSshConfig,
  type SshConfig,
  type SshConfigContext,
} from "../../client/mod.ts";
import { Eof, flowPair } from "../../flow/mod.ts";
import { generateKey } from "../../keys/mod.ts";
import { DisconnectError, HostKeyError, SshError } from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { Network } from "./_network.ts";

/** A configuration over a network in which every name is known, and every password is right. */
async function setting(text: string, servers: string[], more: Partial<ConnectByOptions> = {}) {
  const network = new Network();
  for (const where of servers) network.servers[where] = {};
  const knownHosts = await network.knownHosts();
  const asked: string[] = [];
  const ask: LoginQuestions = {
    password: ({ user, host }) => {
      asked.push(`${user}@${host}`);
      return "sesame";
    },
  };
  const configOf = (context: SshConfigContext) =>
    parseSshConfig(text, { localUser: "me", options: ["User=ada"], ...context });
  const options: ConnectByOptions = {
    configOf,
    dial: ({ hostname, port }) => network.dial(`${hostname}:${port}`),
    files: { read: (path) => path.endsWith("/known_hosts") ? knownHosts : null },
    ask,
    ...more,
  };
  return {
    network,
    asked,
    configOf,
    connect: async (host: string, explicit: Partial<ConnectByOptions> = {}) =>
      await connectBy(await configOf({ host }), { ...options, ...explicit }),
  };
}

const closed = (network: Network) => async () => {
  while (network.open > 0) await new Promise((resolve) => setTimeout(resolve, 1));
};

describe("connectBy", () => {
  it("dials what the configuration says, and logs in as it says", async () => {
    const { network, asked, connect } = await setting("Host db\nHostName h\nPort 2222", ["h:2222"]);
    const ssh = await connect("db");
    assert.equal((await ssh.command("x").output()).code, 7);
    assert.deepEqual(network.dialed, ["here > h:2222"]);
    assert.deepEqual(asked, ["ada@db"]);
    await ssh.close();
    await closed(network)();
  });

  it("goes through hosts on the way, each by its own part of the configuration", async () => {
    const text = `
      Host db
        HostName h
        ProxyJump a,eve@b:23
      Host a
        HostName first
        User carol
      Host b
        HostName second
        Port 99
    `;
    const { network, asked, connect } = await setting(text, ["first:22", "second:23", "h:22"]);
    const ssh = await connect("db");
    assert.equal((await ssh.command("x").output()).code, 7);
    assert.deepEqual(network.dialed, [
      "here > first:22",
      "first:22 > second:23",
      "second:23 > h:22",
    ]);
    // What the user says of the destination, who it is among that, is not said of the others.
    assert.deepEqual(asked, ["carol@a", "eve@b", "ada@db"]);
    assert.equal(network.open, 3);
    await ssh.close();
    await closed(network)();
  });

  it("goes through the hosts on the way to hosts on the way", async () => {
    const text = "Host db\nProxyJump a\nHost a\nProxyJump b";
    const { network, connect } = await setting(text, ["a:22", "b:22", "db:22"]);
    await using _ssh = await connect("db");
    assert.deepEqual(network.dialed, ["here > b:22", "b:22 > a:22", "a:22 > db:22"]);
  });

  it("does not go round in circles", async () => {
    for (
      const text of ["Host *\nProxyJump a", "Host db a\nProxyJump b\nHost b\nProxyJump a"]
    ) {
      const { network, connect } = await setting(text, ["a:22", "b:22", "db:22"]);
      await assert.rejects(connect("db"), /^SshError: Cannot connect to db: .* a circle: /);
      assert.deepEqual(network.dialed, []);
    }
  });

  it("runs a ProxyCommand, if the caller can", async () => {
    const text = "Host db\nProxyCommand nc -x %h:%p";
    const { network, connect } = await setting(text, ["db:22"]);
    const commands: string[] = [];
    await using ssh = await connect("db", {
      spawn: (command) => {
        commands.push(command);
        return network.dial("db:22", "nc");
      },
    });
    assert.deepEqual(commands, ["nc -x db:22"]);
    assert.equal((await ssh.command("x").output()).code, 7);
    await assert.rejects(connect("db"), /SshError: Cannot connect to db: .* a ProxyCommand/);
  });

  it("refuses what it is not given the means for", async () => {
    const jump = await setting("ProxyJump a", ["a:22", "db:22"]);
    const config = await jump.configOf({ host: "db" });
    const dial = () => jump.network.dial("a:22");
    const knows = { explicit: { insecureAcceptAnyHostKey: true as const } };
    await assert.rejects(connectBy(config, { dial, ...knows }), /SshError: .* a ProxyJump/);
    const pass = await setting("ProxyCommand x\nProxyUseFdpass yes", []);
    await assert.rejects(pass.connect("db", { spawn: dial }), /SshError: .* ProxyUseFdpass/);
    const plain = await setting("", ["db:22"]);
    await assert.rejects(
      connectBy(await plain.configOf({ host: "db" }), { dial }),
      /^TypeError: Cannot know db by its key: no files/,
    );
    assert.deepEqual([...jump.network.dialed, ...plain.network.dialed], []);
  });

  it("verifies hosts on the way before they are sent anything", async () => {
    for (const stranger of ["a:22", "db:22"]) {
      const { network, asked, connect } = await setting("Host db\nProxyJump a", ["db:22", "a:22"]);
      network.servers[stranger] = { hostKeys: [await generateKey("ed25519")] };
      await assert.rejects(
        connect("db"),
        (error) => error instanceof HostKeyError && error.status === "known-changed",
      );
      assert.deepEqual(asked, stranger === "a:22" ? [] : ["me@a"]);
      assert.ok(!network.attempts.some((attempt) => attempt.includes(stranger)));
      await closed(network)();
    }
  });

  it("takes explicit options before the file: an object for the destination alone", async () => {
    const text = "Host db\nProxyJump a\nUser ada\nHost a\nUser carol";
    const { network, connect } = await setting(text, ["a:22", "db:22"]);
    const own = await connect("db", { explicit: { user: "root", auth: { password: "sesame" } } });
    const tried = (user: string) => network.attempts.filter((attempt) => attempt.startsWith(user));
    assert.deepEqual(tried("root"), ["root@db:22 password"]);
    assert.ok(tried("carol@a").length > 0);
    await own.close();
    const explicit = ({ host }: SshConfig) => ({ user: `${host}-user` });
    await using _all = await connect("db", { explicit });
    assert.ok(tried("a-user@a").length > 0 && tried("db-user@db").length > 0);
  });

  it("knows the host by an explicit way in place of the files", async () => {
    const { connect } = await setting("UserKnownHostsFile none", ["db:22"]);
    await assert.rejects(connect("db"), HostKeyError);
    const authenticator = (await testHostKey()).publicKey;
    await using ssh = await connect("db", { explicit: { authenticator } });
    assert.equal((await ssh.command("x").output()).code, 7);
  });

  it("gives up a dial that takes longer than ConnectTimeout, and drops what comes then", async () => {
    const { connect } = await setting("ConnectTimeout 1", []);
    const [near, far] = flowPair();
    let aborted: unknown = null;
    const connecting = connect("db", {
      dial: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            aborted = signal.reason;
            resolve(near);
          });
        }),
    });
    await assert.rejects(connecting, {
      name: "SshError",
      message: "Cannot connect to db port 22: there was no connection within 1000 ms",
    });
    assert.ok(aborted instanceof SshError);
    await assert.rejects(far.read());
  });

  it("gives up a server that never answers after ConnectTimeout", async () => {
    const { connect } = await setting("ConnectTimeout 1", []);
    const [near, far] = flowPair();
    const startedAt = performance.now();
    const reading = (async () => {
      while (await far.read() !== Eof);
      await far.close();
    })();
    await assert.rejects(connect("db", { dial: () => near }), /did not identify itself within/);
    assert.ok(performance.now() - startedAt < 3000);
    await reading;
  });

  it("can be given up while it dials, and on the way", async () => {
    const { network, connect } = await setting("Host db\nProxyJump a", ["a:22", "db:22"]);
    const reason = new Error("enough");
    const never = new AbortController();
    const dialing = connect("db", { dial: () => new Promise(() => {}), signal: never.signal });
    never.abort(reason);
    await assert.rejects(dialing, reason);
    network.servers["db:22"] = { authenticate: () => new Promise(() => {}) };
    const late = new AbortController();
    const ask: LoginQuestions = {
      password: ({ host }) => {
        if (host === "db") late.abort(reason);
        return "sesame";
      },
    };
    await assert.rejects(connect("db", { signal: late.signal, ask }), reason);
    await closed(network)();
  });

  it("is told why, when a host on the way goes away", async () => {
    const { network, connect } = await setting("Host db\nProxyJump a", ["a:22", "db:22"]);
    const stop = new AbortController();
    network.servers["a:22"] = { signal: stop.signal };
    const ssh = await connect("db");
    const running = ssh.command("x");
    assert.equal((await running.output()).code, 7);
    stop.abort();
    await assert.rejects(ssh.openSession().then((session) => session.exitStatus), DisconnectError);
    await closed(network)();
  });

  it("says that a host on the way does not reach the next", async () => {
    const { network, connect } = await setting("Host db\nProxyJump a", ["a:22"]);
    await assert.rejects(connect("db"), { name: "ChannelOpenError" });
    await closed(network)();
  });
});
