import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { parseSshConfig, type SshConfigContext } from "../../client/config/mod.ts";

async function portOf(text: string, context: Partial<SshConfigContext> = {}): Promise<number> {
  return (await parseSshConfig(text, { host: "db.example", ...context })).port;
}

describe("ssh_config: Host and Match", () => {
  it("the first value counts that stands where lines count", async () => {
    const text = "Host web\nPort 1\nHost db.*\nPort 2\nHost *\nPort 3";
    assert.equal(await portOf(text), 2);
    assert.equal(await portOf(text, { host: "web" }), 1);
    assert.equal(await portOf(text, { host: "other" }), 3);
    assert.equal(await portOf(text, { port: 4 }), 4);
    assert.equal(await portOf(text, { options: ["port=5", "Port 6"] }), 5);
  });

  it("a pattern with ! rules out what it matches, and matches nothing", async () => {
    assert.equal(await portOf("Host * !db.*\nPort 2"), 22);
    assert.equal(await portOf("Host !web\nPort 2"), 22);
    assert.equal(await portOf("Host !web *\nPort 2"), 2);
  });

  it("the case of a host's name counts for Host, and not for Match host", async () => {
    assert.equal(await portOf("Host DB.example\nPort 2"), 22);
    assert.equal(await portOf("Match host DB.example\nPort 2"), 2);
  });

  it("all criteria of a Match have to hold", async () => {
    const context = { user: "ada", localUser: "me" };
    for (
      const [criteria, matches] of [
        ["host db.*", true],
        ["host db.* user ada", true],
        ["host=db.* user=root,ada", true],
        ["host db.* user bob", false],
        ["host db.* !user bob", true],
        ["!host db.*", false],
        ["localuser me", true],
        ["localuser ada", false],
        ["originalhost db.example", true],
        ["all", true],
        ["final", true],
        ["canonical", false],
        ["user *,!ada", false],
      ] as const
    ) {
      assert.equal(await portOf(`Match ${criteria}\nPort 2`, context), matches ? 2 : 22, criteria);
    }
  });

  it("Match user goes by the local user where nobody says who logs in", async () => {
    const text = "Match user me\nPort 2";
    assert.equal(await portOf(text, { localUser: "me" }), 2);
    assert.equal(await portOf(`User x\n${text}`, { localUser: "me" }), 22);
    assert.equal(await portOf(text), 22);
  });

  it("HostName changes what Match host sees, and not what Host and originalhost do", async () => {
    const text = "HostName %h.net\nMatch host db.example.net originalhost db.example\nPort 2";
    assert.equal(await portOf(text), 2);
    assert.equal(await portOf("HostName x\nHost x\nPort 2"), 22);
  });

  it("Match final has the files read again, for the name that is connected to", async () => {
    const text = "HostName Other\nHost other\nPort 2\nMatch final\nUser ada";
    const config = await parseSshConfig(text, { host: "db" });
    assert.deepEqual([config.port, config.user, config.hostname], [2, "ada", "other"]);
  });

  it("CanonicalizeHostname asks the caller, and has the files read again", async () => {
    const text = "CanonicalizeHostname yes\nCanonicalDomains a.example b.example\n" +
      "Host *.b.example\nPort 2\nMatch canonical\nUser ada";
    const asked: unknown[] = [];
    const config = await parseSshConfig(text, {
      host: "DB",
      canonicalize: (name, { canonicalDomains }) => {
        asked.push(name, canonicalDomains);
        return `${name}.B.example`;
      },
    });
    assert.deepEqual(asked, ["db", ["a.example", "b.example"]]);
    assert.deepEqual([config.port, config.user, config.hostname], [2, "ada", "db.b.example"]);
    const strict = `${text}\nMatch all\nCanonicalizeFallbackLocal no`;
    await assert.rejects(
      parseSshConfig(strict, { host: "db", canonicalize: () => null }),
      /line 8: CanonicalizeFallbackLocal forbids/,
    );
    const proxied = `ProxyCommand x\n${text}`;
    const direct = await parseSshConfig(`ProxyCommand none\n${text}`, {
      host: "db",
      canonicalize: (name) => `${name}.c.example`,
    });
    assert.equal(direct.hostname, "db.c.example");
    const canonicalize = () => assert.fail("the name is the proxy's to find");
    assert.equal((await parseSshConfig(proxied, { host: "db", canonicalize })).hostname, "db");
  });

  it("Match exec runs only what the caller runs, and only where it matters", async () => {
    const ran: string[] = [];
    const exec = (command: string) => {
      ran.push(command);
      return command.includes("db");
    };
    const context = { exec, user: "ada", port: 7 };
    const text = 'Match exec "test %h %n %p %r"\nUser x\nCompression yes\n' +
      "Match host web exec never\nUser y\nMatch !exec no host db.example\nBatchMode yes";
    const config = await parseSshConfig(text, { host: "db.example", ...context });
    assert.deepEqual([config.compression, config.batchMode], [true, true]);
    assert.deepEqual(ran, ["test db.example db.example 7 ada", "no"]);
  });

  it("criteria that cannot be are refused", async () => {
    for (
      const [criteria, message] of [
        ["host", /has nothing behind host/],
        ["all host x", /has all, which stands alone/],
        ["host x user y all", /has all, which stands alone/],
        ["# x", /has no criterion: there are all, canonical/],
        ["foo", /has the criterion "foo"/],
      ] as const
    ) {
      await assert.rejects(portOf(`Match ${criteria}`), message);
    }
  });
});

describe("ssh_config: Include", () => {
  const files: Record<string, string> = {
    "/home/me/.ssh/conf.d/b": "Port 3\nUser b",
    "/home/me/.ssh/conf.d/a": "Host web\nPort 1\nHost db.example\nPort 2\nHost nothing",
    "/etc/ssh/common": "Compression yes",
  };
  const include = (pattern: string) =>
    Object.entries(files)
      .filter(([path]) => pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)))
      .map(([path, text]) => ({ path, text }));
  const context = { host: "db.example", homeDirectory: "/home/me", include };

  it("reads files in the order of their paths, and goes on as before", async () => {
    const text = "Host db.*\nInclude conf.d/*\nBatchMode yes";
    const config = await parseSshConfig(text, context);
    assert.deepEqual([config.port, config.user, config.batchMode], [2, "b", true]);
  });

  it("looks in the user's folder, or in the system's", async () => {
    const asked: string[] = [];
    const ask = (pattern: string) => {
      asked.push(pattern);
      return [];
    };
    const text = 'Include a* ~/b /c "d e"';
    await parseSshConfig(text, { host: "h", homeDirectory: "/home/me", include: ask });
    assert.deepEqual(asked.splice(0), [
      "/home/me/.ssh/a*",
      "/home/me/b",
      "/c",
      "/home/me/.ssh/d e",
    ]);
    await parseSshConfig("Include a", { host: "h", include: ask });
    assert.deepEqual(asked.splice(0), ["~/.ssh/a"]);
    const system = { path: "/etc/ssh/ssh_config", text: "Include a", isSystem: true };
    await parseSshConfig([{ path: "config", text: "User x" }, system], { host: "h", include: ask });
    assert.deepEqual(asked, ["/etc/ssh/a"]);
    await assert.rejects(
      parseSshConfig([{ ...system, text: "Include ~/x" }], { host: "h", include: ask }),
      /ssh_config line 1: Include has "~\/x": files of the system's name no user's/,
    );
  });

  it("takes nothing from files that are included where lines do not count", async () => {
    const config = await parseSshConfig("Host web\nInclude conf.d/*", context);
    assert.deepEqual([config.port, config.user], [22, undefined]);
  });

  it("asks for a pattern once, also if files are read again", async () => {
    let count = 0;
    const config = await parseSshConfig("Include x\nMatch final\nInclude x\nPort 2", {
      host: "h",
      include: () => {
        count++;
        return Promise.resolve([{ path: "x", text: "IdentityFile /k" }]);
      },
    });
    assert.deepEqual([count, config.port, config.identityFile], [1, 2, ["/k"]]);
  });

  it("goes 16 files deep, and no deeper, nor through more than a thousand files", async () => {
    const deep = (pattern: string) => {
      const number = Number(pattern.slice(1));
      return [{ path: pattern, text: number === 16 ? "Port 2" : `Include /${number + 1}` }];
    };
    assert.equal(await portOf("Include /1", { include: deep }), 2);
    await assert.rejects(
      portOf("Include /0", { include: deep }),
      /\/15 line 1: Include stands more than 16 files deep/,
    );
    const twice = (path: string) => [{ path, text: "Include /a\nInclude /a" }];
    await assert.rejects(portOf("Include /a", { include: twice }), /more than 16 files deep/);
    const wide = (pattern: string) => {
      const number = Number(pattern.slice(1));
      return [{ path: pattern, text: number > 14 ? "" : `Include /${number + 1}\n`.repeat(2) }];
    };
    await assert.rejects(portOf("Include /1", { include: wide }), /more than 1000 files/);
  });

  it("names the included file in what it refuses", async () => {
    const wrong = () => [{ path: "/conf.d/x", text: "\nPort x" }];
    await assert.rejects(portOf("Include a", { include: wrong }), /\/conf\.d\/x line 2: Port/);
  });
});
