import { after, before, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type Bundle, bundle, makeBundle } from "./bundle.ts";

/**
 * What a page loads at most that runs commands on servers, compressed: all algorithms are in it,
 * and nothing of servers, of key files, or of `~/.ssh`.
 */
const PAGE_BUDGET_BYTES = 103_500;
/** The same with all that a client exports, whether a page uses it or not. */
const CLIENT_BUDGET_BYTES = 145_000;

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

  it("of a page has of the library what the page uses", async () => {
    const bytes = await compressedBytes("tests/runtimes/page.ts", "A page that runs commands");
    assert.ok(bytes < PAGE_BUDGET_BYTES);
  });

  it("of all that a client exports grows no further unnoticed", async () => {
    const bytes = await compressedBytes("client/mod.ts", "All of the client");
    assert.ok(bytes < CLIENT_BUDGET_BYTES);
  });

  /** Bundles a module as for production, and says how large that is. */
  async function compressedBytes(entry: string, what: string): Promise<number> {
    const bundled = await bundle(entry, `${made.folder}/minified.js`, ["--minify"]);
    const compressed = new Blob([bundled]).stream().pipeThrough(new CompressionStream("gzip"));
    const { byteLength } = await new Response(compressed).arrayBuffer();
    console.log(`${what}: ${bundled.length} bytes, ${byteLength} with gzip`);
    return byteLength;
  }
});
