/**
 * Connecting as a configuration says, to OpenSSH's servers, through OpenSSH's servers.
 *
 * @module
 */

import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  connectBy,
  type ConnectByOptions,
  parseSshConfig,
  sessionOptionsOf,
  type SshClient,
  type SshConfigContext,
} from "../../client/mod.ts";
import { addKnownHost, formatPrivateKey, generateKey } from "../../keys/mod.ts";
import { DisconnectError, HostKeyError } from "../../wire/errors.ts";
import { runWithAgent, startSshAgent } from "../helpers/agents.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const root = new URL("../../", import.meta.url).pathname;

/** Two servers, of which one is on the way to the other, and the files of a user. */
interface Setting extends AsyncDisposable {
  readonly directory: string;
  readonly jump: Sshd;
  readonly target: Sshd;
  /** What a user has in `~/.ssh/config`; more lines count before. */
  config(more?: string): string;
  connect(host: string, more?: string, options?: Partial<ConnectByOptions>): Promise<SshClient>;
  configOf(text: string): (context: SshConfigContext) => ReturnType<typeof parseSshConfig>;
}

async function setting(): Promise<Setting> {
  const key = await keyOf("ed25519");
  const directory = await Deno.makeTempDir({ prefix: "sshflow-by-" });
  const jump = await startSshd({ hostKeys: ["nistp256"], authorizedKeys: [key] });
  const target = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [key] });
  await Deno.writeTextFile(`${directory}/key`, await formatPrivateKey(key), { mode: 0o600 });
  let known = "";
  for (const sshd of [jump, target]) {
    const [hostKey] = sshd.hostKeys;
    assert.ok(hostKey);
    known = addKnownHost(known, sshd, hostKey.publicKey, { hash: true });
  }
  await Deno.writeTextFile(`${directory}/known_hosts`, known);
  const config = (more = "") =>
    `${more}
    Host target
      HostName 127.0.0.1
      Port ${target.port}
    Host jump
      HostName 127.0.0.1
      Port ${jump.port}
    Host *
      User ${self}
      IdentityFile ${directory}/key
      IdentityAgent none
      UserKnownHostsFile ${directory}/known_hosts
      GlobalKnownHostsFile none
  `;
  const configOf = (text: string) => (context: SshConfigContext) =>
    parseSshConfig(text, { env: Deno.env.toObject(), ...context });
  return {
    directory,
    jump,
    target,
    config,
    configOf,
    async connect(host, more, options = {}) {
      const read = configOf(config(more));
      return await connectBy(await read({ host }), {
        configOf: read,
        dial: (to, { signal }) => Deno.connect({ ...to, signal }),
        files: {
          read: (path) => Deno.readTextFile(path),
          write: (path, text) => Deno.writeTextFile(path, text),
        },
        openAgent: (path) => Deno.connect({ transport: "unix", path }),
        ...options,
      });
    },
    async [Symbol.asyncDispose]() {
      await jump[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function output(ssh: SshClient, command: string): Promise<string> {
  return new TextDecoder().decode((await ssh.command(command).output()).stdout);
}

describePeer("sshd", "a configuration, and sshd", () => {
  it("leads through a jump host to the target, and leaves both", async () => {
    await using at = await setting();
    const ssh = await at.connect("target", "Host target\nProxyJump jump\n");
    const [, , , port] = (await output(ssh, "echo $SSH_CONNECTION")).trim().split(" ");
    assert.equal(Number(port), at.target.port);
    for (const sshd of [at.jump, at.target]) await sshd.logged(/Accepted publickey for/);
    const megabyte = await output(ssh, "head -c 1000000 /dev/zero | tr '\\0' x");
    assert.equal(megabyte.length, 1_000_000);
    await ssh.close();
    for (const sshd of [at.target, at.jump]) await sshd.logged(/Received disconnect from .*:11/);
  });

  it("refuses a host whose key has changed, on the way or at its end, before any credential", async () => {
    for (const name of ["jump", "target"] as const) {
      await using at = await setting();
      const own = name === "jump" ? at.target : at.jump;
      const [ownKey] = own.hostKeys;
      assert.ok(ownKey);
      const other = name === "jump"
        ? await generateKey("ecdsa", { bits: 256 })
        : await generateKey("ed25519");
      const known = addKnownHost("", own, ownKey.publicKey);
      const path = `${at.directory}/other_hosts`;
      await Deno.writeTextFile(path, addKnownHost(known, at[name], other.publicKey));
      const lines = `Host *\nUserKnownHostsFile ${path}\nStrictHostKeyChecking no\n` +
        "Host target\nProxyJump jump\n";
      await assert.rejects(
        at.connect("target", lines),
        (error) => error instanceof HostKeyError && error.status === "known-changed",
      );
      await at[name].logged(/Received disconnect from .*:9/);
      assert.doesNotMatch(at[name].log(), /Accepted|Failed|Postponed/);
    }
  });

  it("writes hosts down that it accepts, as the configuration says, and knows them then", async () => {
    await using at = await setting();
    const path = `${at.directory}/new_hosts`;
    const lines = `UserKnownHostsFile ${path}\nHashKnownHosts yes\nStrictHostKeyChecking `;
    const first = await at.connect("target", `${lines}accept-new\n`);
    await first.close();
    assert.match(await Deno.readTextFile(path), /^\|1\|\S+ ssh-ed25519 \S+\n$/);
    await using second = await at.connect("target", `${lines}yes\n`);
    assert.equal(await output(second, "echo $USER"), `${self}\n`);
  });

  it("gives up a listener that never answers", async () => {
    await using at = await setting();
    using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = mute.accept();
    const startedAt = performance.now();
    await assert.rejects(
      at.connect("target", `Port ${mute.addr.port}\nConnectTimeout 1\n`),
      /did not identify itself within/,
    );
    // A peer that does not close its end is waited for a moment.
    assert.ok(performance.now() - startedAt < 6000);
    (await accepting).close();
  });

  it("ends when the server has been silent for longer than ServerAliveInterval allows", async () => {
    await using at = await setting();
    const ssh = await at.connect("target", "ServerAliveInterval 1\nServerAliveCountMax 1\n");
    const pid = Number(await output(ssh, "echo $PPID"));
    Deno.kill(pid, "SIGSTOP");
    try {
      await assert.rejects(
        ssh.closed,
        (error) => error instanceof DisconnectError && /silent for 2000 ms/.test(error.message),
      );
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
  });
});

describePeer(["sshd", "ssh"], "a ProxyCommand", (_sshd, ssh) => {
  it("is run, and its end is the connection's end", async () => {
    await using at = await setting();
    const options = `-F ${at.directory}/config -o BatchMode=yes`;
    await Deno.writeTextFile(`${at.directory}/config`, at.config());
    const more = `Host target\nProxyCommand ${ssh} ${options} -W %h:%p jump\n`;
    let child: Deno.ChildProcess | null = null;
    const client = await at.connect("target", more, {
      spawn: (command) => {
        const args = ["-c", `exec ${command}`];
        const running = new Deno.Command("sh", { args, stdin: "piped", stdout: "piped" }).spawn();
        child = running;
        return { readable: running.stdout, writable: running.stdin };
      },
    });
    assert.equal(await output(client, "echo $USER"), `${self}\n`);
    await at.jump.logged(/Accepted publickey for/);
    await client.close();
    await (child as Deno.ChildProcess | null)?.status;
  });
});

describePeer(["sshd", "ssh-agent", "ssh-add"], "an agent", (_sshd, agentProgram, sshAdd) => {
  it("logs in on the way and at its end, and is lent where the configuration says so", async () => {
    await using at = await setting();
    await using agent = await startSshAgent(agentProgram);
    const added = await runWithAgent(sshAdd, [`${at.directory}/key`], agent);
    assert.equal(added.code, 0, added.stderr);
    const more = `IdentityAgent ${agent.path}\nIdentityFile none\nHost target\n` +
      "ProxyJump jump\nForwardAgent yes\n";
    await using ssh = await at.connect("target", more);
    const config = await at.configOf(at.config(more))({ host: "target" });
    const { forwardAgent } = sessionOptionsOf(config, {
      openAgent: (path) => Deno.connect({ transport: "unix", path }),
    });
    assert.ok(forwardAgent);
    const lent = await ssh.command(`${sshAdd} -l`, { forwardAgent }).output();
    assert.match(new TextDecoder().decode(lent.stdout), /^256 SHA256:\S+ .*\(ED25519\)\n$/);
    assert.notEqual((await ssh.command(`${sshAdd} -l`).output()).code, 0);
  });

  it("is lent by the command ssh, through a jump host", async () => {
    await using at = await setting();
    await using agent = await startSshAgent(agentProgram);
    assert.equal((await runWithAgent(sshAdd, [`${at.directory}/key`], agent)).code, 0);
    await Deno.writeTextFile(
      `${at.directory}/config`,
      at.config("IdentityAgent SSH_AUTH_SOCK\nIdentityFile none\n"),
    );
    const run = async (args: readonly string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "ssh", "-F", `${at.directory}/config`, ...args],
        cwd: root,
        env: { NO_COLOR: "1", SSH_AUTH_SOCK: agent.path },
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    };
    const lent = await run(["-A", "-J", "jump", "target", `${sshAdd} -l`]);
    assert.match(lent.stdout, /^256 SHA256:\S+ .*\(ED25519\)\n$/, lent.stderr);
    await at.jump.logged(/Accepted publickey for/);
    const own = await run(["target", `${sshAdd} -l`]);
    assert.notEqual(own.code, 0);
    const command = await run(["-o", "ProxyCommand=false %h", "target"]);
    assert.equal(command.code, 255);
    assert.match(command.stderr, /^Cannot run the ProxyCommand false 127\.0\.0\.1: .*run access/);
  });
});
