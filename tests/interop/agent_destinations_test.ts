import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { agentAuth, agentClient, connect, publicKey } from "../../client/mod.ts";
import {
  addKnownHost,
  agentDestination,
  AgentStore,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  type PrivateKey,
} from "../../keys/mod.ts";
import { AuthenticationError } from "../../wire/errors.ts";
import {
  type ListeningAgent,
  type ProgramResult,
  runWithAgent,
  startOwnAgent,
  startSshAgent,
} from "../helpers/agents.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";

/** Two servers, the hosts `first` and `second`, and a user whom both let in by the same key. */
interface Hosts extends AsyncDisposable {
  readonly first: Sshd;
  readonly second: Sshd;
  readonly userKey: PrivateKey;
  readonly keyFile: string;
  /** The text that knows both hosts, and its file. */
  readonly knownHosts: string;
  readonly knownHostsFile: string;
}

async function startHosts(): Promise<Hosts> {
  const folder = await Deno.makeTempDir({ prefix: "sshflow-destinations-" });
  const userKey = await keyOf("nistp384");
  const first = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [userKey] });
  const second = await startSshd({ hostKeys: ["nistp256"], authorizedKeys: [userKey] });
  let knownHosts = "";
  for (const [hostname, { hostKeys }] of [["first", first], ["second", second]] as const) {
    for (const { publicKey } of hostKeys) {
      knownHosts = addKnownHost(knownHosts, { hostname }, publicKey);
    }
  }
  const [keyFile, knownHostsFile] = [`${folder}/key`, `${folder}/known_hosts`];
  await Deno.writeTextFile(keyFile, await formatPrivateKey(userKey), { mode: 0o600 });
  await Deno.writeTextFile(knownHostsFile, knownHosts);
  return {
    ...{ first, second, userKey, keyFile, knownHosts, knownHostsFile },
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function options({ port }: Sshd): string[] {
  return [
    ...["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
    ...["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
    ...["-o", "PreferredAuthentications=publickey", "-o", "IdentityFile=none"],
    ...["-p", `${port}`, `${self}@127.0.0.1`],
  ];
}

/** What logs in from the first host to the second, there. */
function onwards(ssh: string, { second }: Hosts): string {
  return `${ssh} ${options(second).join(" ")} echo there`;
}

/** Adds the user's key, as `ssh-add -h` does for each of the destinations. */
async function addWith(
  sshAdd: string,
  agent: ListeningAgent,
  { keyFile, knownHostsFile }: Hosts,
  destinations: readonly string[],
): Promise<void> {
  const args = destinations.flatMap((destination) => ["-h", destination]);
  const all = ["-q", "-H", knownHostsFile, ...args, keyFile];
  const { code, stderr } = await runWithAgent(sshAdd, all, agent);
  assert.equal(code, 0, stderr);
}

const MATRIX: readonly {
  readonly destinations: readonly string[];
  readonly first: boolean;
  readonly second: boolean;
  /** Whether what runs at the first may go on to the second. */
  readonly onwards: boolean;
}[] = [
  { destinations: ["first"], first: true, second: false, onwards: false },
  { destinations: ["second"], first: false, second: true, onwards: false },
  { destinations: [`${self}@first`], first: true, second: false, onwards: false },
  { destinations: ["nobody@first", "second"], first: false, second: true, onwards: false },
  { destinations: ["first", "first>second"], first: true, second: false, onwards: true },
  { destinations: ["first", `first>x*@second`], first: true, second: false, onwards: false },
  { destinations: ["first", "second"], first: true, second: true, onwards: false },
  { destinations: ["second", "first>second"], first: false, second: true, onwards: false },
];

function describeCase({ destinations, ...rest }: typeof MATRIX[number]): string {
  const allowed = Object.entries(rest).filter(([, may]) => may).map(([where]) => where);
  return `${destinations.join(", ")}: lets log in at ${allowed.join(", ")}, and nowhere else`;
}

describePeer(["ssh-agent", "ssh-add", "sshd", "ssh"], "destinations in ssh-agent", (...paths) => {
  const [sshAgent = "", sshAdd = "", , ssh = ""] = paths;
  let hosts: Hosts;
  beforeAll(async () => void (hosts = await startHosts()));
  afterAll(async () => await hosts[Symbol.asyncDispose]());

  async function login(sshd: Sshd, agent: ListeningAgent) {
    const auth = agentAuth(() => agent.connect());
    const settings = { user: self, auth, insecureAcceptAnyHostKey: true } as const;
    return await connect(await sshd.connect(), settings);
  }

  async function mayLogin(sshd: Sshd, agent: ListeningAgent): Promise<boolean> {
    try {
      await using ssh = await login(sshd, agent);
      return (await ssh.command("true").output()).success;
    } catch (error) {
      assert.ok(error instanceof AuthenticationError, String(error));
      return false;
    }
  }

  for (const [index, expected] of MATRIX.entries()) {
    // What our client adds is the same in each case, but for a user and a way from host to host.
    const adders = index === 3 || index === 4 ? ["ssh-add", "our client"] : ["ssh-add"];
    for (const adder of adders) {
      it(`${describeCase(expected)}, when ${adder} has added the key`, async () => {
        await using listening = await startSshAgent(sshAgent);
        if (adder === "ssh-add") {
          await addWith(sshAdd, listening, hosts, expected.destinations);
        } else {
          await using agent = agentClient(await listening.connect());
          const destinations = expected.destinations
            .map((text) => agentDestination(text, hosts.knownHosts));
          await agent.add(hosts.userKey, { destinations });
        }
        assert.equal(await mayLogin(hosts.first, listening), expected.first);
        assert.equal(await mayLogin(hosts.second, listening), expected.second);
        if (!expected.first) return;
        await using client = await login(hosts.first, listening);
        const forwardAgent = () => listening.connect();
        const command = `${sshAdd} -l; ${onwards(ssh, hosts)}`;
        const { stdout } = await client.command(command, { forwardAgent }).output();
        const text = new TextDecoder().decode(stdout);
        assert.equal(text.includes("there"), expected.onwards, text);
        // What can be used nowhere from there is not even seen there.
        const isSeen = expected.destinations.some((destination) => destination.includes(">"));
        assert.equal(text.includes("no identities"), !isSeen, text);
      });
    }
  }

  it("are kept to with a key that was chosen before, for the one login of a connection", async () => {
    await using listening = await startSshAgent(sshAgent);
    await addWith(sshAdd, listening, hosts, ["first"]);
    for (const [sshd, allowed] of [[hosts.first, true], [hosts.second, false]] as const) {
      await using agent = agentClient(await listening.connect());
      const [key] = await agent.keys();
      assert.ok(key);
      const auth = [publicKey(key)];
      const settings = { user: self, auth, insecureAcceptAnyHostKey: true } as const;
      const connecting = connect(await sshd.connect(), settings);
      if (!allowed) {
        await assert.rejects(connecting, /the key did not sign: Cannot sign: the agent refused/);
        continue;
      }
      await (await connecting).close();
      await assert.rejects(agent.sign(key.publicKey, new Uint8Array(8)), { name: "RequestError" });
      const again = connect(await sshd.connect(), settings);
      await assert.rejects(again, AuthenticationError);
    }
  });
});

describePeer(["ssh-add", "sshd", "ssh"], "destinations in our agent", (sshAdd, _sshd, ssh) => {
  let hosts: Hosts;
  beforeAll(async () => void (hosts = await startHosts()));
  afterAll(async () => await hosts[Symbol.asyncDispose]());

  async function run(
    sshd: Sshd,
    agent: ListeningAgent,
    command: string,
    own: readonly string[] = [],
  ): Promise<ProgramResult> {
    return await runWithAgent(ssh, [...own, ...options(sshd), command], agent);
  }

  for (const expected of MATRIX) {
    it(`${describeCase(expected)}, with ssh and ssh-add`, async () => {
      const store = new AgentStore();
      await using listening = await startOwnAgent(store);
      await addWith(sshAdd, listening, hosts, expected.destinations);
      assert.equal(store.keys[0]?.destinations?.length, expected.destinations.length);
      for (const where of ["first", "second"] as const) {
        const { code, stderr } = await run(hosts[where], listening, "true");
        assert.equal(code === 0, expected[where], `${where}: ${stderr}`);
        if (code !== 0) assert.match(stderr, /Permission denied/);
      }
      if (!expected.first) return;
      const command = `${sshAdd} -l; ${onwards(ssh, hosts)}`;
      const { stdout } = await run(hosts.first, listening, command, ["-A"]);
      assert.equal(stdout.includes("there"), expected.onwards, stdout);
      const isSeen = expected.destinations.some((destination) => destination.includes(">"));
      assert.equal(stdout.includes("no identities"), !isSeen, stdout);
    });
  }

  it("are those of hosts that are known by an authority", async () => {
    const folder = await Deno.makeTempDir({ prefix: "sshflow-destinations-" });
    try {
      const [ca, hostKey] = [await keyOf("nistp521"), await keyOf("ed25519")];
      const certificate = await issueCertificate({
        key: hostKey.publicKey,
        ca,
        role: "host",
        keyId: "first",
        principals: ["first"],
        validBefore: null,
      });
      await Deno.writeTextFile(`${folder}/host-cert.pub`, `${formatPublicKeyLine(certificate)}\n`);
      await using sshd = await startSshd({
        hostKeys: ["ed25519"],
        authorizedKeys: [hosts.userKey],
        config: [`HostCertificate ${folder}/host-cert.pub`],
      });
      const authority = `@cert-authority * ${formatPublicKeyLine(ca.publicKey)}\n`;
      await Deno.writeTextFile(`${folder}/known_hosts`, authority);
      const settings = { ...hosts, knownHostsFile: `${folder}/known_hosts` };
      for (const [name, allowed] of [["first", true], ["other", false]] as const) {
        await using listening = await startOwnAgent();
        await addWith(sshAdd, listening, settings, [name]);
        const { code, stderr } = await run(sshd, listening, "true");
        assert.equal(code === 0, allowed, stderr);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("keep a key from signing what is no login, from ssh-add -T, and from a lock and a lifetime", async () => {
    let now = Date.now();
    const store = new AgentStore({ now: () => now });
    await using listening = await startOwnAgent(store);
    const pub = `${hosts.keyFile}.pub`;
    await Deno.writeTextFile(pub, `${formatPublicKeyLine(hosts.userKey.publicKey)}\n`);
    const { keyFile, knownHostsFile } = hosts;
    const args = ["-q", "-t", "60", "-H", knownHostsFile, "-h", "first", keyFile];
    assert.equal((await runWithAgent(sshAdd, args, listening)).code, 0);
    assert.notEqual((await runWithAgent(sshAdd, ["-T", pub], listening)).code, 0);
    assert.equal((await run(hosts.first, listening, "true")).code, 0);
    await store.lock("sesame");
    assert.notEqual((await run(hosts.first, listening, "true")).code, 0);
    await store.unlock("sesame");
    assert.equal((await run(hosts.first, listening, "true")).code, 0);
    now += 61_000;
    assert.notEqual((await run(hosts.first, listening, "true")).code, 0);
  });
});
