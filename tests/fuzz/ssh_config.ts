/**
 * Files of `ssh_config(5)`, which include themselves.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connectOptionsOf, parseSshConfig, sessionOptionsOf } from "../../client/config/mod.ts";
import { SshError } from "../../wire/errors.ts";

/** The first byte says who asks, the rest is the file. */
export async function fuzz(data: Uint8Array): Promise<void> {
  const [how = 0] = data;
  const text = new TextDecoder().decode(data.subarray(1));
  try {
    const config = await parseSshConfig(text, {
      host: (how & 1) === 0 ? "h" : "db.example",
      localUser: "me",
      localUserId: 1000,
      localHostname: "desk.example",
      homeDirectory: "/home/me",
      env: { HOME: "/home/me" },
      ...(how & 2) === 0 && { user: "ada", port: 2222 },
      ...(how & 4) === 0 && { options: text.split("\n", 3) },
      include: (path) => (how & 8) === 0 ? [{ path, text }] : [],
      exec: (command) => command.length % 2 === 0,
      canonicalize: (name) => (how & 16) === 0 ? `${name}.example` : null,
    });
    assert.ok(config.hostname !== undefined && config.port >= 1 && config.port <= 65535);
    connectOptionsOf(config);
    sessionOptionsOf(config, { env: { LANG: "C" } });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
  }
}
