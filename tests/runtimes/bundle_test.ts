import { after, before, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type Bundle, bundle, makeBundle } from "./bundle.ts";

/** What a page loads at most for a client, compressed: all its algorithms are in it. */
const CLIENT_BUDGET_BYTES = 130_000;

describe("a bundle", () => {
  let made: Bundle;

  before(async () => {
    made = await makeBundle("tests/runtimes/program.ts");
  });

  after(() => made[Symbol.dispose]());

  it("of the library imports nothing", async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-config", "--no-lock", `${made.folder}/sshflow.js`],
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(modules.length, 1);
    assert.deepEqual(modules[0].dependencies ?? [], []);
  });

  it("of the library names no runtime, but to look for its features", async () => {
    // Without the comments, which may.
    const library = await bundle("mod.ts", `${made.folder}/minified.js`, ["--minify"]);
    const named = new TextDecoder().decode(library)
      .match(/\b(Deno|Bun|Buffer)\s*[.[?]|\brequire\s*\(|\bprocess\s*\??\.\w+/g);
    assert.deepEqual(named, ["process?.getBuiltinModule"]);
  });

  it("of a client alone is small", async () => {
    const client = await bundle("client/mod.ts", `${made.folder}/client.js`, ["--minify"]);
    const compressed = new Blob([client]).stream().pipeThrough(new CompressionStream("gzip"));
    const { byteLength } = await new Response(compressed).arrayBuffer();
    console.log(`A client has ${client.length} bytes, ${byteLength} with gzip`);
    assert.ok(byteLength < CLIENT_BUDGET_BYTES);
  });
});
