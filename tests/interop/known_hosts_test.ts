import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  connect,
  type ConnectSettings,
  HostKeyError,
  type HostKeyStatus,
  knownHosts,
  type KnownHostsOptions,
  type KnownHostsStore,
  publicKey,
} from "../../client/mod.ts";
import {
  addKnownHost,
  findKnownHost,
  formatPrivateKey,
  formatPublicKeyLine,
  hashKnownHosts,
  type HostAddress,
  issueCertificate,
  knownHostName,
  type PrivateKey,
  type PublicKey,
  removeKnownHost,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { type DemoServer, demoServer } from "../helpers/demo_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { USER } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { type KeyKind, keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";

let directory = "";
let files = 0;
let ed25519: PrivateKey;
let nistp256: PrivateKey;
let nistp384: PrivateKey;
let rsa: PrivateKey;

beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "sshflow-known-hosts-" });
  [ed25519, nistp256, nistp384, rsa] = await Promise.all([
    keyOf("ed25519"),
    keyOf("nistp256"),
    keyOf("nistp384"),
    keyOf("rsa"),
  ]);
});
afterAll(() => Deno.remove(directory, { recursive: true }));

/** A file with a text in it. */
async function fileOf(text: string): Promise<string> {
  const path = `${directory}/${files++}`;
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

/** A line about a key, without its comment. */
function line(hosts: string, key: Pick<Signer, "publicKey">): string {
  return `${hosts} ${formatPublicKeyLine(key.publicKey).split(" ").slice(0, 2).join(" ")}\n`;
}

/** A key of the same type: some other server's. */
function changed({ publicKey }: PrivateKey): PublicKey {
  const { type, comment, algorithms } = publicKey;
  const blob = publicKey.blob.slice();
  blob[blob.length - 1] = (blob.at(-1) ?? 0) ^ 1;
  return { type, comment, algorithms, blob, verify: () => false };
}

async function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

describePeer("ssh-keygen", "known_hosts and ssh-keygen", (keygen) => {
  const hosts: readonly HostAddress[] = [
    { hostname: "host.example" },
    { hostname: "HOST.example", port: 22 },
    { hostname: "host.example", port: 2222 },
    { hostname: "192.0.2.7" },
    { hostname: "2001:db8::7", port: 2222 },
    { hostname: "a.example" },
    { hostname: "b.example" },
    { hostname: "b.org" },
    { hostname: "unknown" },
  ];

  /** All sorts of lines. */
  function everything(): string {
    return [
      "# a comment\n",
      " \t\n",
      line("host.example,192.0.2.7", ed25519).replace("\n", "  a  comment \n"),
      line("[Host.Example]:2222,[2001:db8::7]:2222", ed25519),
      line("*.example,!b.example", nistp256),
      line("?.org", nistp256).replaceAll(" ", "\t"),
      `\t${line("b.example", rsa)}`,
      line("@revoked *", nistp384),
      line("@cert-authority *.example", rsa),
      line("b.example", ed25519),
    ].join("");
  }

  it("finds the same lines (-F)", async () => {
    for (const text of [everything(), hashKnownHosts(everything())]) {
      const file = await fileOf(text);
      for (const host of hosts) {
        const found = await run(keygen, ["-F", knownHostName(host), "-f", file]);
        const theirs = [...found.text.matchAll(/^# Host .* found: line (\d+) ?(.*)$/gm)];
        const markers = { "cert-authority": "CA", revoked: "REVOKED" } as const;
        assert.deepEqual(
          theirs.map(([, line, marker]) => [Number(line), marker]),
          findKnownHost(text, host).map((
            { line, marker },
          ) => [line, marker === null ? "" : markers[marker]]),
          knownHostName(host),
        );
      }
    }
  });

  it("removes the same lines (-R)", async () => {
    for (const text of [everything(), hashKnownHosts(everything())]) {
      for (const host of hosts) {
        const file = await fileOf(text);
        await run(keygen, ["-R", knownHostName(host), "-f", file]);
        assert.equal(await Deno.readTextFile(file), removeKnownHost(text, host));
      }
    }
  });

  it("hashes the same names (-H), which we find, as it finds ours", async () => {
    const text = everything();
    const file = await fileOf(text);
    await run(keygen, ["-H", "-f", file]);
    const theirs = await Deno.readTextFile(file);
    const withoutHashes = (text: string): string =>
      text.replaceAll(/^\|1\|\S{28}\|\S{28} /gm, "|hash| ");
    assert.equal(withoutHashes(theirs), withoutHashes(hashKnownHosts(text)));
    for (const host of hosts) {
      assert.deepEqual(
        findKnownHost(theirs, host).map(({ blob }) => blob),
        findKnownHost(text, host).map(({ blob }) => blob),
      );
    }
  });

  it("finds what we add, hashed or not", async () => {
    for (const hash of [false, true]) {
      for (const host of hosts.slice(0, -1)) {
        const text = addKnownHost("# mine", host, [ed25519.publicKey, rsa.publicKey], { hash });
        const { text: found } = await run(keygen, [
          "-F",
          knownHostName(host),
          "-f",
          await fileOf(text),
        ]);
        assert.match(found, /found: line 2 \n[^]*found: line 3 \n/);
      }
    }
  });
});

describePeer("ssh", "known_hosts and ssh", (ssh) => {
  let server: DemoServer;
  let userKeyFile = "";

  beforeAll(async () => {
    userKeyFile = await fileOf(await formatPrivateKey(ed25519));
    server = demo([ed25519]);
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  function demo(hostKeys: readonly Signer[], session?: () => Promise<void>): DemoServer {
    return demoServer({
      hostKeys,
      userKeys: [ed25519.publicKey],
      ...(session !== undefined && { session }),
    });
  }

  /** Logs in to a server, which is known by a file. */
  async function login(
    file: string,
    settings: Readonly<Record<string, string>> = {},
    to: DemoServer = server,
  ): Promise<{ code: number; text: string }> {
    const client = new OpenSshClient({ ssh, sshpass: "" }, directory);
    const own = { UserKnownHostsFile: file, BatchMode: "yes", ...settings };
    const args = await client.args(
      { port: to.port, hostKeys: [], user: USER, method: "publickey", keyFile: userKeyFile },
      Object.entries(own).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    );
    return await run(ssh, [...args, "echo", "hello"]);
  }

  /** Logs in to the same server by the same file. */
  async function ourLogin(
    text: string | null,
    { port }: DemoServer = server,
  ): Promise<HostKeyStatus | "ok"> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    try {
      await using _ssh = await connect(conn, {
        user: USER,
        auth: [publicKey(ed25519)],
        hostname: "127.0.0.1",
        port,
        verifyHostKey: knownHosts({ read: () => text }),
      });
      return "ok";
    } catch (error) {
      if (error instanceof HostKeyError) return error.status;
      throw error;
    }
  }

  const address = (): HostAddress => ({ hostname: "127.0.0.1", port: server.port });

  for (const hash of [false, true]) {
    it(`writes what we read${hash ? ", hashed" : ""}`, async () => {
      const file = `${directory}/${files++}`;
      const { code } = await login(file, {
        StrictHostKeyChecking: "accept-new",
        HashKnownHosts: hash ? "yes" : "no",
      });
      assert.equal(code, 0);
      const text = await Deno.readTextFile(file);
      assert.equal(/^\|1\|/.test(text), hash);
      if (!hash) assert.equal(text, addKnownHost("", address(), ed25519.publicKey));
      assert.equal(await ourLogin(text), "ok");
    });

    it(`reads what we write${hash ? ", hashed" : ""}`, async () => {
      const text = addKnownHost("# mine", address(), ed25519.publicKey, { hash });
      assert.equal((await login(await fileOf(text))).code, 0);
    });
  }

  const verdicts: readonly [
    what: string,
    text: (name: string) => string | null,
    status: HostKeyStatus | "ok",
  ][] = [
    ["the key", (name) => line(name, ed25519), "ok"],
    ["the key among others", (name) => line(name, nistp256) + line(name, ed25519), "ok"],
    ["a pattern", () => line("[127.0.0.*]:*", ed25519), "ok"],
    ["the name without its port", () => line("127.0.0.1", ed25519), "ok"],
    ["a line that cannot be read", (name) => `${name} nonsense\n${line(name, ed25519)}`, "ok"],
    ["a negated pattern", (name) => line(`*,!${name},!127.0.0.1`, ed25519), "not-known"],
    ["one that negates the name with its port only", (name) => line(`*,!${name}`, ed25519), "ok"],
    ["another name", () => line("[127.0.0.2]:*", ed25519), "not-known"],
    ["another key without the port", () => line("127.0.0.1", nistp256), "not-known"],
    ["a comment", (name) => `#${line(name, ed25519)}`, "not-known"],
    ["nothing", () => "", "not-known"],
    [
      "an authority that is the key",
      (name) => line(`@cert-authority ${name}`, ed25519),
      "not-known",
    ],
    ["no file", () => null, "file-not-found"],
    [
      "another key of the type",
      (name) => line(name, { publicKey: changed(ed25519) }),
      "known-changed",
    ],
    ["a key of another type", (name) => line(name, rsa), "found-other"],
    ["a revoked key", (name) => line(name, ed25519) + line("@revoked *", ed25519), "revoked"],
  ];
  for (const [what, text, status] of verdicts) {
    it(`is of one mind with us about ${what}: ${status}`, async () => {
      const written = text(knownHostName(address()));
      const file = written === null ? `${directory}/none` : await fileOf(written);
      assert.equal(await ourLogin(written), status);
      const theirs = await login(file);
      assert.equal(theirs.code, status === "ok" ? 0 : 255, theirs.text);
      // What we would accept as new, it would; and nothing else.
      const isNew = status === "not-known" || status === "file-not-found";
      const asNew = await login(file, { StrictHostKeyChecking: "accept-new" });
      assert.equal(asNew.code, isNew || status === "ok" ? 0 : 255, asNew.text);
    });
  }

  /** A key that tells when it has signed; what it signs may be changed. */
  function noting(
    key: PrivateKey,
    note: (algorithm: string) => void,
    change: (data: Uint8Array) => Uint8Array = (data) => data,
  ): PrivateKey {
    return {
      publicKey: key.publicKey,
      comment: "",
      parts: () => key.parts(),
      async sign(algorithm, data) {
        const signature = await key.sign(algorithm, change(data));
        note(algorithm);
        return signature;
      },
    };
  }

  /** Logs in to a server with several keys, until it has proven all but the first. */
  async function learn(
    [first, ...others]: readonly [PrivateKey, ...PrivateKey[]],
    known: (at: HostAddress) => string,
    change?: (data: Uint8Array) => Uint8Array,
  ): Promise<{ at: HostAddress; before: string; after: string; proofs: readonly string[] }> {
    const proofs: string[] = [];
    const noted = others.map((key) => noting(key, (name) => proofs.push(name), change));
    const untilProven = () => waitUntil(() => proofs.length === others.length);
    await using rotating = demo([first, ...noted], untilProven);
    const at = { hostname: "127.0.0.1", port: rotating.port };
    const before = known(at);
    const file = await fileOf(before);
    const { code, text } = await login(file, { UpdateHostKeys: "yes" }, rotating);
    assert.equal(code, 0, text);
    return { at, before, after: await Deno.readTextFile(file), proofs };
  }

  it("is of one mind with us about authorities, and revoked ones", async () => {
    const certificate = await issueCertificate({
      key: nistp256.publicKey,
      ca: rsa,
      role: "host",
      keyId: "test",
      principals: ["127.0.0.1"],
      validBefore: null,
    });
    await using certified = demo([withCertificate(nistp256, certificate)]);
    const trusted = line("@cert-authority 127.0.0.*", rsa);
    const verdicts: readonly [text: string, isOk: boolean][] = [
      [trusted, true],
      [line("@cert-authority *.example", rsa), false],
      [trusted + line("@revoked *", rsa), false],
      [trusted + line("@revoked *", nistp256), false],
      [line(`[127.0.0.1]:${certified.port}`, nistp256), true],
    ];
    for (const [text, isOk] of verdicts) {
      const theirs = await login(await fileOf(text), {}, certified);
      assert.equal(theirs.code, isOk ? 0 : 255, `${text}${theirs.text}`);
      assert.equal(
        await ourLogin(text, certified),
        isOk ? "ok" : /@revoked/.test(text) ? "revoked" : "not-known",
      );
    }
  });

  it("learns the keys that we announce, once they are proven", async () => {
    const keys = [ed25519, nistp256, nistp384, rsa] as const;
    const known = (at: HostAddress) => addKnownHost("# mine\n", at, ed25519.publicKey);
    const { at, after, proofs } = await learn(keys, known);
    assert.deepEqual(proofs, ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-512"]);
    const all = keys.map(({ publicKey }) => publicKey);
    assert.equal(after, addKnownHost("# mine\n", at, all));
  });

  it("gives up a key that we have given up", async () => {
    const known = (at: HostAddress) => addKnownHost("", at, [ed25519.publicKey, rsa.publicKey]);
    const { at, after } = await learn([ed25519, nistp256], known);
    assert.equal(after, addKnownHost("", at, [ed25519.publicKey, nistp256.publicKey]));
  });

  it("learns no key that we cannot prove", async () => {
    const known = (at: HostAddress) => addKnownHost("", at, ed25519.publicKey);
    const { before, after } = await learn([ed25519, nistp256], known, (data) => data.subarray(1));
    assert.equal(after, before);
  });
});

describePeer("sshd", "known hosts and sshd", () => {
  function memoryStore(text: string | null): KnownHostsStore & { text: string | null } {
    return {
      text,
      read() {
        return this.text;
      },
      write(text) {
        this.text = text;
      },
    };
  }

  async function login(
    sshd: Sshd,
    store: KnownHostsStore,
    options: KnownHostsOptions = {},
    settings: Partial<ConnectSettings> = {},
  ) {
    const { hostname, port } = sshd;
    return await connect(await sshd.connect(), {
      user: self,
      auth: [publicKey(ed25519)],
      hostname,
      port,
      verifyHostKey: knownHosts(store, options),
      ...settings,
    });
  }

  const start = (hostKeys: readonly KeyKind[], config: readonly string[] = []): Promise<Sshd> =>
    startSshd({ hostKeys, config, authorizedKeys: [ed25519] });

  const refusals: readonly [HostKeyStatus, (name: string) => string | null][] = [
    ["known-changed", (name) => line(name, { publicKey: changed(nistp256) })],
    ["found-other", (name) => line(name, rsa)],
    ["not-known", () => ""],
    ["file-not-found", () => null],
    ["revoked", (name) => line(name, nistp256) + line("@revoked *", nistp256)],
  ];
  it("is told of no user where its key is refused", async () => {
    await using sshd = await start(["nistp256"], ["LogLevel DEBUG1"]);
    const name = knownHostName(sshd);
    for (const [status, text] of refusals) {
      await assert.rejects(login(sshd, memoryStore(text(name))), { name: "HostKeyError", status });
    }
    await sshd.logged(/(Connection (closed|reset) by|Received disconnect from)[^]*/);
    assert.doesNotMatch(sshd.log(), /userauth-request|Accepted|Failed|service ssh-/);
    // So it is told when the key is right.
    await using _ssh = await login(sshd, memoryStore(line(name, nistp256)));
    await sshd.logged(/userauth-request for user/);
  });

  it("is accepted by the authority that has certified it, and refused if that is revoked", async () => {
    const certificate = await issueCertificate({
      key: nistp256.publicKey,
      ca: rsa,
      role: "host",
      keyId: "test",
      principals: ["127.0.0.1"],
      validBefore: new Date(Date.now() + 3_600_000),
    });
    const file = await fileOf(`${formatPublicKeyLine(certificate)}\n`);
    await using sshd = await start(["nistp256"], ["LogLevel DEBUG1", `HostCertificate ${file}`]);
    const trusted = line("@cert-authority 127.0.0.*", rsa);
    const revoked = trusted + line("@revoked *", rsa);
    const late = () => Date.now() + 7_200_000;
    const refusals: readonly [HostKeyStatus, string, KnownHostsOptions?][] = [
      ["revoked", revoked],
      ["revoked", trusted + line("@revoked *", nistp256)],
      ["not-known", line("@cert-authority *.example", rsa)],
      ["not-known", trusted, { now: late }],
      ["known-changed", line(knownHostName(sshd), { publicKey: changed(nistp256) })],
    ];
    for (const [status, text, options] of refusals) {
      await assert.rejects(login(sshd, memoryStore(text), options), {
        name: "HostKeyError",
        status,
      });
    }
    await sshd.logged(/(Connection (closed|reset) by|Received disconnect from)/);
    assert.doesNotMatch(sshd.log(), /userauth-request|Accepted|Failed/);
    await using ssh = await login(sshd, memoryStore(trusted));
    assert.equal(ssh.serverHostKey.type, "ecdsa-sha2-nistp256-cert-v01@openssh.com");
  });

  it("is asked for a key that it is known by", async () => {
    await using sshd = await start(["ed25519", "nistp256", "nistp384", "rsa"]);
    for (const key of [ed25519, nistp256, nistp384, rsa]) {
      await using ssh = await login(sshd, memoryStore(line(knownHostName(sshd), key)));
      assert.equal(ssh.serverHostKey.type, key.publicKey.type);
    }
  });

  it("is trusted at first sight, and known by all its keys once it has proven them", async () => {
    await using sshd = await start(["ed25519", "nistp256", "nistp384", "rsa"]);
    for (const hash of [false, true]) {
      const store = memoryStore(null);
      let told = 0;
      const options = { policy: "accept-new", updateHostKeys: true, hash } as const;
      {
        await using _ssh = await login(sshd, store, options, { onHostKeys: () => void told++ });
        await waitUntil(() => told > 0);
      }
      const found = findKnownHost(store.text, sshd);
      assert.deepEqual(
        found.map(({ blob }) => blob),
        sshd.hostKeys.map(({ publicKey }) => publicKey.blob),
      );
      assert.ok(found.every(({ hosts }) => hosts.startsWith("|1|") === hash));
    }
  });

  it("is known no more by a key that it has given up", async () => {
    await using sshd = await start(["ed25519", "nistp256"]);
    const store = memoryStore(addKnownHost("# mine\n", sshd, [rsa.publicKey, ed25519.publicKey]));
    let told = 0;
    await using _ssh = await login(sshd, store, { updateHostKeys: true }, {
      onHostKeys: () => void told++,
    });
    await waitUntil(() => told > 0);
    assert.equal(
      store.text,
      addKnownHost("# mine\n", sshd, [ed25519.publicKey, nistp256.publicKey]),
    );
  });
});

async function waitUntil(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !isSo();) {
    assert.ok(performance.now() < end, "it has not come about");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
