/**
 * What the scenario's server runs for its clients.
 *
 * @module
 */

import type { Eof } from "../../flow/mod.ts";
import type { ExecCallback, ServerSession } from "../../server/mod.ts";
import { writeAll } from "./steps.ts";

/**
 * The commands `cat` and `shout`, and a shell that tells its size, repeats what is typed, and ends
 * with status 7 at `exit`.
 */
export async function runSession(session: ServerSession): Promise<void> {
  if (session.command === "cat") return await session.stdin.pipeTo(session.stdout);
  if (session.command === "shout") return await shout(session);
  if (session.command === null && session.pty !== null) return await runShell(session);
  await session.exit(127);
}

/**
 * The same `shout`, for `spawnServer`.
 *
 * @param eof The library's `Eof`.
 */
export function shoutCallback(eof: typeof Eof): ExecCallback {
  return async (request) => {
    if (request.type !== "Channel" || request.cmd !== "shout") return;
    let length = 0;
    for (let chunk = await request.ic(); chunk !== eof; chunk = await request.ic()) {
      length += chunk.length;
      await request.oc(upperCase(chunk));
    }
    await request.ec(new TextEncoder().encode(`${length} bytes`));
    await request.exit(3);
  };
}

async function shout(session: ServerSession): Promise<void> {
  const output = session.stdout.getWriter();
  const input = session.stdin.getReader();
  let length = 0;
  for (let next = await input.read(); !next.done; next = await input.read()) {
    length += next.value.length;
    await output.write(upperCase(next.value));
  }
  await writeAll(session.stderr, `${length} bytes`);
  await session.exit(3);
}

function upperCase(text: Uint8Array): Uint8Array {
  return text.map((byte) => byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte);
}

async function runShell(session: ServerSession): Promise<void> {
  const output = session.stdout.getWriter();
  const say = (text: string) => output.write(new TextEncoder().encode(text));
  await say(`TERM is ${session.pty?.term}\n`);
  const telling = (async () => {
    for await (const { columns, rows } of session.sizes) {
      await say(`${columns}x${rows}\n`);
    }
  })();
  const input = session.stdin.getReader();
  let typed = "";
  while (!typed.endsWith("exit\r")) {
    const { done, value } = await input.read();
    if (done) break;
    typed += new TextDecoder().decode(value);
    await output.write(value);
  }
  await session.exit(7);
  await telling;
}
