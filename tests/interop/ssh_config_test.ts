/**
 * `ssh -G` and we read the same configurations.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  ConfigError,
  type ConfigFile,
  type Forward,
  parseSshConfig,
  type SshConfig,
} from "../../client/config/mod.ts";
import { matchesPattern } from "../../keys/patterns.ts";
import { describePeer } from "../helpers/peers.ts";
import { print, readPrinted } from "../helpers/printed_config.ts";

/** What OpenSSH tries by itself, and we have no such keys. */
const FOREIGN_KEYS = /\/id_(?:xmss|dsa)$/;

/** A line whose keyword has such a quote is nothing at all to `ssh`. */
const STRICTER = /a quote that is not closed/;

const LISTS = ["ciphers", "kexalgorithms", "macs", "hostkeyalgorithms"] as const;

describePeer("ssh", "ssh -G and parseSshConfig", (ssh) => {
  let directory = "";
  let count = 0;
  const home = homeOf();
  const [localUser, localUserId] = [idOf("-un"), idOf("-u")];

  beforeAll(() => {
    directory = Deno.makeTempDirSync({ prefix: "sshflow-config-" });
  });
  afterAll(() => Deno.removeSync(directory, { recursive: true }));

  async function ours(path: string, host: string, options: readonly string[] = []) {
    return await parseSshConfig(Deno.readTextFileSync(path), {
      path,
      host,
      options,
      localUser,
      localUserId,
      localHostname: Deno.hostname(),
      homeDirectory: home,
      env: Deno.env.toObject(),
      include: filesOf,
      exec: (command) => new Deno.Command("sh", { args: ["-c", command] }).outputSync().success,
    });
  }

  /** @returns The number of options that were compared. */
  async function compare(text: string, host: string, options: string[] = []): Promise<number> {
    const path = `${directory}/config_${count++}`;
    Deno.writeTextFileSync(path, text);
    const given = options.flatMap((option) => ["-o", option]);
    const { success, stdout, stderr } = new Deno.Command(ssh, {
      args: ["-G", "-F", path, ...given, host],
      stdin: "null",
    }).outputSync();
    const said = new TextDecoder().decode(stderr);
    let config: SshConfig;
    try {
      config = await ours(path, host, options);
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${error}`);
      if (success && STRICTER.test(error.message)) return 1;
      assert.equal(success, false, `${text}\nOnly we say: ${error.message}`);
      return 1;
    }
    assert.equal(success, true, `${text}\nOnly ssh says: ${said}`);
    const theirs = readPrinted(new TextDecoder().decode(stdout));
    const printed = print(config);
    const differences: string[] = [];
    for (const [name, values] of printed) {
      let expected = theirs.get(name) ?? [];
      if (name === "identityfile" || name === "globalknownhostsfile") {
        // They are expanded later than they are printed.
        expected = expected.map((file) => file.replace(/^~(?=\/)/, home))
          .filter((file) => name !== "identityfile" || isOurs(file));
      }
      if (name === "sendenv") expected = [...new Set(expected)];
      if (name === "dynamicforward") {
        // It prints there, too, what is forwarded to a socket.
        const others = config.localForward.filter(({ connect }) => connect && "path" in connect);
        const prints = print({ ...config, dynamicForward: others.map(toDynamic) });
        expected = [...new Set(expected)]
          .filter((one) => values.includes(one) || !prints.get(name)?.includes(one));
      }
      if (isDebians(name, config)) continue;
      if (JSON.stringify(values) === JSON.stringify(expected)) continue;
      differences.push(`${name} is [${values}], but [${expected}] with ssh`);
    }
    if (differences.length > 0) assert.fail(`${text}\n→ ${host}: ${differences.join("; ")}`);
    compareAlgorithms(config, theirs, text);
    return printed.size;
  }

  function itAgrees(title: string, cases: readonly (string | [string, string, string[]?])[]): void {
    it(`agree on ${title}`, async () => {
      const wrong: string[] = [];
      for (const one of cases) {
        const [text, host, options = []] = typeof one === "string" ? [one, "h"] as const : one;
        try {
          await compare(text, host, [...options]);
        } catch (error) {
          wrong.push((error as Error).message);
        }
      }
      if (wrong.length > 0) assert.fail(wrong.join("\n\n"));
    });
  }

  itAgrees("how lines are cut", [
    "Port 22\n",
    "port=23",
    "PORT = 24\r\n",
    "\tPort\t=\t25 \f\n",
    "  = Port 26",
    '"Port" 27',
    'Po"rt" 28',
    'User "a b"',
    "User 'a b'",
    "User a\\ b",
    'User "a\\"b"',
    "User 'a\\'b'",
    "User a\\\\b",
    "User a\\b",
    'User "a\\ b"',
    'User a"b c"d',
    "User a # comment",
    "User a#b",
    'User "#a"',
    "User a b",
    'User "a',
    "User 'a",
    "User",
    "User ",
    'User ""',
    "User=",
    "User==a",
    "User = =a",
    "# Port 3\n#Port 4\n \t # Port 5",
    "Port 3 \\\n4",
    "User \\",
    "\n\n\r\n  \t \n",
    "Port\v3",
    "Foo 1",
    "Port3",
    "HostName=a.example\nUser=b",
    "UserKnownHostsFile /a '/b c' \"/d e\" # /f",
  ]);

  itAgrees("which value counts", [
    "Port 1\nPort 2",
    "ConnectTimeout none\nConnectTimeout 9",
    "ServerAliveInterval none\nServerAliveInterval 7\nServerAliveInterval 8",
    "IdentityFile /a\nIdentityFile /b\nIdentityFile /a",
    "IdentityFile none\nIdentityFile /b",
    "IdentityFile none",
    "CertificateFile /a\nCertificateFile /b",
    "SendEnv A B*\nSendEnv C\nSendEnv -A",
    "SendEnv A\nSendEnv A",
    "SetEnv A=1 B=2 A=3\nSetEnv C=3",
    "SetEnv A",
    "SetEnv A= B==",
    "UserKnownHostsFile /a /b\nUserKnownHostsFile /c",
    "UserKnownHostsFile none",
    "GlobalKnownHostsFile none",
    "GlobalKnownHostsFile ~/a /b",
    "ProxyCommand none\nProxyJump a",
    "ProxyJump none\nProxyCommand x",
    "ProxyJump a\nProxyCommand x",
    "ProxyCommand x\nProxyJump a",
    ["Port 5\nUser b", "h", ["Port=6", "User c", "Port=7"]],
    ["IdentityFile /b", "h", ["IdentityFile=/a"]],
    ["User b", "h", ['user="x y"']],
    ["ProxyCommand b", "h", ["ProxyJump=x"]],
  ]);

  itAgrees("what values there are", [
    ...[
      "Compression",
      "BatchMode",
      "TCPKeepAlive",
      "ForwardX11",
      "GatewayPorts",
      "StrictHostKeyChecking",
      "VerifyHostKeyDNS",
      "UpdateHostKeys",
      "CanonicalizeHostname",
      "PubkeyAuthentication",
      "ForwardAgent",
      "RequestTTY",
      "SessionType",
      "AddressFamily",
      "FingerprintHash",
      "LogLevel",
      "CheckHostIP",
      "StdinNull",
    ].flatMap((name) =>
      ["yes", "no", "true", "FALSE", "ask", "off", "auto", "accept-new", "none", "any", "1"]
        .map((value) => `${name} ${value}`)
    ).filter((line) => line !== "ForwardAgent none"),
    "ForwardX11Trusted yes\nVisualHostKey yes\nHashKnownHosts yes\nIdentitiesOnly yes",
    "PasswordAuthentication no\nChallengeResponseAuthentication no\nHostbasedAuthentication yes",
    "KeepAlive no\nDSAAuthentication no\nIdentityFile2 /x\nSkeyAuthentication no",
    "Protocol 2\nCipher 3des\nUsePrivilegedPort yes\nRSAAuthentication yes\nCompressionLevel 3",
    "AddressFamily inet6\nBindAddress ::1\nBindInterface lo",
    "AddressFamily INET\nFingerprintHash md5",
    "LogLevel verbose",
    "LogLevel DEBUG3",
    "LogLevel loud",
    "PubkeyAuthentication host-bound",
    "PubkeyAuthentication unbound",
    "SessionType subsystem\nRequestTTY force\nStdinNull yes\nExitOnForwardFailure yes",
    "CanonicalizeMaxDots 0\nCanonicalizeFallbackLocal no\nCanonicalDomains a.example b.example",
    "CanonicalDomains none",
    "NumberOfPasswordPrompts 1\nConnectionAttempts 4\nServerAliveCountMax 0\nRequiredRSASize 2048",
    "PreferredAuthentications publickey,password",
    "HostKeyAlias other\nNoHostAuthenticationForLocalhost yes",
    ...["0", "-1", "1", "65535", "65536", "1x", "x", "99999999999"].map((port) => `Port ${port}`),
    ...["0", "-1", "1x", "2147483647", "2147483648", "x"].map((n) => `ConnectionAttempts ${n}`),
    ...["0", "90", "30s", "1h30m", "2d", "1w2d3h4m5s", "1H", "5x", "m", "1h30", "-1", "1.5", "none"]
      .flatMap((time) => [`ConnectTimeout ${time}`, `ForwardX11Timeout ${time}`]),
    "ConnectTimeout 99999999999",
    "ConnectTimeout 10000w",
    ...["1G", "16", "15", "512k 1h", "default none", "default 30m", "1M none", "x", "1T", "1G 1x"]
      .map((limit) => `RekeyLimit ${limit}`),
    "RekeyLimit 1G 1h 3",
    ...["^a", "^[", "^?", "none", "x", "xy", "^", "^1"].map((text) => `EscapeChar ${text}`),
  ]);

  itAgrees("what is forwarded", [
    "LocalForward 80 localhost:90\nLocalForward 1.2.3.4:80 [::1]:90\nLocalForward *:81 h:9",
    "LocalForward 80 localhost:90\nLocalForward 80 localhost:90",
    "LocalForward [::1]:80 localhost:90",
    "LocalForward localhost:80 localhost:90",
    "LocalForward :80 localhost:90",
    "LocalForward 80:localhost:90",
    "LocalForward 80",
    "LocalForward 0 h:1",
    "LocalForward 80 h:0",
    "LocalForward 80 h",
    "LocalForward 80 h:x",
    "LocalForward 99999 h:1",
    "LocalForward a:b:c d:e",
    "LocalForward /a/b /c/d\nLocalForward 80 /c/%h-%r\nLocalForward /a/%p h:80",
    "LocalForward 1.2.3.4:80 /c/d",
    "RemoteForward 90\nRemoteForward 0 h:1\nRemoteForward a:91 h:2\nRemoteForward /a h:2",
    "RemoteForward /a /b",
    "DynamicForward 1080\nDynamicForward *:1081\nDynamicForward [::1]:1082",
    "DynamicForward 0",
    "DynamicForward /a/b",
    "DynamicForward 1 2",
    "LocalForward 80 localhost:90\nClearAllForwardings yes\nDynamicForward 2\nRemoteForward 3",
    "ProxyJump a@b:3,c",
    "ProxyJump a",
    "ProxyJump a@b@c:22",
    "ProxyJump ssh://a@b:3",
    "ProxyJump a,,b",
    "ProxyJump a:0",
    "ProxyJump a:x",
    "ProxyJump @a",
    "ProxyJump none",
    "ProxyCommand nc h 22 # all of this",
    "ProxyCommand=nc x",
    'ProxyCommand "nc x',
    "RemoteCommand none",
    'RemoteCommand=tmux  attach "a b"',
  ]);

  itAgrees("what matches", [
    ...["h", "H", "h.example", "db1", "db12", "127.0.0.1"].flatMap((host) =>
      [
        "Host h\nPort 2",
        "Host H\nPort 2",
        "Host *.example db?\nPort 2\nHost *\nPort 3\nUser x",
        "Host * !h\nPort 2",
        "Host !h *\nPort 2",
        "Host !h\nPort 2",
        "Host h,db1\nPort 2",
        'Host "h" # db1\nPort 2',
        "Host=h\nPort 2",
        "Host \nPort 2",
        'Host ""\nPort 2',
        "Match host h,db*\nPort 2",
        "Match host H\nPort 2",
        "Match host *,!h\nPort 2",
        "Match !host h\nPort 2",
        "Match host=h\nPort 2",
        'Match host "h"\nPort 2',
        "Match originalhost h\nPort 2",
        "Match all\nPort 2",
        "Match !all\nPort 2",
        "Host x\nPort 2\nMatch all\nUser b",
      ].map((text): [string, string] => [text, host])
    ),
    `Match localuser ${localUser}\nPort 2`,
    "Match localuser nobody-here\nPort 2",
    `Match user ${localUser}\nPort 2`,
    "User b\nMatch user b,c\nPort 2",
    "Match user b\nPort 2\nHost *\nUser b",
    "HostName other.%h\nMatch host other.h\nPort 2\nMatch originalhost h\nUser b",
    "HostName Other\nHost other\nPort 2",
    "Match host h user b\nPort 2",
    "Match host h localuser nobody-here\nPort 2",
    "Match\nPort 2",
    "Match host\nPort 2",
    "Match host h all\nPort 2",
    "Match host h originalhost h all\nPort 2",
    "Match all host h\nPort 2",
    "Match foo bar\nPort 2",
    "Match host h # comment\nPort 2",
    "Match all # comment\nPort 2",
    "Match final all\nPort 2",
    "Match final host h\nPort 2\nMatch canonical\nUser b\nMatch !final\nCompression yes",
    "Match canonical all\nPort 2",
    "HostName other\nHost other\nPort 2\nMatch final\nUser b",
    "HostName Other.Example\nMatch final\nHostName third\nMatch final host other.example\nPort 3",
    "IdentityFile /a\nLocalForward 80 h:1\nSendEnv A\nMatch final\nIdentityFile /b",
    'Match exec "true"\nPort 2',
    "Match exec false\nPort 2",
    'Match exec "test %h = h -a %n = h -a %p = 22"\nPort 2',
    'Port 7\nHostName x\nMatch exec "test %h%p%r = x7b"\nCompression yes',
    'User b\nPort 7\nHostName x\nMatch exec "test %h%p%r = x7b"\nCompression yes',
    'Match !exec "false"\nPort 2',
    'Match exec "test %Z"\nPort 2',
    "Host x\nPort nonsense",
    "Host x\nFoo bar",
    "Host x\nMatch foo",
    'IgnoreUnknown Foo,B*\nFoo bar baz\nbar "x"',
    "Host x\nIgnoreUnknown Foo\nHost *\nFoo bar",
    "IgnoreUnknown !Foo,*\nFoo bar",
    "IgnoreUnknown a\nIgnoreUnknown Foo\nFoo x",
  ]);

  itAgrees("tokens and variables", [
    "HostName %h.example\nUser b",
    "HostName %%h",
    "HostName %n",
    "HostName %",
    "User b\nPort 7\nHostName x\nRemoteCommand echo %h %n %p %r %l %L %u %i %d %k %C %% $X ${Y}",
    "HostKeyAlias other\nRemoteCommand %k",
    "RemoteCommand %T",
    "RemoteCommand %z",
    "User b\nUserKnownHostsFile ~/%h ${HOME}/%r /%%/%k /~/x",
    "UserKnownHostsFile ${SSHFLOW_NOT_SET}",
    "UserKnownHostsFile ${HOME",
    "UserKnownHostsFile /$HOME/%C",
    "RevokedHostKeys /%h",
    "RevokedHostKeys none",
    "LocalForward 80 %h:90",
    "LocalForward ${HOME}/%n.sock %h:90",
  ]);

  it("agree on files that are included", async () => {
    const write = (name: string, text: string) =>
      Deno.writeTextFileSync(`${directory}/${name}`, text);
    Deno.mkdirSync(`${directory}/conf.d`);
    write("conf.d/20.conf", "Port 20\nUser twenty\n");
    write("conf.d/10.conf", "Host x\nPort 9\nHost h\nPort 10\nHost none-such\n");
    write("conf.d/30.conf", "Match final\nCompression yes\n");
    write("wrong", "Port 1\nPort x\n");
    write("unknown", "Foo x\n");
    write("loop", `Include ${directory}/loop\n`);
    for (let depth = 0; depth < 20; depth++) {
      write(`deep_${depth}`, `Include ${directory}/deep_${depth + 1}\n`);
    }
    write("deep_20", "Port 4\n");
    for (
      const text of [
        `Include ${directory}/conf.d/*.conf\nPort 5`,
        `Include ${directory}/conf.d/10.conf ${directory}/conf.d/2?.conf\nBatchMode yes`,
        `Host x\nInclude ${directory}/conf.d/*\nHost *\nPort 5`,
        `Host h\nInclude ${directory}/conf.d/10.conf\nBatchMode yes`,
        `Include ${directory}/none-such*\nPort 5`,
        `Include ${directory}/wrong`,
        `Host x\nInclude ${directory}/wrong`,
        `Host x\nInclude ${directory}/unknown`,
        `Include ${directory}/loop`,
        `Include ${directory}/deep_4`,
        `Include ${directory}/deep_5`,
        `Include ${directory}/deep_6`,
        `Include ${directory}/deep_3`,
        "Include",
        'Include ""',
      ]
    ) {
      await compare(text, "h");
    }
  });

  itAgrees("algorithms", [
    "Ciphers aes256-ctr,aes128-ctr",
    "Ciphers +aes128-ctr,3des-cbc",
    "Ciphers -aes128*,chacha20-poly1305@openssh.com",
    "Ciphers ^aes256-ctr,aes128-gcm@openssh.com",
    "MACs hmac-sha2-512,hmac-sha2-256",
    "MACs -*etm@openssh.com",
    "MACs ^hmac-sha2-512,umac-64@openssh.com",
    "KexAlgorithms curve25519-sha256",
    "KexAlgorithms -diffie-hellman-*",
    "KexAlgorithms ^ecdh-sha2-nistp384",
    "HostKeyAlgorithms ssh-ed25519,rsa-sha2-*",
    "HostKeyAlgorithms -ecdsa-*",
    "Ciphers aes128-ctr,",
    "Ciphers !aes128-ctr",
    "Ciphers nonsense",
    "Ciphers ",
  ]);

  it("agree on how lines are cut that nobody would write", async () => {
    const soup = fc.string({
      unit: fc.constantFrom(..."aB1 =#\t\\\"',!*?", "host", "\r", "h", "all"),
      maxLength: 12,
    });
    const keyword = fc.constantFrom("User", "SendEnv", "GlobalKnownHostsFile", "Host", "Match", "");
    await fc.assert(
      fc.asyncProperty(keyword, soup, async (name, text) => {
        await compare(`${name}${text}\nPort 3\n`, "h");
      }),
      { numRuns: 150, seed: 20_240_229 },
    );
  });

  it("agree on configurations that nobody has thought of", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(configurations, async (lines) => {
        compared += await compare(lines.join("\n"), "h");
      }),
      { numRuns: 300, seed: 20_240_229 },
    );
    assert.ok(compared > 3000, `${compared}`);
  });
});

/** Lines that are right by themselves, and some that are not. */
const configurations = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: optionLine() },
    { weight: 3, arbitrary: matchLine() },
    { weight: 1, arbitrary: fc.constantFrom("", "# Port 1", "   ", "\t#x") },
  ),
  { maxLength: 14 },
);

function optionLine() {
  const flags = fc.constantFrom("BatchMode", "ForwardX11", "IdentitiesOnly", "GatewayPorts");
  const line = fc.oneof(
    fc.tuple(fc.constantFrom("Port", "pORT"), fc.integer({ min: 1, max: 70_000 })),
    fc.tuple(fc.constantFrom("User", "HostName", "HostKeyAlias"), words()),
    fc.tuple(flags, fc.constantFrom("yes", "no", "true", "false", "YES", "maybe")),
    fc.tuple(fc.constantFrom("IdentityFile", "CertificateFile", "RevokedHostKeys"), words()),
    fc.tuple(
      fc.constantFrom("UserKnownHostsFile", "SendEnv", "CanonicalDomains"),
      words(),
      words(),
    ),
    fc.tuple(
      fc.constantFrom("ConnectTimeout", "ServerAliveInterval"),
      fc.constantFrom("1", "1m", "none"),
    ),
    fc.tuple(
      fc.constantFrom("LocalForward", "RemoteForward"),
      fc.constantFrom("1", "a:2", "[::1]:3", "/a"),
      fc.constantFrom("b:1", "[::1]:2", "/b"),
    ),
    fc.tuple(fc.constant("DynamicForward"), fc.constantFrom("1", "a:2", "*:3")),
    fc.tuple(fc.constantFrom("ProxyJump", "ProxyCommand"), fc.constantFrom("a", "b:2", "none")),
    fc.tuple(fc.constantFrom("RemoteCommand"), fc.constantFrom("x # y", "'a b' %h", "none")),
  );
  return fc.tuple(line, fc.constantFrom(" ", "=", " = ", "\t"), fc.constantFrom("", "  ", "\r"))
    .map(([[name, ...values], gap, end]) => `${name}${gap}${values.join(" ")}${end}`);
}

function matchLine() {
  return fc.oneof(
    fc.tuple(fc.constant("Host"), fc.array(hostPattern(), { minLength: 1, maxLength: 3 })),
    fc.tuple(fc.constant("Match"), fc.array(criterion(), { minLength: 1, maxLength: 3 })),
  ).map(([name, words]) => `${name} ${words.join(" ")}`);
}

function criterion() {
  return fc.oneof(
    fc.constantFrom("final", "canonical", "!final", "all"),
    fc.tuple(fc.constantFrom("host", "originalhost", "user", "!host", "!user"), hostPattern())
      .map((words) => words.join(" ")),
  );
}

function hostPattern() {
  return fc.constantFrom("h", "*", "!h", "x*", "?", "H", "h,x", "!x", "a", "!x,*");
}

function words() {
  return fc.constantFrom(
    "a",
    "h",
    '"b c"',
    "'d'",
    "e\\ f",
    "x#y",
    "-x",
    "B",
    "a.b",
    "a..b",
    "a.",
    "/g",
    '"',
  );
}

function compareAlgorithms(
  config: SshConfig,
  theirs: ReturnType<typeof readPrinted>,
  text: string,
): void {
  const ours = {
    ciphers: config.ciphers,
    kexalgorithms: config.kexAlgorithms,
    macs: config.macs,
    hostkeyalgorithms: config.hostKeyAlgorithms,
  };
  for (const name of LISTS) {
    const mine = ours[name];
    if (mine === undefined) continue;
    const listed = (theirs.get(name)?.[0] ?? "").split(",");
    const common = (names: readonly string[], others: readonly string[]) =>
      names.filter((one) => others.includes(one));
    const [a, b] = [common(mine, listed), common(listed, mine)];
    const isOwnOrder = /^\w+ [-+]/.test(text);
    const isHead = /^\w+ \^/.test(text);
    if (isHead) assert.equal(a[0], b[0], text);
    if (isOwnOrder || isHead) assert.deepEqual(a.sort(), b.sort(), text);
    else if (text.includes("*")) assert.deepEqual(mine.toSorted(), b.toSorted(), text);
    else assert.deepEqual(mine, b, text);
  }
}

function isOurs(identityFile: string): boolean {
  return identityFile !== "none" && !FOREIGN_KEYS.test(identityFile);
}

function toDynamic({ listen }: Forward): Forward {
  return { listen, connect: null };
}

/** Whether that is a default which is Debian's own: its `ssh_config(5)` says so. */
function isDebians(name: string, { given, batchMode }: SshConfig): boolean {
  if (name === "forwardx11trusted") return !given.has("forwardX11Trusted");
  return name === "serveraliveinterval" && batchMode && !given.has("serverAliveInterval");
}

function filesOf(pattern: string): ConfigFile[] {
  const slash = pattern.lastIndexOf("/");
  const [folder, name] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return [...Deno.readDirSync(folder)]
    .filter((entry) => entry.isFile && matchesPattern(entry.name, name))
    .map((entry) => `${folder}/${entry.name}`)
    .map((path) => ({ path, text: Deno.readTextFileSync(path) }));
}

function idOf(option: string): string {
  const { stdout } = new Deno.Command("id", { args: [option] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

/** The home directory that `ssh` goes by, whatever HOME is. */
function homeOf(): string {
  const { stdout } = new Deno.Command("getent", { args: ["passwd", idOf("-u")] }).outputSync();
  return new TextDecoder().decode(stdout).split(":")[5] ?? "";
}
