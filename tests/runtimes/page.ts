/**
 * All of a page that runs commands on servers: what it makes of the library is what such a page
 * loads.
 *
 * @module
 */

import { connect, HostKeyError } from "../../client/mod.ts";
import { fromWebSocket } from "../../flow/mod.ts";

const form = document.querySelector("form") as HTMLFormElement;
const screen = document.querySelector("pre") as HTMLPreElement;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const field = (name: string): string => String(fields.get(name));
  run(field).catch((error) => {
    screen.textContent = error instanceof HostKeyError ? "It is another server" : String(error);
  });
});

/** Logs in to a server, runs a command there, and shows what it prints. */
async function run(field: (name: string) => string): Promise<void> {
  const ssh = await connect(fromWebSocket(new WebSocket(field("url"))), {
    user: field("user"),
    auth: { password: field("password") },
    authenticator: field("fingerprint"),
  });
  try {
    const { code, stdout } = await ssh.command(field("command")).output();
    screen.textContent = `${new TextDecoder().decode(stdout)}\n${code}`;
  } finally {
    await ssh.close();
  }
}
