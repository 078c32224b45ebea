import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  connectOptionsOf,
  formatJumpHosts,
  parseForward,
  parseJumpHosts,
  parseSshConfig,
  sessionOptionsOf,
  type SshConfig,
  type SshConfigContext,
} from "../../client/config/mod.ts";

const here = {
  host: "db",
  localUser: "me",
  localUserId: 1000,
  localHostname: "desk.example",
  homeDirectory: "/home/me",
  env: { SSH_AUTH_SOCK: "/run/agent", DIR: "/d %h ${DIR}" },
};

function parse(text: string, context: Partial<SshConfigContext> = {}): Promise<SshConfig> {
  return parseSshConfig(text, { ...here, ...context });
}

describe("ssh_config: options", () => {
  it("have the defaults of ssh", async () => {
    const config = await parse("");
    assert.deepEqual([config.hostname, config.port, config.user], ["db", 22, "me"]);
    assert.equal(config.strictHostKeyChecking, "ask");
    assert.deepEqual(config.identityFile.slice(0, 2), [
      "/home/me/.ssh/id_rsa",
      "/home/me/.ssh/id_ecdsa",
    ]);
    assert.deepEqual(config.userKnownHostsFile, [
      "/home/me/.ssh/known_hosts",
      "/home/me/.ssh/known_hosts2",
    ]);
    assert.equal(config.identityAgent, "/run/agent");
    assert.deepEqual([config.connectTimeout, config.serverAliveInterval], [null, 0]);
    assert.deepEqual([config.ciphers, config.proxyCommand], [undefined, undefined]);
    assert.equal(config.given.size, 0);
  });

  it("tell which of them somebody has set", async () => {
    const config = await parse("Port 22\nIdentityFile none\nHost x\nUser x", { user: "ada" });
    assert.deepEqual([...config.given].sort(), ["identityFile", "port", "user"]);
  });

  it("add up where they do so in ssh, each value once", async () => {
    const config = await parse(
      "IdentityFile /a\nIdentityFile /b\nIdentityFile /a\nSendEnv A B*\nSendEnv C -A\n" +
        "SetEnv X=1 X=2\nSetEnv Y=3\nUserKnownHostsFile /k /l\nUserKnownHostsFile /m",
    );
    assert.deepEqual(config.identityFile, ["/a", "/b"]);
    assert.deepEqual(config.sendEnv, ["B*", "C"]);
    assert.deepEqual(config.setEnv, ["X=1"]);
    assert.deepEqual(config.userKnownHostsFile, ["/k", "/l"]);
    const lines = Array.from({ length: 1001 }, (_, i) => `IdentityFile /${i}`).join("\n");
    await assert.rejects(parse(lines), /line 1001: IdentityFile stands there more than 1000 times/);
  });

  it("are none, where none says so", async () => {
    const config = await parse(
      "IdentityFile none\nUserKnownHostsFile none\nGlobalKnownHostsFile none\nProxyJump none\n" +
        "RemoteCommand none\nRevokedHostKeys none\nIdentityAgent none\nEscapeChar none\n" +
        "CanonicalDomains none",
    );
    const empty = [
      config.identityFile,
      config.userKnownHostsFile,
      config.globalKnownHostsFile,
      config.proxyJump,
      config.canonicalDomains,
    ];
    assert.deepEqual(empty, [[], [], [], [], []]);
    assert.deepEqual([config.identityAgent, config.escapeChar], [null, null]);
    assert.deepEqual([config.remoteCommand, config.revokedHostKeys], [undefined, undefined]);
    assert.equal((await parse("ProxyCommand none\nProxyJump a")).proxyCommand, undefined);
  });

  it("have times and sizes in units", async () => {
    const config = await parse("ConnectTimeout 1h30m5\nServerAliveInterval 2M\nRekeyLimit 2g 1d");
    assert.equal(config.connectTimeout, 5405);
    assert.equal(config.serverAliveInterval, 120);
    assert.deepEqual(config.rekeyLimit, { bytes: 2 * 2 ** 30, seconds: 86400 });
  });

  it("leave a time that is none to later lines", async () => {
    assert.equal((await parse("ConnectTimeout none\nConnectTimeout 9")).connectTimeout, 9);
  });

  it("name algorithms: only those, more of them, fewer, or some first", async () => {
    const supported = { ciphers: ["a-1", "a-2", "b-1"] };
    for (
      const [list, names] of [
        ["b-1,a-1", ["b-1", "a-1"]],
        ["foreign,a-2", ["a-2"]],
        ["a-*", ["a-1", "a-2"]],
        ["-a-?", ["b-1"]],
        ["^b-1", ["b-1", "a-1", "a-2"]],
        ["+b-1,foreign", ["a-1", "a-2", "b-1"]],
      ] as const
    ) {
      const { ciphers } = await parse(`Ciphers ${list}`, { supported });
      assert.deepEqual(ciphers, names, list);
    }
    await assert.rejects(parse("Ciphers -*", { supported }), /Ciphers leaves no algorithm/);
    const { pubkeyAcceptedAlgorithms: accepted } = await parse("PubkeyAcceptedKeyTypes *ed25519*");
    assert.deepEqual(accepted, [
      "ssh-ed25519-cert-v01@openssh.com",
      "sk-ssh-ed25519-cert-v01@openssh.com",
      "ssh-ed25519",
      "sk-ssh-ed25519@openssh.com",
    ]);
  });

  it("have tokens, variables and the home directory expanded, once", async () => {
    const text = "HostName %h.example\nUser ada\nPort 7\nHostKeyAlias Alias\n";
    const config = await parse(
      `${text}IdentityFile ~/%h-%n-%p-%r-%u-%i-%L-%l-%k-%%d\nCertificateFile \${DIR}/%d\n` +
        "RemoteCommand ~ ${DIR} %C\nLocalForward 80 /run/%n.sock\nProxyCommand nc %h %p # %r",
    );
    assert.deepEqual(config.identityFile, [
      "/home/me/db.example-db-7-ada-me-1000-desk-desk.example-alias-%d",
    ]);
    assert.deepEqual(config.certificateFile, ["/d %h ${DIR}//home/me"]);
    assert.match(config.remoteCommand ?? "", /^~ \$\{DIR\} [0-9a-f]{40}$/);
    const own = { host: "h", user: "root", localHostname: "vm" };
    // That is what OpenSSH 9.2 makes of it.
    const { remoteCommand } = await parse("RemoteCommand %C", own);
    assert.equal(remoteCommand, "f6c7b5c5686c0e29702f588dbcf31794a61da818");
    assert.deepEqual(config.localForward, [
      { listen: { port: 80 }, connect: { path: "/run/db.sock" } },
    ]);
    assert.equal(config.proxyCommand, "nc db.example 7 # ada");
    await assert.rejects(
      parse("ProxyCommand %u"),
      /has the token "%u"; it can have %% %h %n %p %r/,
    );
    await assert.rejects(parse("HostName %n"), /HostName has the token "%n"; it can have %% %h/);
  });

  it("hand no shell a name that it would not take as it is", async () => {
    for (const host of ["a;b", "$(x)", "`x`", "-oProxyCommand=x", "a b", "a'", "a\nb", "a|b"]) {
      const exec = () => assert.fail(`${host} has been run`);
      for (const text of ["ProxyCommand nc %h", "Match exec %n", "ProxyCommand %r"]) {
        const context = text.endsWith("r") ? { user: host } : { host, exec };
        if (host.includes("\n") && "user" in context) continue;
        await assert.rejects(
          parse(text, context),
          /which has what a shell would not take as it is/,
        );
      }
      assert.equal((await parse("ProxyCommand nc x", { host })).host, host);
    }
  });

  it("name agents by variables, too", async () => {
    assert.equal((await parse("IdentityAgent $DIR")).identityAgent, here.env.DIR);
    assert.equal((await parse("IdentityAgent $NOPE")).identityAgent, null);
    assert.equal((await parse("IdentityAgent SSH_AUTH_SOCK")).identityAgent, "/run/agent");
    assert.equal((await parse("IdentityAgent ~/%n")).identityAgent, "/home/me/db");
    assert.equal((await parse("ForwardAgent ~/s")).forwardAgent, "/home/me/s");
    assert.equal((await parse("ForwardAgent $NOPE")).forwardAgent, false);
    assert.equal((await parse("ForwardAgent $SSH_AUTH_SOCK")).forwardAgent, "/run/agent");
  });

  it("name the hosts on the way, or a command, whichever comes first", async () => {
    const config = await parse("ProxyJump ada@a:3,[::1]:4,ssh://b@%h\nProxyCommand x");
    assert.deepEqual(config.proxyJump, [
      { hostname: "a", user: "ada", port: 3 },
      { hostname: "::1", port: 4 },
      { hostname: "db", user: "b" },
    ]);
    assert.equal(config.proxyCommand, undefined);
    const other = await parse("ProxyCommand x\nProxyJump a");
    assert.deepEqual([other.proxyCommand, other.proxyJump], ["x", []]);
  });

  it("name no forwardings, if ClearAllForwardings says so", async () => {
    const text = "LocalForward 1 a:1\nRemoteForward 2 b:2\nDynamicForward 3";
    const config = await parse(text);
    const forwards = [config.localForward, config.remoteForward, config.dynamicForward];
    assert.deepEqual(forwards.map(({ length }) => length), [1, 1, 1]);
    const { localForward, remoteForward, dynamicForward } = await parse(
      `${text}\nClearAllForwardings yes`,
    );
    assert.deepEqual([localForward, remoteForward, dynamicForward], [[], [], []]);
  });

  it("are the caller's before they are the file's", async () => {
    const context = { user: 'a "b" \\', port: 1, options: ["Compression=yes", "Port 2"] };
    const config = await parse("User x\nPort 3\nCompression no", context);
    assert.deepEqual([config.user, config.port, config.compression], [context.user, 1, true]);
    await assert.rejects(parse("", { options: ["Host x"] }), /line 1: Host stands in files only/);
    await assert.rejects(parse("", { options: ["Port 1", "X 1"] }), /the option line 2: X is not/);
    await assert.rejects(parse("", { options: ["User a\nPort 2"] }), /more than one line/);
    await assert.rejects(parse("", { port: 0 }), /Port has to be a number/);
    await assert.rejects(parse("", { host: "" }), TypeError);
  });
});

describe("ssh_config: as connect and sessions take it", () => {
  it("what the caller says replaces what the file says", async () => {
    const config = await parse(
      "User ada\nPort 7\nHostName x\nCiphers aes256-ctr\nCompression yes\nRekeyLimit 1G 1h",
    );
    assert.deepEqual(connectOptionsOf(config), {
      user: "ada",
      hostname: "x",
      port: 7,
      algorithms: { ciphers: ["aes256-ctr"], compression: ["zlib@openssh.com", "none"] },
      rekey: { bytes: 2 ** 30, intervalMs: 3_600_000 },
    });
    const algorithms = { macs: ["hmac-sha2-512"] };
    const options = connectOptionsOf(config, { user: "bob", algorithms, auth: [] });
    assert.deepEqual([options.user, options.algorithms, options.port], ["bob", algorithms, 7]);
    assert.deepEqual(options.auth, []);
  });

  it("a host key is looked up by its alias, without a port", async () => {
    const options = connectOptionsOf(await parse("HostKeyAlias Other\nPort 7"));
    assert.deepEqual([options.hostname, "port" in options], ["other", false]);
  });

  it("gives the times of the configuration in milliseconds, and none that it has not", async () => {
    const none = connectOptionsOf(await parse("User ada\nServerAliveCountMax 7"));
    assert.equal("keepalive" in none || "handshakeTimeoutMs" in none, false);
    const text = "User ada\nServerAliveInterval 1m\nConnectTimeout 10";
    const { keepalive, handshakeTimeoutMs } = connectOptionsOf(await parse(text));
    assert.deepEqual(keepalive, { intervalMs: 60_000, countMax: 3 });
    assert.equal(handshakeTimeoutMs, 10_000);
    const own = { keepalive: { intervalMs: 5 } };
    assert.deepEqual(connectOptionsOf(await parse(text), own).keepalive, own.keepalive);
  });

  it("lends the agent that the configuration means, if there is a way to it", async () => {
    const lent = async (text: string) => {
      const paths: string[] = [];
      const { forwardAgent } = sessionOptionsOf(await parse(text), {
        openAgent: (path) => {
          paths.push(path);
          throw new Error("nobody is there");
        },
      });
      if (forwardAgent !== undefined) assert.throws(() => forwardAgent());
      return paths;
    };
    assert.deepEqual(await lent("IdentityAgent /a"), []);
    assert.deepEqual(await lent("IdentityAgent /a\nForwardAgent no"), []);
    assert.deepEqual(await lent("IdentityAgent /a\nForwardAgent yes"), ["/a"]);
    assert.deepEqual(await lent("IdentityAgent /a\nForwardAgent /b"), ["/b"]);
    assert.deepEqual(await lent("IdentityAgent none\nForwardAgent yes"), []);
    const config = await parse("IdentityAgent /a\nForwardAgent yes");
    assert.equal(sessionOptionsOf(config).forwardAgent, undefined);
  });

  it("somebody has to say who logs in", async () => {
    const config = await parseSshConfig("", { host: "db" });
    assert.throws(() => connectOptionsOf(config), TypeError);
    assert.equal(connectOptionsOf(config, { user: "ada" }).user, "ada");
  });

  it("a session has a terminal and a command as ssh would have them", async () => {
    const session = async (text: string, options?: Parameters<typeof sessionOptionsOf>[1]) =>
      sessionOptionsOf(await parse(text), options);
    const terminal = { isTerminal: true };
    const shell = { command: null, isSubsystem: false, pty: true, env: {}, stdin: "piped" };
    assert.deepEqual(await session("", terminal), shell);
    assert.equal((await session("")).pty, false);
    assert.equal((await session("RemoteCommand ls", terminal)).pty, false);
    assert.equal((await session("RemoteCommand ls")).command, "ls");
    assert.equal((await session("RemoteCommand ls", { command: "id" })).command, "id");
    assert.equal((await session("RequestTTY yes", { command: "id" })).pty, false);
    assert.equal((await session("RequestTTY yes", { command: "id", ...terminal })).pty, true);
    assert.equal((await session("RequestTTY force", { command: "id" })).pty, true);
    assert.equal((await session("RequestTTY no", terminal)).pty, false);
    const nothing = await session("SessionType none\nStdinNull yes", terminal);
    assert.deepEqual([nothing.command, nothing.pty, nothing.stdin], [undefined, false, "null"]);
    const sftp = await session("SessionType subsystem", { command: "sftp" });
    assert.deepEqual([sftp.command, sftp.isSubsystem], ["sftp", true]);
  });

  it("a session sends the variables that it may, and those that are set", async () => {
    const env = { LC_ALL: "C", LC_X: undefined, HOME: "/", A: "1" };
    const config = await parse("SendEnv LC_* A\nSetEnv A=2 B=x=y");
    assert.deepEqual(sessionOptionsOf(config, { env }).env, { LC_ALL: "C", A: "2", B: "x=y" });
  });
});

describe("forwardings and hosts on the way", () => {
  const port = fc.integer({ min: 1, max: 65535 });
  const name = fc.constantFrom("a", "db.example", "::1", "10.0.0.1", "*");
  const path = fc.constantFrom("/a", "/run/x.sock");
  const end = fc.oneof(
    fc.record({ hostname: name, port }, { noNullPrototype: true }),
    fc.record({ path }, { noNullPrototype: true }),
  );
  const text = (one: { hostname?: string; port?: number; path?: string }) =>
    one.path ?? (one.hostname === undefined ? `${one.port}` : `[${one.hostname}]:${one.port}`);

  it("are read as they are written", () => {
    fc.assert(
      fc.property(
        fc.oneof(end, fc.record({ port }, { noNullPrototype: true })),
        end,
        (listen, connect) => {
          const local = { isDynamic: false, isRemote: false };
          assert.deepEqual(parseForward(`${text(listen)}:${text(connect)}`, local), {
            listen,
            connect,
          });
          const dynamic = { isDynamic: true, isRemote: false };
          assert.deepEqual(parseForward(text(listen), dynamic), { listen, connect: null });
        },
      ),
    );
    const host = fc.record({ hostname: name, user: fc.constantFrom("u", "a@b"), port }, {
      requiredKeys: ["hostname"],
      noNullPrototype: true,
    });
    fc.assert(fc.property(fc.array(host, { minLength: 1, maxLength: 4 }), (hosts) => {
      const written = hosts.map(({ hostname, user, port }) =>
        `${user ? `${user}@` : ""}[${hostname}]${port ? `:${port}` : ""}`
      );
      assert.deepEqual(parseJumpHosts(written.join(",")), hosts);
      assert.deepEqual(parseJumpHosts(formatJumpHosts(hosts)), hosts);
    }));
  });
});
