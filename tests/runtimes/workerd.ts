/**
 * Runs modules in Workers isolates.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import assert from "node:assert/strict";
import type { Bundle } from "./bundle.ts";

/** How long an isolate may take. */
const LIMIT_MS = 60_000;

/** Compatibility dates: what Workers had at first, and what they have now. */
export const WORKER_DATES = { plain: "2024-01-01", withNode: "2026-11-01" } as const;

/** A Workers runtime. */
export interface Workerd extends AsyncDisposable {
  /** Asks a worker, and gives its answer. */
  ask(worker: keyof typeof WORKER_DATES, question?: string): Promise<string>;
}

/**
 * Starts the Workers runtime, on ports of its own choice.
 *
 * @param source The text of the module that answers, next to the bundle. What it has of the bundle
 * as bytes is called `sshflow.bytes`.
 */
export async function startWorkerd(path: string, bundle: Bundle, source: string): Promise<Workerd> {
  const id = crypto.randomUUID();
  await Deno.writeTextFile(`${bundle.folder}/worker-${id}.js`, source);
  await Deno.writeTextFile(`${bundle.folder}/workerd-${id}.capnp`, configuration(id));
  const child = new Deno.Command(path, {
    args: ["serve", `workerd-${id}.capnp`, "--control-fd=1"],
    cwd: bundle.folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const ports = new Map<string, number>();
  while (ports.size < Object.keys(WORKER_DATES).length) {
    const { done, value = "" } = await lines.read();
    if (done) throw new Error(`Cannot start workerd: ${await errors}`);
    const { socket, port } = JSON.parse(value);
    ports.set(socket, port);
  }
  return {
    async ask(worker, question = "") {
      const response = await fetch(`http://127.0.0.1:${ports.get(worker)}/`, {
        method: "POST",
        body: question,
        signal: AbortSignal.timeout(LIMIT_MS),
      });
      return await response.text();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
      await lines.cancel();
      assert.equal(await errors, "");
    },
  };
}

function configuration(id: string): string {
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
const config :Workerd.Config = (
  services = [(name = "internet", network = (allow = ["local", "private"])), ${services}],
  sockets = [${sockets}],
);
const modules :List(Workerd.Worker.Module) = [
  (name = "worker.js", esModule = embed "worker-${id}.js"),
  (name = "sshflow.js", esModule = embed "sshflow.js"),
  (name = "program.js", esModule = embed "program.js"),
  (name = "sshflow.bytes", data = embed "sshflow.js"),
];
${constants.join("\n")}
`;
}
