import { after, before, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { supportedAlgorithms } from "../../protocol/mod.ts";
import { INSECURE_HOST, launchChromium, openPage, servePage } from "../helpers/chromium.ts";
import { plainHostKeys } from "../helpers/negotiated.ts";
import { describePeer, itWithPeer } from "../helpers/peers.ts";
import { type Bundle, makeBundle } from "./bundle.ts";
import { installPrograms } from "./install.ts";
import { type Outcome, readTold } from "./outcome.ts";
import { DENO_FLAGS, NODE_FLAGS, runModule } from "./programs.ts";
import { startWorkerd } from "./workerd.ts";

installPrograms();

const IMPORTS = `
import * as library from "./sshflow.js";
import { run } from "./program.js";
`;

const DENO = `${IMPORTS}
import bytes from "./sshflow.js" with { type: "bytes" };
console.log(await run(library, bytes, "Deno " + Deno.version.deno));
`;

const NODE = `${IMPORTS}
import { readFileSync } from "node:fs";
const bytes = readFileSync(new URL("./sshflow.js", import.meta.url));
const { node, bun } = process.versions;
console.log(await run(library, bytes, bun ? "Bun " + bun : "Node " + node));
`;

const WORKER = `${IMPORTS}
import bytes from "./sshflow.bytes";
export default {
  async fetch(_request, { runtime }) {
    return new Response(await run(library, bytes, runtime));
  },
};
`;

const PAGE = `${IMPORTS}
globalThis.outcome = async () => {
  const bytes = await (await fetch("./sshflow.js")).arrayBuffer();
  return await run(library, bytes, navigator.userAgent.match(/\\S*Chrome\\S*/)[0]);
};
`;

describe("one bundle of the library", () => {
  let bundle: Bundle;

  before(async () => {
    bundle = await makeBundle("tests/runtimes/program.ts");
  });

  after(() => bundle[Symbol.dispose]());

  /** Checks what was told, and that the runtime is the one that was meant. */
  function check(told: string, runtime: RegExp, has: { webCrypto: boolean; nodeCrypto: boolean }) {
    const outcome = readTold<Outcome>(told);
    assert.match(outcome.runtime, runtime);
    assert.equal(outcome.sha256, bundle.sha256);
    const { webCrypto, nodeCrypto, report } = outcome;
    assert.deepEqual({ webCrypto, nodeCrypto }, has);
    assert.deepEqual(report.algorithms, {
      kex: "mlkem768x25519-sha256",
      hostKey: "ssh-ed25519",
      cipher: "chacha20-poly1305@openssh.com",
    });
    const connections = Object.keys(report.connections);
    assert.deepEqual([...connections, ...report.unsignable].sort(), allAlgorithms());
    // RSA is not signed with in JavaScript: the time that it takes would tell of the key.
    assert.deepEqual(report.unsignable, webCrypto ? [] : ["rsa-sha2-512", "rsa-sha2-256"]);
    console.log(
      `${outcome.runtime}: logged in after ${report.handshakeMs.toFixed()} ms, ` +
        `10 MiB each way in ${report.transfer.milliseconds.toFixed()} ms, ` +
        `${connections.length} algorithms`,
    );
  }

  it("runs in Deno, without a permission", async () => {
    const flags = [...DENO_FLAGS, "--unstable-raw-imports"];
    const told = await runModule(Deno.execPath(), flags, bundle, DENO);
    check(told, /^Deno 2\./, { webCrypto: true, nodeCrypto: true });
  });

  itWithPeer("node", "runs in Node", async (node) => {
    const told = await runModule(node, NODE_FLAGS, bundle, NODE);
    check(told, /^Node [2-9]\d\./, { webCrypto: true, nodeCrypto: true });
  });

  itWithPeer("bun", "runs in Bun", async (bun) => {
    const told = await runModule(bun, [], bundle, NODE);
    check(told, /^Bun 1\./, { webCrypto: true, nodeCrypto: true });
  });

  describePeer("workerd", "in Workers", (path) => {
    it("runs without Node's modules", async () => {
      await using workerd = await startWorkerd(path, bundle, WORKER);
      const told = await workerd.ask("plain");
      check(told, /^workerd/, { webCrypto: true, nodeCrypto: false });
    });

    it("runs with Node's modules, for two requests at once", async () => {
      await using workerd = await startWorkerd(path, bundle, WORKER);
      const both = await Promise.all([workerd.ask("withNode"), workerd.ask("withNode")]);
      for (const told of both) check(told, /^workerd/, { webCrypto: true, nodeCrypto: true });
    });
  });

  describePeer("chromium", "in Chromium", (path) => {
    async function runPage(host: string): Promise<string> {
      await using server = servePage({
        "/": '<!doctype html><title>sshflow</title><script type="module" src="page.js"></script>',
        "/page.js": PAGE,
        "/sshflow.js": bundle.library,
        "/program.js": bundle.program,
      });
      await using browser = await launchChromium(path);
      await using opened = await openPage(browser, `http://${host}:${server.port}/`);
      const told = await opened.page.evaluate("outcome()");
      assert.deepEqual(opened.errors, []);
      return String(told);
    }

    it("runs on a page", async () => {
      const told = await runPage("127.0.0.1");
      check(told, /Chrome\/\d+/, { webCrypto: true, nodeCrypto: false });
    });

    it("runs on a page that came over an insecure way, and has no WebCrypto", async () => {
      const told = await runPage(INSECURE_HOST);
      check(told, /Chrome\/\d+/, { webCrypto: false, nodeCrypto: false });
    });
  });
});

function allAlgorithms(): string[] {
  const { kex, ciphers, macs, compression } = supportedAlgorithms;
  const others = [kex, ciphers, macs, compression].flat();
  return [...plainHostKeys, ...others.map(({ name }) => name)].sort();
}
