/**
 * The example server as users run it: a process of its own.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import type { Target } from "./visit.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** A server that listens, until it is disposed of. */
export interface ServeProcess extends AsyncDisposable {
  readonly target: Target;
}

/** Starts `deno task serve` on free ports, and waits until it listens. */
export async function startServer(): Promise<ServeProcess> {
  const [user, password] = ["ada", "correct horse"];
  const ports = ["--port", "0", "--websocket", "0"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "serve", ...ports, "--user", user, "--password", password],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const find = async (pattern: RegExp): Promise<string> => {
    while (true) {
      const { done, value = "" } = await lines.read();
      if (done) throw new Error(`Cannot start the server: it never said ${pattern}`);
      const [, found] = pattern.exec(value) ?? [];
      if (found !== undefined) return found;
    }
  };
  return {
    target: {
      port: Number(await find(/^listening on 127\.0\.0\.1:(\d+)$/)),
      webSocketPort: Number(await find(/^listening on ws:\/\/127\.0\.0\.1:(\d+)$/)),
      fingerprint: await find(/^(SHA256:\S+) \(ED25519\)$/),
      user,
      password,
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
      await lines.cancel();
    },
  };
}
