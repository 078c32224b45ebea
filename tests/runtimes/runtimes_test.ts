import { after, before, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { supportedAlgorithms } from "../../protocol/mod.ts";
import { INSECURE_HOST, launchChromium, openPage, servePage } from "../helpers/chromium.ts";
import { describePeer, itWithPeer } from "../helpers/peers.ts";
import { type Bundle, makeBundle } from "./bundle.ts";
import { installPrograms } from "./install.ts";
import { type Outcome, readOutcome } from "./outcome.ts";
import { runInDeno, runInNode } from "./programs.ts";
import { startWorkerd } from "./workerd.ts";

installPrograms();

const PAGE = `
import * as library from "./sshflow.js";
import { run } from "./program.js";
export async function outcome() {
  const response = await fetch("./sshflow.js");
  return await run(library, await response.arrayBuffer(), navigator.userAgent.replace(/^.*(?=\\bHeadless)/, ""));
}
`;

function allAlgorithms(): string[] {
  const { kex, hostKeys, ciphers, macs, compression } = supportedAlgorithms;
  const others = [kex, ciphers, macs, compression].flat();
  return [...hostKeys, ...others.map(({ name }) => name)].sort();
}

describe("one bundle of the library", () => {
  let bundle: Bundle;

  before(async () => {
    bundle = await makeBundle();
  });

  after(() => bundle[Symbol.dispose]());

  function check(outcome: Outcome, runtime: RegExp, webCrypto: boolean, nodeCrypto: boolean): void {
    assert.match(outcome.runtime, runtime);
    assert.equal(outcome.sha256, bundle.sha256);
    assert.deepEqual([outcome.webCrypto, outcome.nodeCrypto], [webCrypto, nodeCrypto]);
    const { algorithms, connections, handshakeMs, transfer, unsignable } = outcome.report;
    assert.deepEqual(algorithms, {
      kex: "mlkem768x25519-sha256",
      hostKey: "ssh-ed25519",
      cipher: "chacha20-poly1305@openssh.com",
    });
    // RSA is not signed with in JavaScript: the time would tell of the key.
    assert.deepEqual(unsignable, webCrypto ? [] : ["rsa-sha2-512", "rsa-sha2-256"]);
    assert.deepEqual([...Object.keys(connections), ...unsignable].sort(), allAlgorithms());
    console.log(
      `${outcome.runtime}: logged in after ${handshakeMs.toFixed()} ms; ` +
        `10 MiB each way in ${transfer.milliseconds.toFixed()} ms; ` +
        `${Object.keys(connections).length} algorithms`,
    );
  }

  it("runs in Deno without a permission", async () => {
    check(await runInDeno(bundle), /^Deno 2\./, true, true);
  });

  itWithPeer("node", "runs in Node", async (node) => {
    check(await runInNode(bundle, node), /^Node [2-9]\d\./, true, true);
  });

  itWithPeer("bun", "runs in Bun", async (bun) => {
    check(await runInNode(bundle, bun), /^Bun 1\./, true, true);
  });

  itWithPeer("workerd", "runs in Workers", async (path) => {
    await using workerd = await startWorkerd(bundle, path);
    check(await workerd.run("plain"), /^workerd/, true, false);
    // Two requests of one isolate may not wait for each other's promises.
    const both = await Promise.all([workerd.run("withNode"), workerd.run("withNode")]);
    for (const outcome of both) check(outcome, /^workerd/, true, true);
  });

  describePeer("chromium", "in Chromium", (path) => {
    const origins = [
      ["runs on a page with WebCrypto", "127.0.0.1", true],
      ["runs on a page that came over an insecure way, and has none", INSECURE_HOST, false],
    ] as const;
    for (const [title, host, secure] of origins) {
      it(title, async () => {
        await using server = servePage({
          "/page.js": PAGE,
          "/sshflow.js": bundle.library,
          "/program.js": bundle.program,
        });
        await using browser = await launchChromium(path);
        await using opened = await openPage(browser, `http://${host}:${server.port}/`);
        const told = await opened.page.evaluate("import('/page.js').then((it) => it.outcome())");
        check(readOutcome(String(told)), /Chrome\/\d+/, secure, false);
        assert.deepEqual(opened.errors, []);
      });
    }
  });
});
