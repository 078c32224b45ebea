import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  ConfigError,
  formatConfigLine,
  formatConfigLines,
  parseConfigLines,
  parseSshConfig,
  type SshConfig,
} from "../../client/config/mod.ts";

function parse(text: string): Promise<SshConfig> {
  return parseSshConfig(text, { host: "h" });
}

async function userOf(text: string): Promise<string | undefined> {
  return (await parse(text)).user;
}

describe("ssh_config: lines", () => {
  it("take a keyword in any case, and space or one equals sign behind it", async () => {
    for (const text of ["User ada", "uSeR\t ada", "USER=ada", "user = ada", " \tUser ada \r\n"]) {
      assert.equal(await userOf(text), "ada", text);
    }
    assert.equal(await userOf("User==ada"), "=ada");
  });

  it("have arguments in quotes of both kinds, and characters behind a backslash", async () => {
    assert.equal(await userOf('User "a b"'), "a b");
    assert.equal(await userOf("User 'a \"b'"), 'a "b');
    assert.equal(await userOf('User "a\\"b"'), 'a"b');
    assert.equal(await userOf("User a\\ b"), "a b");
    assert.equal(await userOf("User a\\b"), "a\\b");
    assert.equal(await userOf('User x"y z"'), "xy z");
  });

  it("are comments, or end in one", async () => {
    assert.equal(await userOf("# User a\n  #User b\nUser c # d"), "c");
    assert.equal(await userOf("User c#d"), "c#d");
  });

  it("do not go on in the next one", async () => {
    await assert.rejects(parse("User a \\\nb"), /line 1: User has an argument too many, "\\\\?"/);
  });

  it("are refused with their file and number", async () => {
    const wrong: readonly [string, RegExp][] = [
      ["\n\nPort x", /Cannot read \/etc\/x line 3: Port has to be a number from 1 to 65535, and/],
      ["User", /line 1: User has no argument/],
      ['User ""', /line 1: User has no argument, or an empty one/],
      ['User "a', /line 1: User has a quote that is not closed/],
      ['Us"er a', /line 1: there is a quote that is not closed/],
      ["User a\0b", /line 1: there is a NUL character/],
      ["Frobnicate yes", /line 1: Frobnicate is not an option of ssh; IgnoreUnknown can name it/],
      ["BatchMode maybe", /BatchMode has to be yes, no, true or false, and is "maybe"/],
      ["StrictHostKeyChecking x", /has to be yes, no, ask, true, false, off or accept-new, and/],
      ["ConnectTimeout 5x", /has to be a time such as 90, 30s or 1h30m, and is "5x"/],
      ["RekeyLimit 1Q", /has to be a size such as 512M or 1G, and is "1Q"/],
      ["LocalForward 80", /has to be \[address:\]port host:port, or the path/],
      ["ProxyJump a,,b", /has to be none, or \[user@\]host\[:port\] with commas/],
      ["SetEnv A", /has to be NAME=value, and is "A"/],
      ["Ciphers !x", /has to be names of algorithms/],
      ["Ciphers 3des-cbc", /leaves no algorithm; supported are chacha20-poly1305@openssh.com, /],
      ["IdentityFile /%z", /has the token "%z"; it can have %% %C %d/],
      ["IdentityFile ${NOPE}", /has the environment variable "NOPE", which is not set/],
      ["IdentityFile ${NOPE", /has "\$\{NOPE", which does not end/],
      ["IdentityFile %i", /has %i, which is not known: give localUserId/],
      ["Match tagged x", /has the criterion "tagged", which is not supported: there are all/],
      ["Match localnetwork 10.0.0.0\/8", /criterion "localnetwork", which is not supported/],
      ["Match exec true", /has exec, which nobody has allowed: give exec/],
      ["Include x", /needs somebody who reads files: give include/],
    ];
    for (const [text, message] of wrong) {
      await assert.rejects(
        parseSshConfig(text, { host: "h", path: "/etc/x" }),
        (error: Error & { file?: string; line?: number }) => {
          assert.equal(error.name, "ConfigError");
          assert.match(error.message, message);
          assert.equal(error.file, "/etc/x");
          assert.equal(error.line, text.startsWith("\n") ? 3 : 1);
          return true;
        },
        text,
      );
    }
  });

  it("are checked also where they do not count", async () => {
    await assert.rejects(parse("Host x\nPort nonsense"), /line 2: Port/);
  });

  it("may name what is not known, if IgnoreUnknown does", async () => {
    assert.equal(await userOf("IgnoreUnknown UseKey*\nUseKeychain yes\nUser a"), "a");
    assert.equal(await userOf("Protocol 2\nUseRoaming no\nUser a"), "a");
  });

  it("keep what means nothing here, and may be of a newer ssh", async () => {
    const { others } = await parse("Tag x\nIPQoS af21 cs1\nLocalCommand echo 'a' # b\nTag y");
    assert.deepEqual([...others], [
      ["tag", ["x"]],
      ["ipqos", ["af21", "cs1"]],
      ["localcommand", ["echo 'a' # b"]],
    ]);
  });

  it("give back any argument that is quoted", async () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 30 })
      .filter((value) => !/[\0\n]/.test(value));
    await fc.assert(fc.asyncProperty(text, async (value) => {
      const quoted = `"${value.replace(/["'\\]/g, "\\$&")}"`;
      assert.equal(await userOf(`User ${quoted}`), value);
    }));
  });

  it("are given back as they came", () => {
    const file = "# x\r\n\n  Host = \"a b\" # c\nProxyCommand a 'b' # c\nFoo x";
    const lines = parseConfigLines(file);
    assert.equal(formatConfigLines(lines), file);
    assert.deepEqual(lines.map(({ keyword, args, end }) => [keyword, args, end]), [
      [null, [], "\n"],
      [null, [], "\n"],
      ["Host", ["a b"], "\n"],
      ["ProxyCommand", ["a", "b"], "\n"],
      ["Foo", ["x"], ""],
    ]);
    assert.equal(lines[3]?.argument, "a 'b' # c");
    const text = fc.string({ unit: fc.constantFrom(..."ab \t\r\n=#\"'\\") });
    fc.assert(fc.property(text, (file) => {
      try {
        assert.equal(formatConfigLines(parseConfigLines(file)), file);
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${error}`);
      }
    }));
  });

  it("are written so that they are read again", () => {
    const argument = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(..."ab \t\r\f=#\"'\\") }),
    ).filter((text) => !/[\0\n]/.test(text));
    fc.assert(fc.property(fc.array(argument, { minLength: 1, maxLength: 4 }), (args) => {
      const [line] = parseConfigLines(formatConfigLine("SendEnv", args));
      assert.deepEqual([line?.keyword, line?.args], ["SendEnv", args]);
    }));
    const command = "nc '%h' \"x # y";
    assert.equal(formatConfigLine("ProxyCommand", command), `ProxyCommand ${command}`);
    for (
      const [keyword, args] of [
        ["User", []],
        ["User", ["a\nb"]],
        ["User", ["a\0"]],
        ["Us er", ["a"]],
        ["#User", ["a"]],
        ["ProxyCommand", " x"],
        ["ProxyCommand", "x "],
        ["ProxyCommand", "= x"],
        ["ProxyCommand", ""],
      ] as const
    ) {
      assert.throws(() => formatConfigLine(keyword, args), RangeError);
    }
  });

  it("take time in proportion to their length", async () => {
    const long = 400_000;
    const texts = [
      `User ${"a".repeat(long)}`,
      `User ${'"'.repeat(long)}x`,
      `User ${"\\".repeat(long)}`,
      `${" ".repeat(long)}User a`,
      `User a${" ".repeat(long)}#`,
      `Host ${"*a".repeat(long / 2)}b`,
      `Host ${"* ".repeat(long / 2)}`,
      `Match host ${"*,".repeat(long / 2)}`,
      `Match ${"host h ".repeat(long / 10)}`,
      `Ciphers ${"a*".repeat(long / 2)}`,
      `Ciphers ${"*,".repeat(long / 2)}`,
      `ConnectTimeout ${"1".repeat(long)}x`,
      `ConnectTimeout ${"1".repeat(60)}x`,
      `ProxyJump ${"[".repeat(long)}`,
      `LocalForward ${":".repeat(long)} x`,
      `IdentityFile ${"${".repeat(long / 2)}`,
      `CanonicalDomains ${"a.".repeat(long / 2)}!`,
      `SendEnv ${"-* A ".repeat(long / 10)}`,
      "IdentityFile a\n".repeat(long / 10),
      Array.from({ length: long / 20 }, (_, i) => `IdentityFile ${i}`).join("\n"),
      "\n".repeat(long),
      "=".repeat(long),
    ];
    const started = performance.now();
    for (const text of texts) {
      await parse(text).catch((error) => assert.equal(error.name, "ConfigError"));
    }
    assert.ok(performance.now() - started < 5000);
    await assert.rejects(parse(" ".repeat(9_000_000)), /has 9000000 characters, and at most/);
  });
});
