import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { connect, hostbased } from "../../client/mod.ts";
import {
  addKnownHost,
  checkKnownHost,
  formatPrivateKey,
  formatPublicKeyLine,
  generateKey,
} from "../../keys/mod.ts";
import { AuthenticationError } from "../../wire/errors.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { otherRoot } from "../helpers/other_root.ts";
import { describePeer } from "../helpers/peers.ts";
import {
  type Account,
  addAccount,
  isRoot,
  type KeyKind,
  keyOf,
  startSshd,
} from "../helpers/sshd.ts";

const HOSTNAME = "desk.example.com";

/** Lets the host in as the user: its key, and who may come from it without more. */
async function trust(account: Account, line: string): Promise<void> {
  const home = `/home/${account.user}`;
  const { uid, gid } = await Deno.stat(home);
  const write = async (path: string, text: string): Promise<void> => {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    if (uid !== null && gid !== null) await Deno.chown(path, uid, gid);
  };
  await Deno.mkdir(`${home}/.ssh`, { mode: 0o700 });
  if (uid !== null && gid !== null) await Deno.chown(`${home}/.ssh`, uid, gid);
  await write(`${home}/.shosts`, `${HOSTNAME} ada\n`);
  await write(`${home}/.ssh/known_hosts`, `${HOSTNAME} ${line}\n`);
}

describePeer("sshd", "client and sshd: hostbased", () => {
  it(
    isRoot ? "a host vouches for its user" : "a host vouches for its user (needs root)",
    { ignore: !isRoot },
    async () => {
      for (const [type, bits] of [["ed25519"], ["ecdsa", 384], ["rsa", 2048]] as const) {
        const key = await generateKey(type, bits === undefined ? {} : { bits });
        await using account = await addAccount();
        await trust(account, formatPublicKeyLine(key.publicKey));
        await using sshd = await startSshd({
          config: [
            "HostbasedAuthentication yes",
            "HostbasedUsesNameFromPacketOnly yes",
            "IgnoreRhosts no",
            "IgnoreUserKnownHosts no",
            "PubkeyAuthentication no",
          ],
        });
        const login = async (signer: typeof key, user: string) =>
          await connect(await sshd.connect(), {
            user: account.user,
            auth: [hostbased(signer, { hostname: HOSTNAME, user })],
            insecureAcceptAnyHostKey: true,
          });
        await using ssh = await login(key, "ada");
        const { stdout } = await ssh.command("whoami").output();
        assert.equal(new TextDecoder().decode(stdout).trim(), account.user);

        await assert.rejects(login(key, "eve"), AuthenticationError);
        await assert.rejects(login(await generateKey("ed25519"), "ada"), AuthenticationError);
      }
    },
  );
});

/** The kinds of hosts' keys: what their files are named for, and what they sign with. */
const KINDS: readonly [kind: KeyKind, file: string, algorithm: string][] = [
  ["ed25519", "ed25519", "ssh-ed25519"],
  ["nistp256", "ecdsa", "ecdsa-sha2-nistp256"],
  ["nistp384", "ecdsa", "ecdsa-sha2-nistp384"],
  ["nistp521", "ecdsa", "ecdsa-sha2-nistp521"],
  ["rsa", "rsa", "rsa-sha2-512"],
];

describePeer(["ssh", "ssh-keysign"], "ssh and our server: hostbased", (ssh, keysign) => {
  /** How a host differs from one that vouches for its user. */
  interface Changes {
    readonly hostname?: string;
    readonly user?: string;
    /** What its administrator says. */
    readonly config?: string;
    /** Whether the server takes the method. */
    readonly offered?: boolean;
    /** The kind of the key that the server knows the host by. */
    readonly known?: KeyKind;
  }

  /** Has `ssh` log in from a host, and gives what the server was asked, and what became of it. */
  async function visit(file: string, kind: KeyKind, changes: Changes = {}) {
    const { hostname = HOSTNAME, user = "ada", offered = true, known = kind } = changes;
    const key = await keyOf(kind);
    const path = `/etc/ssh/ssh_host_${file}_key`;
    await using host = await otherRoot([ssh, keysign], {
      // Where `ssh` and its signer find the name of their end of the connection.
      "/etc/hosts": `127.0.0.1 ${hostname}\n`,
      "/etc/nsswitch.conf": "hosts: files\n",
      "/etc/passwd": `${user}:x:0:0::/:/bin/sh\n`,
      "/etc/ssh/ssh_config": changes.config ?? "EnableSSHKeysign yes\n",
      [path]: await formatPrivateKey(key),
      [`${path}.pub`]: formatPublicKeyLine(key.publicKey),
    });
    const { publicKey } = await keyOf(known);
    const knownHosts = addKnownHost("", { hostname: HOSTNAME }, publicKey);
    const asked: string[] = [];
    await using server = listeningServer({
      hostKeys: [await keyOf("ed25519")],
      authMethods: offered ? ["publickey", "hostbased"] : ["publickey"],
      authenticate: (attempt) => {
        if (attempt.method !== "hostbased") return false;
        const { clientHostname, clientUser, algorithm } = attempt;
        asked.push(`${clientUser}@${clientHostname} ${algorithm}`);
        const { status } = checkKnownHost(knownHosts, { hostname: clientHostname }, attempt.key);
        return status === "ok" && clientUser === "ada" && attempt.user === "guest";
      },
      session: (session) => session.exit(7),
    });
    const settings = {
      HostbasedAuthentication: "yes",
      PreferredAuthentications: "hostbased",
      StrictHostKeyChecking: "no",
      UserKnownHostsFile: "/dev/null",
      LogLevel: "ERROR",
    };
    const { code, stderr } = await host.run(ssh, [
      ...["-p", `${server.port}`, "-l", "guest"],
      ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...["127.0.0.1", "true"],
    ]);
    if (code !== 7) assert.match(stderr, /Permission denied/);
    return { accepted: code === 7, asked };
  }

  const onlyRoot = (title: string, test: () => Promise<void>): void =>
    it(isRoot ? title : `${title} (needs root)`, { ignore: !isRoot }, test);

  for (const [kind, file, algorithm] of KINDS) {
    onlyRoot(`a host with a key of ${kind} vouches for its user`, async () => {
      const asked = [`ada@${HOSTNAME} ${algorithm}`];
      assert.deepEqual(await visit(file, kind), { accepted: true, asked });
    });
  }

  const refusals: readonly [what: string, changes: Changes, asked: string[]][] = [
    ["a user who is another there", { user: "eve" }, [`eve@${HOSTNAME} ssh-ed25519`]],
    ["a host by another name", { hostname: "b.example.com" }, ["ada@b.example.com ssh-ed25519"]],
    ["a host with another key", { known: "nistp256" }, [`ada@${HOSTNAME} ssh-ed25519`]],
    ["a host that does not sign", { config: "" }, []],
    ["whoever comes, where it is not offered", { offered: false }, []],
  ];
  for (const [what, changes, asked] of refusals) {
    onlyRoot(`it refuses ${what}`, async () => {
      assert.deepEqual(await visit("ed25519", "ed25519", changes), { accepted: false, asked });
    });
  }
});
