import { after, before, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { launchChromium, openPage, servePage } from "../helpers/chromium.ts";
import { itWithPeer } from "../helpers/peers.ts";
import { type Bundle, makeBundle } from "./bundle.ts";
import { installPrograms } from "./install.ts";
import { readTold } from "./outcome.ts";
import { DENO_FLAGS, NODE_FLAGS, runModule } from "./programs.ts";
import { type ServeProcess, startServer } from "./serve_process.ts";
import type { Visit } from "./visit.ts";
import { startWorkerd, WORKER_DATES } from "./workerd.ts";

installPrograms();

const IMPORTS = `
import * as library from "./sshflow.js";
import { visit } from "./program.js";
`;

const DENO = `${IMPORTS}
const target = JSON.parse(Deno.args[0]);
const flows = [await Deno.connect(target), await Deno.connect(target)];
console.log(await visit(library, () => flows.pop(), target));
`;

const NODE = `${IMPORTS}
import net from "node:net";
const target = JSON.parse(process.argv[2]);
console.log(await visit(library, () => net.connect(target.port, "127.0.0.1"), target));
`;

const WORKER = `${IMPORTS}
import { connect } from "cloudflare:sockets";
export default {
  async fetch(request) {
    const target = await request.json();
    const address = { hostname: "127.0.0.1", port: target.port };
    return new Response(await visit(library, () => connect(address), target));
  },
};
`;

const PAGE = `${IMPORTS}
globalThis.visitServer = (target) => {
  const open = () => library.fromWebSocket(new WebSocket("ws://127.0.0.1:" + target.webSocketPort));
  return visit(library, open, target);
};
`;

describe("deno task serve", () => {
  let bundle: Bundle;
  let server: ServeProcess;

  before(async () => {
    bundle = await makeBundle("tests/runtimes/visit.ts");
    server = await startServer();
  });

  after(async () => {
    await server[Symbol.asyncDispose]();
    bundle[Symbol.dispose]();
  });

  function check(title: string, told: string): void {
    const { serverVersion, transfer } = readTold<Visit>(told);
    assert.match(serverVersion, /^SSH-2\.0-sshflow_/);
    console.log(`${title}: 10 MiB each way in ${transfer.milliseconds.toFixed()} ms`);
  }

  it("is visited from Deno over TCP, which needs the permission for that alone", async () => {
    const flags = [...DENO_FLAGS, "--allow-net=127.0.0.1"];
    const argument = JSON.stringify(server.target);
    check("Deno", await runModule(Deno.execPath(), flags, bundle, DENO, argument));
  });

  itWithPeer("node", "is visited from Node over TCP", async (node) => {
    const argument = JSON.stringify(server.target);
    check("Node", await runModule(node, NODE_FLAGS, bundle, NODE, argument));
  });

  itWithPeer("bun", "is visited from Bun over TCP", async (bun) => {
    const argument = JSON.stringify(server.target);
    check("Bun", await runModule(bun, [], bundle, NODE, argument));
  });

  itWithPeer(
    "workerd",
    "is visited from Workers over TCP, by two requests at once",
    async (path) => {
      await using workerd = await startWorkerd(path, bundle, WORKER);
      for (const worker of ["plain", "withNode"] as const) {
        const ask = () => workerd.ask(worker, JSON.stringify(server.target));
        for (const told of await Promise.all([ask(), ask()])) {
          check(`workerd as of ${WORKER_DATES[worker]}`, told);
        }
      }
    },
  );

  itWithPeer("chromium", "is visited from a page in Chromium over a WebSocket", async (path) => {
    await using pages = servePage({
      "/": '<!doctype html><title>sshflow</title><script type="module" src="page.js"></script>',
      "/page.js": PAGE,
      "/sshflow.js": bundle.library,
      "/program.js": bundle.program,
    });
    await using browser = await launchChromium(path);
    await using opened = await openPage(browser, `http://127.0.0.1:${pages.port}/`);
    const told = await opened.page.evaluate(`visitServer(${JSON.stringify(server.target)})`);
    check("Chromium", String(told));
    assert.deepEqual(opened.errors, []);
  });
});
