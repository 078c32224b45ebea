import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { agentAuth, type AgentClient, agentClient, connect, publicKey } from "../../client/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import {
  AgentStore,
  fingerprint,
  formatPublicKeyLine,
  issueCertificate,
  type PublicKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { serveAgent, type SessionHandler } from "../../server/mod.ts";
import { ChannelOpenError, RequestError } from "../../wire/errors.ts";
import {
  type ListeningAgent,
  runWithAgent,
  startOwnAgent,
  startSshAgent,
} from "../helpers/agents.ts";
import { demoServer, type DemoServerOptions } from "../helpers/demo_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { fileOf, keyNames, type PeerFiles, peerFiles } from "../helpers/peer_files.ts";
import { USER } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyKinds, keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const DATA = new TextEncoder().encode("a message");

/** A public key in which others can be put for its algorithms. */
function half({ type, blob, comment }: PublicKey): Omit<PublicKey, "algorithms"> {
  return { type, blob, comment, verify: () => false };
}

/** The one algorithm, if the key has it. */
function algorithmsOf({ publicKey }: Signer, algorithm: string): readonly string[] {
  const { algorithms } = publicKey;
  return algorithms.includes(algorithm) ? [algorithm] : algorithms;
}

/** Logs in with whatever an agent has. */
async function login(sshd: Sshd, agent: AgentClient) {
  const auth = agentAuth(agent);
  return await connect(await sshd.connect(), { user: self, auth, insecureAcceptAnyHostKey: true });
}

/** The types and comments that `ssh-add -L` prints. */
async function listed(sshAdd: string, agent: Pick<ListeningAgent, "path">): Promise<string[]> {
  const { stdout } = await runWithAgent(sshAdd, ["-L"], agent);
  return stdout.trim().split("\n").map((line) => {
    const [type, , ...comment] = line.split(" ");
    return `${type} ${comment.join(" ")}`;
  });
}

describePeer(["ssh-agent", "sshd"], "our client, ssh-agent and sshd", (sshAgent) => {
  for (const kind of keyKinds) {
    it(`a ${kind} key logs in that the client never sees`, async () => {
      const key = await keyOf(kind);
      await using listening = await startSshAgent(sshAgent);
      await using agent = agentClient(await listening.connect());
      await agent.add(await keyOf(kind === "ed25519" ? "nistp256" : "ed25519"));
      await agent.add(key, { comment: kind });
      for (const algorithm of key.publicKey.algorithms) {
        await using sshd = await startSshd({
          hostKeys: ["ed25519"],
          authorizedKeys: [key],
          config: [`PubkeyAcceptedAlgorithms ${algorithm}`],
        });
        // sshd takes the one algorithm, and says that it takes all.
        const signers = (await agent.keys()).map((held) => ({
          ...held,
          publicKey: { ...half(held.publicKey), algorithms: algorithmsOf(held, algorithm) },
        }));
        const auth = signers.map((signer) => publicKey(signer, { probe: true }));
        const options = { user: self, auth, insecureAcceptAnyHostKey: true } as const;
        await using ssh = await connect(await sshd.connect(), options);
        assert.equal((await ssh.command("true").output()).code, 0);
        const print = fingerprint(key.publicKey).replaceAll("+", "\\+");
        await sshd.logged(new RegExp(`Accepted publickey for ${self} .* ${print}`));
      }
    });
  }

  it("the one of several keys that the server knows logs in", async () => {
    await using listening = await startSshAgent(sshAgent);
    await using agent = agentClient(await listening.connect());
    for (const kind of keyKinds) await agent.add(await keyOf(kind));
    await using sshd = await startSshd({
      hostKeys: ["ed25519"],
      authorizedKeys: [await keyOf("rsa")],
    });
    await using ssh = await login(sshd, agent);
    assert.equal((await ssh.command("true").output()).code, 0);
    await sshd.logged(/Accepted publickey for .* RSA /);
  });

  it("a certificate in the agent logs in", async () => {
    const [ca, key] = [await keyOf("nistp384"), await keyOf("rsa")];
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca,
      role: "user",
      keyId: "ada",
      principals: [self],
      validBefore: null,
    });
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/ca.pub`, `${formatPublicKeyLine(ca.publicKey)}\n`);
      await using listening = await startSshAgent(sshAgent);
      await using agent = agentClient(await listening.connect());
      await agent.add(key, { certificate });
      await using sshd = await startSshd({
        hostKeys: ["ed25519"],
        config: [`TrustedUserCAKeys ${folder}/ca.pub`],
      });
      await using ssh = await login(sshd, agent);
      assert.equal((await ssh.command("true").output()).code, 0);
      await sshd.logged(/Accepted certificate ID "ada"/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

describePeer(["ssh-agent", "ssh-add"], "our client and ssh-agent", (sshAgent, sshAdd) => {
  let listening: ListeningAgent;
  let agent: AgentClient;
  let files: PeerFiles;
  beforeAll(async () => {
    files = await peerFiles();
    listening = await startSshAgent(sshAgent);
    agent = agentClient(await listening.connect());
  });
  afterAll(async () => {
    await agent.close();
    await listening[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  it("what ssh-add has added is listed, signs, and is removed", async () => {
    for (const name of keyNames) {
      const { key, path } = fileOf(files.userKeys, name);
      assert.equal((await runWithAgent(sshAdd, ["-q", path], listening)).code, 0);
      const [found, ...others] = await agent.keys();
      assert.ok(found);
      assert.equal(others.length, 0);
      assert.equal(found.comment, key.comment);
      assert.deepEqual(found.publicKey.blob, key.publicKey.blob);
      for (const algorithm of found.publicKey.algorithms) {
        const signature = await found.sign(algorithm, DATA);
        assert.ok(await key.publicKey.verify(algorithm, DATA, signature), algorithm);
      }
      await agent.remove(found.publicKey);
      assert.deepEqual(await agent.keys(), []);
      await assert.rejects(agent.remove(found.publicKey), RequestError);
    }
  });

  it("what we have added is listed by ssh-add, with its certificate, and forgotten", async () => {
    const ca = fileOf(files.userKeys, "rsa").key;
    const expected: string[] = [];
    for (const name of keyNames) {
      const { key } = fileOf(files.userKeys, name);
      const certificate = await issueCertificate({
        key: key.publicKey,
        ca,
        role: "user",
        keyId: name,
        principals: ["ada"],
        validBefore: null,
      });
      await agent.add(key, { comment: `of ${name}`, lifetimeSeconds: 600 });
      await agent.add(key, { certificate, comment: `certified ${name}` });
      expected.push(`${key.publicKey.type} of ${name}`, `${certificate.type} certified ${name}`);
    }
    assert.deepEqual(await listed(sshAdd, listening), expected);
    const [plain, certified] = await agent.keys();
    assert.ok(plain && certified);
    const signature = await certified.sign("ssh-ed25519-cert-v01@openssh.com", DATA);
    assert.ok(await plain.publicKey.verify("ssh-ed25519", DATA, signature));
    await agent.removeAll();
    assert.equal((await runWithAgent(sshAdd, ["-l"], listening)).code, 1);
  });

  it("a lifetime is kept to, and so is the wish to be asked", async () => {
    const { key } = fileOf(files.userKeys, "ssh-ed25519");
    await agent.add(key, { confirm: true });
    await assert.rejects(agent.sign(key.publicKey, DATA), {
      name: "RequestError",
      message: "Cannot sign: the agent refused",
    });
    // It counts whole seconds: of one, nothing may be left.
    await agent.add(key, { lifetimeSeconds: 2 });
    await agent.sign(key.publicKey, DATA);
    const deadline = performance.now() + 10_000;
    while ((await agent.keys()).length > 0) {
      assert.ok(performance.now() < deadline, "the key is still there");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it("locks and unlocks it, and hears that it knows no such extension", async () => {
    const { key } = fileOf(files.userKeys, "ssh-ed25519");
    await agent.add(key);
    await agent.lock("sesame");
    assert.deepEqual(await agent.keys(), []);
    await assert.rejects(agent.unlock("wrong"), RequestError);
    await agent.unlock("sesame");
    assert.equal((await agent.keys()).length, 1);
    await assert.rejects(agent.extension("nothing@example"), RequestError);
    await agent.removeAll();
  });

  it("keeps requests in flight in order", async () => {
    const keys = keyNames.map((name) => fileOf(files.userKeys, name).key);
    await Promise.all(keys.map((key) => agent.add(key)));
    const signatures = await Promise.all(
      keys.flatMap((key) => [0, 1].map(() => agent.sign(key.publicKey, DATA))),
    );
    for (const [index, signature] of signatures.entries()) {
      const key = keys[index >> 1];
      assert.ok(key);
      assert.ok(await key.publicKey.verify(key.publicKey.algorithms[0] ?? "", DATA, signature));
    }
    await agent.removeAll();
  });
});

describePeer(["ssh-add", "ssh", "ssh-keygen"], "our agent", (sshAdd, ssh) => {
  let files: PeerFiles;
  beforeAll(async () => {
    files = await peerFiles();
  });
  afterAll(async () => await files[Symbol.asyncDispose]());

  async function fileWith(name: string, text: string, mode: number = 0o600): Promise<string> {
    const path = `${files.directory}/${name}`;
    await Deno.writeTextFile(path, text, { mode });
    return path;
  }

  it("takes each type of key from ssh-add, lists it, signs for it, and forgets it", async () => {
    const store = new AgentStore();
    await using agent = await startOwnAgent(store);
    const paths = keyNames.map((name) => fileOf(files.userKeys, name).path);
    const add = await runWithAgent(sshAdd, ["-q", ...paths], agent);
    assert.equal(add.code, 0, add.stderr);
    assert.deepEqual(
      await listed(sshAdd, agent),
      keyNames.map((name) => {
        const { publicKey, comment } = fileOf(files.userKeys, name).key;
        return `${publicKey.type} ${comment}`;
      }),
    );
    const prints = (await runWithAgent(sshAdd, ["-l"], agent)).stdout;
    for (const name of keyNames) {
      const { key } = fileOf(files.userKeys, name);
      assert.ok(prints.includes(fingerprint(key.publicKey)), name);
      const path = await fileWith(`${key.comment}.pub`, `${formatPublicKeyLine(key.publicKey)}\n`);
      const test = await runWithAgent(sshAdd, ["-T", path], agent);
      // Of an RSA key it wants a signature with SHA-1, which it does not get.
      assert.equal(test.code === 0, name !== "rsa", `${name}: ${test.stderr}`);
      const before = store.keys.length;
      assert.equal((await runWithAgent(sshAdd, ["-d", path], agent)).code, 0);
      assert.equal(store.keys.length, before - 1);
    }
    assert.equal((await runWithAgent(sshAdd, ["-q", ...paths], agent)).code, 0);
    assert.equal((await runWithAgent(sshAdd, ["-D"], agent)).code, 0);
    assert.deepEqual(store.keys, []);
    assert.match((await runWithAgent(sshAdd, ["-l"], agent)).stdout, /no identities/);
  });

  it("takes the certificate that lies beside a key", async () => {
    const store = new AgentStore();
    await using agent = await startOwnAgent(store);
    const { key, path } = fileOf(files.userKeys, "ecdsa-sha2-nistp384");
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca: key,
      role: "user",
      keyId: "ada",
      principals: ["ada"],
      validBefore: null,
    });
    const line = `${formatPublicKeyLine(withCertificate(key, certificate).publicKey)}\n`;
    await fileWith("user_ecdsa-sha2-nistp384-cert.pub", line);
    assert.equal((await runWithAgent(sshAdd, ["-q", path], agent)).code, 0);
    assert.deepEqual(store.keys.map(({ publicKey }) => publicKey.type), [
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    ]);
    const certified = `${files.directory}/user_ecdsa-sha2-nistp384-cert.pub`;
    const test = await runWithAgent(sshAdd, ["-T", certified], agent);
    assert.equal(test.code, 0, test.stderr);
    await Deno.remove(certified);
  });

  it("keeps to ssh-add's -t and -c, by the clock and the confirmation that it has", async () => {
    let now = Date.now();
    let allowed = true;
    const store = new AgentStore({ now: () => now, confirm: () => allowed });
    await using agent = await startOwnAgent(store);
    const { key, path } = fileOf(files.userKeys, "ssh-ed25519");
    const pub = await fileWith("confirmed.pub", `${formatPublicKeyLine(key.publicKey)}\n`);
    const add = await runWithAgent(sshAdd, ["-q", "-t", "60", "-c", path], agent);
    assert.equal(add.code, 0, add.stderr);
    assert.equal((await runWithAgent(sshAdd, ["-T", pub], agent)).code, 0);
    allowed = false;
    assert.notEqual((await runWithAgent(sshAdd, ["-T", pub], agent)).code, 0);
    now += 61_000;
    assert.match((await runWithAgent(sshAdd, ["-l"], agent)).stdout, /no identities/);
  });

  it("is locked by ssh-add -x, and unlocked by -X with the same passphrase", async () => {
    const store = new AgentStore();
    store.add(fileOf(files.userKeys, "ssh-ed25519").key);
    await using agent = await startOwnAgent(store);
    const right = await fileWith("right", "#!/bin/sh\necho sesame\n", 0o700);
    const wrong = await fileWith("wrong", "#!/bin/sh\necho other\n", 0o700);
    assert.equal((await runWithAgent(sshAdd, ["-x"], agent, right)).code, 0);
    assert.match((await runWithAgent(sshAdd, ["-l"], agent)).stdout, /no identities/);
    assert.notEqual((await runWithAgent(sshAdd, ["-X"], agent, wrong)).code, 0);
    assert.equal(store.isLocked, true);
    assert.equal((await runWithAgent(sshAdd, ["-X"], agent, right)).code, 0);
    assert.equal((await listed(sshAdd, agent)).length, 1);
  });

  it("takes no keys on smartcards from ssh-add -s, gives none up with -e, and goes on", async () => {
    const store = new AgentStore();
    store.add(fileOf(files.userKeys, "ssh-ed25519").key);
    await using agent = await startOwnAgent(store);
    const pin = await fileWith("pin", "#!/bin/sh\necho 1234\n", 0o700);
    for (const args of [["-s", "/nowhere/pkcs11.so"], ["-e", "/nowhere/pkcs11.so"]]) {
      const { code, stderr } = await runWithAgent(sshAdd, args, agent, pin);
      assert.equal(code, 1);
      assert.match(stderr, /(?:add|remove) card "[^"]+": agent refused operation/);
    }
    assert.equal((await listed(sshAdd, agent)).length, 1);
  });

  it("lets ssh log in, with each type of key", async () => {
    const client = new OpenSshClient({ ssh, sshpass: "" }, files.directory);
    for (const name of keyNames) {
      const { key } = fileOf(files.userKeys, name);
      const store = new AgentStore();
      store.add(key);
      await using agent = await startOwnAgent(store);
      const result = await runSsh(client, agent, ["-o", "IdentitiesOnly=no"], "echo hello");
      assert.equal(result.stdout, "hello\n", `${name}: ${result.stderr}`);
      assert.equal(result.method, "publickey");
    }
  });

  async function runSsh(
    client: OpenSshClient,
    agent: ListeningAgent,
    own: readonly string[],
    command: string,
  ) {
    await using server = demoServer({
      hostKeys: [fileOf(files.hostKeys, "ssh-ed25519").key],
      userKeys: keyNames.map((name) => fileOf(files.userKeys, name).key.publicKey),
    });
    const { port, hostKeys } = server;
    const request = { port, hostKeys, user: USER, method: "publickey", keyFile: "none" } as const;
    const args = await client.args(request, ["-o", `IdentityAgent=${agent.path}`, ...own]);
    const result = await runWithAgent(ssh, [...args, command], agent);
    return { ...result, method: server.last.user?.method };
  }
});

describePeer(["ssh", "ssh-agent"], "ssh -A and our server", (ssh, sshAgent) => {
  let files: PeerFiles;
  let listening: ListeningAgent;
  beforeAll(async () => {
    files = await peerFiles();
    listening = await startSshAgent(sshAgent);
    await using agent = agentClient(await listening.connect());
    for (const name of keyNames) await agent.add(fileOf(files.userKeys, name).key);
  });
  afterAll(async () => {
    await listening[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  async function run(
    own: readonly string[],
    session: SessionHandler,
    options: Partial<DemoServerOptions> = { allowAgentForwarding: () => true },
  ) {
    const { key, path } = fileOf(files.userKeys, "ssh-ed25519");
    await using server = demoServer({
      hostKeys: [fileOf(files.hostKeys, "ssh-ed25519").key],
      userKeys: [key.publicKey],
      session,
      ...options,
    });
    const { port, hostKeys } = server;
    const client = new OpenSshClient({ ssh, sshpass: "" }, files.directory);
    const request = { port, hostKeys, user: USER, method: "publickey", keyFile: path } as const;
    const settings = ["-o", `IdentityAgent=${listening.path}`, ...own];
    const args = await client.args(request, settings);
    const result = await runWithAgent(ssh, [...args, "x"], listening);
    assert.deepEqual(server.errors, []);
    assert.equal(result.code, 0, result.stderr);
    return result;
  }

  it("lends the agent: its keys are listed, and sign", async () => {
    let verified = 0;
    await run(["-A"], async (session) => {
      assert.equal(session.forwardsAgent, true);
      await using agent = agentClient(await session.openAgent());
      const keys = await agent.keys();
      assert.equal(keys.length, keyNames.length);
      for (const { publicKey, sign } of keys) {
        for (const algorithm of publicKey.algorithms) {
          const signature = await sign(algorithm, DATA);
          assert.ok(await publicKey.verify(algorithm, DATA, signature));
          verified++;
        }
      }
      // Several at once, each on a channel of its own.
      await using other = agentClient(await session.openAgent());
      assert.equal((await other.keys()).length, keyNames.length);
    });
    assert.equal(verified, keyNames.length + 1);
  });

  it("does not lend it without -A, whatever the server tries", async () => {
    await run([], async (session) => {
      assert.equal(session.forwardsAgent, false);
      await assert.rejects(session.openAgent(), TypeError);
      await assert.rejects(
        session.connection.openChannel("auth-agent@openssh.com"),
        ChannelOpenError,
      );
    });
  });

  it("is not taken where the server does not allow it", async () => {
    await run(["-A"], (session) => {
      assert.equal(session.forwardsAgent, false);
      return Promise.resolve();
    }, {});
  });
});

describePeer(["sshd", "ssh-add", "ssh-agent"], "our client's agent at sshd", (...paths) => {
  const [, sshAdd = "", sshAgent = ""] = paths;
  const config: string[] = [];

  async function connected(sshd: Sshd) {
    const auth = { privateKey: await keyOf("ed25519") };
    const conn = await sshd.connect();
    return await connect(conn, { user: self, auth, insecureAcceptAnyHostKey: true });
  }

  const start = async (own: readonly string[] = config): Promise<Sshd> =>
    await startSshd({
      hostKeys: ["ed25519"],
      authorizedKeys: [await keyOf("ed25519")],
      config: own,
    });

  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

  it("is reached by ssh-add there: OpenSSH's", async () => {
    await using listening = await startSshAgent(sshAgent);
    await using agent = agentClient(await listening.connect());
    const key = await keyOf("nistp256");
    await agent.add(key, { comment: "of the user" });
    await using sshd = await start();
    await using ssh = await connected(sshd);
    const forwardAgent = (): Promise<Deno.UnixConn> => listening.connect();
    const { stdout, code } = await ssh.command(`${sshAdd} -l`, { forwardAgent }).output();
    assert.equal(code, 0);
    assert.equal(text(stdout), `256 ${fingerprint(key.publicKey)} of the user (ECDSA)\n`);
    const removed = await ssh.command(`${sshAdd} -D`, { forwardAgent }).output();
    assert.equal(removed.code, 0);
    assert.deepEqual(await agent.keys(), []);
  });

  it("is reached by ssh-add there: one in memory, without a socket", async () => {
    const store = new AgentStore();
    store.add(await keyOf("rsa"), { comment: "in memory" });
    await using sshd = await start();
    await using ssh = await connected(sshd);
    const serving: Promise<void>[] = [];
    const forwardAgent = () => {
      const [near, far] = flowPair();
      serving.push(serveAgent(far, store));
      return near;
    };
    const command = `${sshAdd} -l && ${sshAdd} -l && ${sshAdd} -D`;
    const { stdout, code } = await ssh.command(command, { forwardAgent }).output();
    assert.equal(code, 0);
    const line = `2048 ${fingerprint((await keyOf("rsa")).publicKey)} in memory (RSA)\n`;
    assert.equal(text(stdout), line + line);
    assert.deepEqual(store.keys, []);
    await Promise.all(serving);
    assert.equal(serving.length, 3);
  });

  it("is not there unless it is lent, and a server that refuses it says so", async () => {
    {
      await using sshd = await start();
      await using ssh = await connected(sshd);
      const { code } = await ssh.command(`test -z "$SSH_AUTH_SOCK"`).output();
      assert.equal(code, 0);
    }
    await using sshd = await start(["AllowAgentForwarding no"]);
    await using ssh = await connected(sshd);
    const forwardAgent = () => assert.fail("nobody is to ask for it");
    await assert.rejects(ssh.command("true", { forwardAgent }).output(), RequestError);
    assert.equal((await ssh.command("true").output()).code, 0);
  });
});

describe("our agent, by itself", () => {
  it("is reached over a UNIX socket, by several clients at once", async () => {
    const store = new AgentStore();
    const key = await keyOf("ed25519");
    await using listening = await startOwnAgent(store);
    await using one = agentClient(await listening.connect());
    await using other = agentClient(await listening.connect());
    await one.add(key, { comment: "ada" });
    const [found] = await other.keys();
    assert.ok(found);
    const signature = await found.sign("ssh-ed25519", DATA);
    assert.ok(await key.publicKey.verify("ssh-ed25519", DATA, signature));
    assert.deepEqual(await one.extensions(), ["query", "session-bind@openssh.com"]);
  });

  it("is reached over a socket of Node's", async () => {
    const store = new AgentStore();
    store.add(await keyOf("ed25519"), { comment: "ada" });
    await using listening = await startOwnAgent(store);
    await using agent = agentClient(connectSocket({ path: listening.path }));
    assert.deepEqual((await agent.keys()).map(({ comment }) => comment), ["ada"]);
  });
});
