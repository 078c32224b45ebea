import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { checkFloors } from "../../tools/floors.ts";

const PACKAGES = ["@noble/hashes", "@std/testing", "fast-check"];

/** The findings as `file:line: message`, for modules given by path. */
function check(files: Record<string, string>): string[] {
  return checkFloors(new Map(Object.entries(files)), PACKAGES)
    .map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

/** Asserts that there is one finding, at the place given, that says what is wrong. */
function assertOne(files: Record<string, string>, place: string, message: RegExp): void {
  const findings = check(files);
  assert.equal(findings.length, 1, findings.join("\n"));
  assert.equal(findings[0]?.slice(0, place.length + 1), `${place}:`);
  assert.match(findings[0] ?? "", message);
}

describe("floors: who imports whom", () => {
  const everywhere = {
    "wire/errors.ts": "export class SshError extends Error {}",
    "wire/reader.ts": 'import { SshError } from "./errors.ts";',
    "flow/flow.ts": 'import { SshError } from "../wire/errors.ts";',
    "crypto/types.ts": 'import { SshError } from "../wire/errors.ts";',
    "keys/types.ts": 'import type { A } from "../crypto/types.ts";',
    "protocol/engine.ts": 'import type { A } from "../keys/types.ts";',
    "connection/connection.ts": 'import "../protocol/engine.ts"; import "../flow/flow.ts";',
    "client/connect.ts": 'import "../connection/connection.ts"; import "../keys/types.ts";',
    "server/serve.ts": 'import "../connection/connection.ts"; import "../keys/types.ts";',
    "sftp/client.ts": 'import "../flow/flow.ts"; import "../wire/errors.ts";',
    "mod.ts": 'export * from "./client/connect.ts"; export * from "./server/serve.ts";',
  };

  it("a house in order has no findings", () => {
    assert.deepEqual(check(everywhere), []);
  });

  for (
    const [from, to] of [
      ["wire", "crypto/types.ts"],
      ["wire", "flow/flow.ts"],
      ["flow", "wire/reader.ts"],
      ["crypto", "keys/types.ts"],
      ["crypto", "flow/flow.ts"],
      ["keys", "protocol/engine.ts"],
      ["protocol", "flow/flow.ts"],
      ["protocol", "connection/connection.ts"],
      ["connection", "client/connect.ts"],
      ["client", "server/serve.ts"],
      ["server", "client/connect.ts"],
      ["sftp", "connection/connection.ts"],
      ["connection", "mod.ts"],
    ] as const
  ) {
    it(`${from}/ may not import ${to}`, () => {
      const planted = { ...everywhere, [`${from}/planted.ts`]: `\nimport "../${to}";\n` };
      assertOne(planted, `${from}/planted.ts:2`, new RegExp(`${from}/ may not import ${to}`));
    });
  }

  for (
    const statement of [
      'import type { A } from "../server/serve.ts";',
      'export * from "../server/serve.ts";',
      'export { a } from "../server/serve.ts";',
      'const serve = await import("../server/serve.ts");',
      'type Serve = typeof import("../server/serve.ts");',
      'type Serve = import("../server/serve.ts").Serve;',
    ]
  ) {
    it(`sees ${statement}`, () => {
      assertOne(
        { ...everywhere, "client/planted.ts": statement },
        "client/planted.ts:1",
        /client\/ may not import server\/serve\.ts/,
      );
    });
  }

  it("an import in a comment or a text is none", () => {
    const source = `
      /** @example import { serve } from "../server/serve.ts"; */
      export const text: string = 'import "../server/serve.ts"';
    `;
    assert.deepEqual(check({ ...everywhere, "client/planted.ts": source }), []);
  });

  it("a folder without a floor is told", () => {
    assertOne({ "attic/box.ts": "" }, "attic/box.ts:1", /attic\/ has no floor/);
  });

  it("a file outside of the package is not imported", () => {
    assertOne(
      { "client/connect.ts": 'import "../tests/helpers/peers.ts";' },
      "client/connect.ts:1",
      /imports tests\/helpers\/peers\.ts, which is not a shipped module/,
    );
  });

  it("_name.ts is private to its folder", () => {
    const files = {
      "crypto/_kernel.ts": "",
      "crypto/ciphers.ts": 'import "./_kernel.ts";',
      "protocol/engine.ts": 'import "../crypto/_kernel.ts";',
    };
    assertOne(files, "protocol/engine.ts:1", /crypto\/_kernel\.ts, which is private/);
  });

  it("_name.ts is there for the folders within its folder, and not the other way round", () => {
    const files = {
      "protocol/_shared.ts": "",
      "protocol/auth/_own.ts": "",
      "protocol/auth/client.ts": 'import "../_shared.ts"; import "./_own.ts";',
      "protocol/engine.ts": 'import "./auth/_own.ts";',
    };
    assertOne(files, "protocol/engine.ts:1", /protocol\/auth\/_own\.ts, which is private/);
  });

  it("a module's name is written, not computed", () => {
    assertOne(
      { "keys/a.ts": "const a = await import(name);" },
      "keys/a.ts:1",
      /write the module's name/,
    );
  });
});

describe("floors: circles", () => {
  it("a circle is told once, with the way round", () => {
    const files = {
      "keys/a.ts": '\nimport "./b.ts";',
      "keys/b.ts": 'import "./c.ts";',
      "keys/c.ts": 'import type { A } from "./a.ts";',
      "keys/d.ts": 'import "./a.ts";',
    };
    assertOne(
      files,
      "keys/a.ts:2",
      /circle: keys\/a\.ts → keys\/b\.ts → keys\/c\.ts → keys\/a\.ts/,
    );
  });

  it("a module that imports itself goes in a circle", () => {
    assertOne({ "keys/a.ts": 'import "./a.ts";' }, "keys/a.ts:1", /keys\/a\.ts → keys\/a\.ts/);
  });

  it("two circles are two findings", () => {
    const files = {
      "keys/a.ts": 'import "./b.ts"; import "./c.ts";',
      "keys/b.ts": 'import "./a.ts";',
      "keys/c.ts": 'import "./a.ts";',
    };
    assert.equal(check(files).length, 2);
  });

  it("two ways to the same module are no circle", () => {
    const files = {
      "keys/a.ts": 'import "./b.ts"; import "./c.ts";',
      "keys/b.ts": 'import "./d.ts";',
      "keys/c.ts": 'import "./d.ts";',
      "keys/d.ts": "",
    };
    assert.deepEqual(check(files), []);
  });
});

describe("floors: packages", () => {
  it("a package of the import map may be imported", () => {
    assert.deepEqual(check({ "keys/a.ts": 'import "@noble/hashes/sha2.js";' }), []);
  });

  it("wire/ imports no package", () => {
    assertOne(
      { "wire/a.ts": 'import "@noble/hashes/sha2.js";' },
      "wire/a.ts:1",
      /wire\/ imports nothing/,
    );
  });

  for (
    const [specifier, message] of [
      ["node:crypto", /a runtime's module not at all/],
      ["npm:@noble/hashes@2", /import map/],
      ["jsr:@std/streams", /import map/],
      ["https://example.com/a.ts", /import map/],
      ["@noble/hashes-too", /not in deno\.json's import map/],
      ["fast-check", /for tests/],
      ["@std/testing/bdd", /for tests/],
    ] as const
  ) {
    it(`${specifier} may not be imported`, () => {
      assertOne({ "keys/a.ts": `import "${specifier}";` }, "keys/a.ts:1", message);
    });
  }
});

describe("floors: what a shipped file may name", () => {
  for (
    const [source, message] of [
      ["export const a = Deno.pid;", /names the runtime Deno/],
      ["const { Deno } = globalThis;", /names the runtime Deno/],
      ["const a = globalThis.Deno;", /names the runtime Deno/],
      ["type A = Bun.File;", /names the runtime Bun/],
      ["const a = process.env;", /uses process/],
      ["const a = { process };", /uses process/],
      ["const a = Buffer.from([]);", /uses Buffer/],
      ["function f(): Buffer { return g(); }", /uses Buffer/],
      ['const a = require("fs");', /uses require/],
      ["setImmediate(f);", /uses setImmediate/],
      ["using a = b;", /`using`/],
      ["async function f() { await using a = b; }", /`using`/],
    ] as const
  ) {
    it(`not ${source}`, () => {
      assertOne({ "client/a.ts": `\n\n${source}` }, "client/a.ts:3", message);
    });
  }

  for (
    const source of [
      'const a = globalThis.process?.getBuiltinModule?.("node:crypto");',
      "interface Runtime { process?: { getBuiltinModule?(name: string): unknown } }",
      "function process(): void {} process();",
      "function run(process: () => void): void { process(); }",
      "const { process } = handlers; process();",
      "class A { process(): void {} } new A().process();",
      "class A { #process(): void {} run(): void { this.#process(); } }",
      "const a = { process: 1, Buffer: 2 };",
      'import { Buffer } from "./b.ts"; new Buffer();',
      "// Deno.readFile and process.env\n",
      'const a = "Deno";',
      "/** In Deno: `Deno.connect`. */ export type A = 1;",
    ]
  ) {
    it(`but ${source.trim()}`, () => {
      assert.deepEqual(check({ "client/a.ts": source, "client/b.ts": "" }), []);
    });
  }

  for (
    const source of [
      "const a = Date.now();",
      "setTimeout(f, 1);",
      "const a = Math.random();",
      "crypto.getRandomValues(a);",
      "type A = ReadableStream<Uint8Array>;",
      "console.log(1);",
    ]
  ) {
    it(`the protocol does no I/O: not ${source}`, () => {
      assertOne({ "protocol/a.ts": source }, "protocol/a.ts:1", /protocol\/ does no I\/O/);
      assert.deepEqual(check({ "connection/a.ts": source }), []);
    });
  }
});

describe("floors: the shape of a file", () => {
  it("a mod.ts only re-exports", () => {
    const files = {
      "keys/a.ts": "",
      "keys/mod.ts":
        'export * from "./a.ts";\nexport type { A } from "./a.ts";\nexport const b = 1;\n',
    };
    assertOne(files, "keys/mod.ts:3", /only re-exports/);
  });

  it("a file has 500 lines at most", () => {
    const lines = (count: number) => ({ "keys/a.ts": "// x\n".repeat(count) });
    assert.deepEqual(check(lines(500)), []);
    assertOne(lines(501), "keys/a.ts:501", /has 501 lines/);
  });

  it("a file that cannot be parsed is a finding", () => {
    assertOne({ "keys/a.ts": "const = ;" }, "keys/a.ts:1", /cannot be parsed/);
  });
});
