/**
 * Runs the scenario in Workers isolates.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import assert from "node:assert/strict";
import type { Bundle } from "./bundle.ts";
import { type Outcome, readOutcome } from "./outcome.ts";

/** How long an isolate may take. */
const LIMIT_MS = 60_000;

/** Compatibility dates: what Workers had at first, and what they have now. */
export const WORKER_DATES = {
  plain: "2024-01-01",
  withNode: "2026-11-01",
} as const;

const ENTRY = `
import * as library from "./sshflow.js";
import { run } from "./program.js";
import bytes from "./sshflow.bytes";
export default {
  async fetch(_request, { runtime }) {
    return new Response(await run(library, bytes, runtime));
  },
};
`;

const MODULES = `[
  (name = "entry.js", esModule = embed "worker.js"),
  (name = "sshflow.js", esModule = embed "sshflow.js"),
  (name = "program.js", esModule = embed "program.js"),
  (name = "sshflow.bytes", data = embed "sshflow.js"),
]`;

/** A Workers runtime: `run` answers one request with the scenario. */
export interface Workerd extends AsyncDisposable {
  run(worker: keyof typeof WORKER_DATES): Promise<Outcome>;
}

/** Starts the Workers runtime, on ports of its own choice. */
export async function startWorkerd(bundle: Bundle, path: string): Promise<Workerd> {
  await Deno.writeTextFile(`${bundle.folder}/worker.js`, ENTRY);
  await Deno.writeTextFile(`${bundle.folder}/workerd.capnp`, configuration());
  const child = new Deno.Command(path, {
    args: ["serve", "workerd.capnp", "--control-fd=1"],
    cwd: bundle.folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const ports = new Map<string, number>();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  while (ports.size < Object.keys(WORKER_DATES).length) {
    const { done, value = "" } = await lines.read();
    assert.ok(!done, `workerd has ended: ${done ? await errors : ""}`);
    const { socket, port } = JSON.parse(value);
    ports.set(socket, port);
  }
  return {
    async run(worker) {
      const signal = AbortSignal.timeout(LIMIT_MS);
      const response = await fetch(`http://127.0.0.1:${ports.get(worker)}/`, {
        signal,
      });
      return readOutcome(await response.text());
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
      await lines.cancel();
      assert.equal(await errors, "");
    },
  };
}

function configuration(): string {
  const workers = Object.entries(WORKER_DATES);
  const services = workers.map(([name]) => `(name = "${name}", worker = .${name})`);
  const sockets = workers.map(([name]) =>
    `(name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}")`
  );
  const constants = workers.map(([name, date]) => `
const ${name} :Workerd.Worker = (
  modules = .modules,
  compatibilityDate = "${date}",
  bindings = [(name = "runtime", text = "workerd as of ${date}")],
);`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [${services}], sockets = [${sockets}]);
const modules :List(Workerd.Worker.Module) = ${MODULES};
${constants.join("\n")}
`;
}
