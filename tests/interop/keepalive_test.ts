/**
 * Keepalives with OpenSSH at the other end: it answers, it is answered, and it is missed.
 *
 * @module
 */

import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect } from "../../client/mod.ts";
import { formatPublicKeyLine } from "../../keys/mod.ts";
import { serve, type ServeOptions, type ServerConnection } from "../../server/mod.ts";
import { DisconnectCode, DisconnectError } from "../../wire/errors.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyOf, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const isLost = (error: unknown): boolean =>
  error instanceof DisconnectError && error.code === DisconnectCode.CONNECTION_LOST &&
  error.by === "us" && /the peer has been silent for \d+ ms$/.test(error.message);

describePeer("sshd", "keepalive to sshd", () => {
  it("is answered, and ends the connection in time when sshd stops", async () => {
    const key = await keyOf("ed25519");
    await using sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key] });
    await using ssh = await connect(await sshd.connect(), {
      user: self,
      auth: { privateKey: key },
      authenticator: key.publicKey,
      keepalive: { intervalMs: 200, countMax: 3 },
    });
    const { stdout } = await ssh.command("sleep 1; echo $PPID").output();
    const pid = Number(new TextDecoder().decode(stdout));
    const waiting = ssh.command("sleep 60").spawn();
    await waiting.started;
    Deno.kill(pid, "SIGSTOP");
    try {
      const stoppedAt = performance.now();
      await assert.rejects(waiting.status, isLost);
      assert.ok(performance.now() - stoppedAt < 3000);
      await assert.rejects(ssh.closed, isLost);
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
  });
});

describePeer("ssh", "keepalive with ssh", (program) => {
  it("is answered by the server", async () => {
    await using at = await host({ session: (session) => sleep(3300).then(() => session.exit(5)) });
    const options = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"];
    const { code, stderr } = await at.ssh(program, options).output();
    assert.equal(code, 5, new TextDecoder().decode(stderr));
  });

  it("is answered by ssh, and ends the connection in time when ssh stops", async () => {
    await using at = await host({
      keepalive: { intervalMs: 200, countMax: 3 },
      session: () => new Promise(() => {}),
    });
    const child = at.ssh(program, []);
    try {
      const connection = await at.connection;
      await connection.authenticated;
      await sleep(1000);
      assert.equal(connection.connection.closeReason, null);
      child.kill("SIGSTOP");
      const stoppedAt = performance.now();
      await assert.rejects(connection.closed, isLost);
      // A peer that does not close its end is waited for a moment.
      assert.ok(performance.now() - stoppedAt < 5000);
    } finally {
      child.kill("SIGKILL");
      await child.output();
    }
  });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A server for one connection, and `ssh` that connects to it. */
async function host(options: Pick<ServeOptions, "session" | "keepalive">): Promise<
  AsyncDisposable & {
    readonly connection: Promise<ServerConnection>;
    ssh(program: string, args: readonly string[]): Deno.ChildProcess;
  }
> {
  const key = await keyOf("ed25519");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const knownHosts = await Deno.makeTempFile({ prefix: "sshflow-keepalive-" });
  const { port } = listener.addr;
  await Deno.writeTextFile(
    knownHosts,
    `[127.0.0.1]:${port} ${formatPublicKeyLine(key.publicKey)}\n`,
  );
  const connection = listener.accept().then((conn) =>
    serve(conn, {
      hostKeys: [key],
      authMethods: ["none"],
      authenticate: () => true,
      ...options,
    })
  );
  connection.catch(() => {});
  return {
    connection,
    ssh: (program, args) =>
      new Deno.Command(program, {
        args: [
          ...["-F", "none", "-T", "-p", `${port}`, ...args],
          ...["-o", `UserKnownHostsFile=${knownHosts}`, "-o", "BatchMode=yes"],
          ...["-o", "IdentityAgent=none", "a@127.0.0.1", "x"],
        ],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    async [Symbol.asyncDispose]() {
      listener.close();
      await connection.then((one) => one.close(), () => {});
      await Deno.remove(knownHosts);
    },
  };
}
