import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  addAuthorizedKey,
  authorizedKeys,
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  type KeyOptions,
  type Permissions,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { type ClientAuthMethod, password, publicKey } from "../../protocol/mod.ts";
import {
  authenticateUsers,
  type ServerSession,
  type User,
  type UserOptions,
} from "../../server/mod.ts";
import { encodeEnv, encodePtyRequest, encodeText } from "../../wire/channel_requests.ts";
import { AuthenticationError, ChannelOpenError, RequestError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { type Hosting, type HostingOptions, meet } from "./_hosting.ts";

const NOW = Date.parse("2025-06-07T08:09:10Z");
const PTY = { term: "xterm", columns: 80, rows: 24, width: 0, height: 0, modes: {} };
const FROM = { hostname: "192.0.2.7", port: 50_000 };

const key = await generateKey("ed25519", { seed: "ada's key" });
const otherKey = await generateKey("ed25519", { seed: "ada's other key" });
const ca = await generateKey("ed25519", { seed: "ada's authority" });

/** How somebody tries to log in. */
interface Attempt extends HostingOptions {
  readonly signer?: Signer;
  /** What the user has beside authorized keys. */
  readonly also?: Omit<User, "authorizedKeys">;
  readonly policy?: UserOptions;
}

/** What came of it. */
interface Outcome extends Hosting {
  readonly reasons: readonly string[];
  /** The sessions that were run. */
  readonly seen: readonly ServerSession[];
}

async function attempt(text: string, options: Attempt = {}): Promise<Outcome> {
  const { signer = key, also = {}, policy, ...hosting } = options;
  const reasons: string[] = [];
  const seen: ServerSession[] = [];
  const note = (session: ServerSession): void => void seen.push(session);
  const authenticate = authenticateUsers({ ada: { ...also, authorizedKeys: text } }, {
    now: () => NOW,
    onKeyRefused: (lines) => reasons.push(...lines),
    ...policy,
  });
  const outcome = await meet({
    authMethods: ["publickey", "password"],
    authenticate,
    peerAddress: FROM,
    methods: [publicKey(signer)],
    session: note,
    subsystems: { sftp: note },
    ...hosting,
  });
  return Object.assign(outcome, { reasons, seen });
}

/** Has somebody log in who has to be let in. */
async function login(text: string, options: Attempt = {}): Promise<Outcome> {
  const outcome = await attempt(text, options);
  await outcome.client.authenticated;
  return outcome;
}

/** Has somebody log in who has to be let in; gives what they may do. */
async function admitted(text: string, options: Attempt = {}): Promise<Permissions> {
  await using outcome = await attempt(text, options);
  return (await outcome.server.authenticated).permissions;
}

/** Has somebody try to log in who must not be let in; gives why. */
async function refused(text: string, options: Attempt = {}): Promise<readonly string[]> {
  await using outcome = await attempt(text, options);
  await assert.rejects(outcome.client.authenticated, AuthenticationError);
  return outcome.reasons;
}

/** The line of a key with options. */
function line(options: KeyOptions | string, signer: Signer = key): string {
  if (typeof options === "string") return `${options} ${formatPublicKeyLine(signer.publicKey)}\n`;
  return addAuthorizedKey("", signer.publicKey, options);
}

async function grants(asking: Promise<unknown>): Promise<boolean> {
  try {
    await asking;
    return true;
  } catch (error) {
    if (error instanceof RequestError || error instanceof ChannelOpenError) return false;
    throw error;
  }
}

describe("a user's authorized keys", () => {
  it("let in, as text or as what has been read of it; others do not", async () => {
    assert.deepEqual(await admitted(line({})), {});
    assert.deepEqual(await refused(line({}, otherKey)), []);
    const authenticate = authenticateUsers(
      new Map([["ada", {
        authorizedKeys: authorizedKeys(line({})),
      }]]),
    );
    await using hosting = await meet({
      authMethods: ["publickey"],
      authenticate,
      methods: [publicKey(key)],
    });
    await hosting.client.authenticated;
  });

  it("let in beside plain keys, which are not restricted", async () => {
    const text = line({ restrict: true });
    assert.deepEqual(await admitted(text, { also: { keys: [key.publicKey] } }), {});
    assert.deepEqual(await admitted(text, { also: { keys: [key.publicKey] }, signer: key }), {});
  });

  it("may be looked up when somebody comes", async () => {
    let text = line({}, otherKey);
    const authenticate = authenticateUsers(() => ({ authorizedKeys: text }));
    const come = () =>
      meet({ authMethods: ["publickey"], authenticate, methods: [publicKey(key)] });
    {
      await using hosting = await come();
      await assert.rejects(hosting.client.authenticated, AuthenticationError);
    }
    text += line({ pty: false });
    await using hosting = await come();
    assert.deepEqual((await hosting.server.authenticated).permissions, { pty: false });
  });

  it("let nobody in by a line that is not as it should be", async () => {
    const wrong = ["unknown", 'command="x', 'from=""', "no-pty,", 'expiry-time="x"'];
    for (const options of wrong) assert.deepEqual(await refused(line(options)), [], options);
  });

  it("let nobody in by a key that has been revoked", async () => {
    const policy = { revokedKeys: [key.publicKey] };
    assert.deepEqual(await refused(line({}), { policy }), ["line 1: its key has been revoked"]);
  });

  it("are refused as a whole if there are too many to read", () => {
    assert.throws(
      () => authenticateUsers({ ada: { authorizedKeys: "#".repeat(9_000_000) } }),
      { name: "KeyFormatError" },
    );
  });
});

describe("an authorized key's options", () => {
  it("from: let in from there only, and not from where nobody knows", async () => {
    const text = line({ from: "192.0.2.0/24,!192.0.2.9" });
    await admitted(text);
    await admitted(text, { peerAddress: { hostname: "::ffff:192.0.2.8", port: 1 } });
    for (const hostname of ["192.0.2.9", "203.0.113.7", "2001:db8::1", "host.example"]) {
      const [reason = ""] = await refused(text, { peerAddress: { hostname, port: 1 } });
      assert.match(reason, /^line 1: it is for 192\.0\.2\.0\/24,!192\.0\.2\.9, and not for /);
    }
    assert.equal((await refused(text, { peerAddress: undefined })).length, 1);
    await admitted(line({ from: "*.example" }), {
      peerAddress: { hostname: "host.example", port: 1 },
    });
  });

  it("expiry-time: let in until then, by the clock that is given", async () => {
    const text = line({ expiryTime: new Date(NOW) });
    await admitted(text);
    const reasons = await refused(text, { policy: { now: () => NOW + 1 } });
    assert.deepEqual(reasons, ["line 1: it was valid until 2025-06-07T08:09:10.000Z"]);
  });

  it("command: runs in the place of whatever is asked for, which it is told", async () => {
    await using outcome = await login(line({ command: "backup --all" }));
    const { client, seen } = outcome;
    const asked = [["exec", encodeText("rm -rf /")], ["shell", undefined], [
      "subsystem",
      encodeText("sftp"),
    ]] as const;
    for (const [name, payload] of asked) {
      const channel = await client.openChannel("session");
      const env = encodeEnv("SSH_ORIGINAL_COMMAND", "forged");
      assert.equal(await grants(channel.request("env", env)), false);
      await channel.request(name, payload);
      await channel.closed;
    }
    assert.deepEqual(
      seen.map(({ command, subsystem, env }) => [
        command,
        subsystem,
        env.get("SSH_ORIGINAL_COMMAND"),
      ]),
      [
        ["backup --all", null, "rm -rf /"],
        ["backup --all", null, undefined],
        ["backup --all", null, "sftp"],
      ],
    );
  });

  it("environment: sets variables that the client cannot change", async () => {
    await using outcome = await login(line({ environment: { A: "1", B: "x y" } }));
    const channel = await outcome.client.openChannel("session");
    assert.equal(await grants(channel.request("env", encodeEnv("A", "2"))), false);
    assert.equal(await grants(channel.request("env", encodeEnv("C", "3"))), true);
    await channel.request("shell");
    await channel.closed;
    const [session] = outcome.seen;
    assert.deepEqual(Object.fromEntries(session?.env ?? []), { A: "1", B: "x y", C: "3" });
  });

  const rights: readonly [options: string, pty: boolean, forwarding: boolean][] = [
    ["no-pty", false, true],
    ["restrict", false, false],
    ["restrict,pty", true, false],
    ["restrict,port-forwarding", false, true],
    ["no-port-forwarding", true, false],
    ["no-X11-forwarding,no-agent-forwarding,no-user-rc", true, true],
  ];
  for (const [options, pty, forwarding] of rights) {
    it(`${options}: are obeyed whatever the server's own policy says`, async () => {
      await using outcome = await login(line(options), {
        onChannelOpen: (open) => void open.accept(),
        onGlobalRequest: (request) => request.succeed(),
      });
      const { client } = outcome;
      const channel = await client.openChannel("session");
      assert.equal(await grants(channel.request("pty-req", encodePtyRequest(PTY))), pty);
      assert.equal(await grants(openTcp(outcome, "a", 1)), forwarding);
      assert.equal(await grants(listenTcp(outcome, "", 1)), forwarding);
      await channel.close();
    });
  }

  it("are all told with the login, for what the server decides itself", async () => {
    const { portForwarding, ...rest } = await admitted(
      line('restrict,X11-forwarding,permitopen="a:1",permitlisten="2",tunnel="0"'),
    );
    assert.equal(portForwarding, false);
    assert.deepEqual(rest, {
      pty: false,
      agentForwarding: false,
      userRc: false,
      permitOpen: [{ host: "a", port: 1 }],
      permitListen: [{ host: "*", port: 2 }],
      tunnel: "0",
    });
  });

  it("permitopen: lets connect to these hosts and ports, and to nothing else", async () => {
    await using outcome = await login(line('permitopen="a.example:80",permitopen="b:*"'), {
      onChannelOpen: (open) => void open.accept(),
      onGlobalRequest: (request) => request.succeed(),
    });
    const allowed = [["a.example", 80], ["b", 1], ["b", 65535]] as const;
    for (const [host, port] of allowed) assert.ok(await grants(openTcp(outcome, host, port)));
    const denied = [["a.example", 81], ["A.example", 80], ["c", 80], ["a.example", 65616]] as const;
    for (const [host, port] of denied) {
      assert.ok(!await grants(openTcp(outcome, host, port)), `${host} ${port}`);
    }
    const { client } = outcome;
    const cut = new Writer().string("a.example").finish();
    const long = new Writer().string("a".repeat(100_000)).uint32(80).finish();
    for (const extra of [cut, long, new Uint8Array(0)]) {
      assert.ok(!await grants(client.openChannel("direct-tcpip", { extra })));
    }
    for (const type of ["direct-streamlocal@openssh.com", "tun@openssh.com"]) {
      assert.ok(!await grants(client.openChannel(type, { extra: encodeText("/run/x") })));
    }
    assert.ok(await grants(listenTcp(outcome, "", 80)));
    await client.ping();
  });

  it("permitlisten: lets listen there, and nowhere else", async () => {
    await using outcome = await login(line('permitlisten="local*:8080",permitlisten="9000"'), {
      onChannelOpen: (open) => void open.accept(),
      onGlobalRequest: (request) => request.succeed(),
    });
    const allowed = [["localhost", 8080], ["0.0.0.0", 9000]] as const;
    for (const [host, port] of allowed) assert.ok(await grants(listenTcp(outcome, host, port)));
    const denied = [["127.0.0.1", 8080], ["localhost", 0], ["localhost", 8081]] as const;
    for (const [host, port] of denied) assert.ok(!await grants(listenTcp(outcome, host, port)));
    const { client } = outcome;
    assert.ok(!await grants(client.request("streamlocal-forward@openssh.com", encodeText("/x"))));
    assert.ok(!await grants(client.request("tcpip-forward", Uint8Array.of(1))));
    assert.ok(await grants(openTcp(outcome, "anywhere", 80)));
  });

  it("no-touch-required, verify-required: say what a security key has to say", async () => {
    const [untouched, touched, verified] = [0, 1, 5].map((flags) =>
      softwareSecurityKey(key, { flags })
    );
    assert.ok(untouched && touched && verified);
    const lets = async (options: string, signer: Signer): Promise<boolean> => {
      const text = options === "" ? line({}, signer) : line(options, signer);
      await using outcome = await attempt(text, { signer });
      return await outcome.client.authenticated.then(() => true, () => false);
    };
    const signers = [untouched, touched, verified];
    const table: readonly [options: string, lets: readonly boolean[]][] = [
      ["", [false, true, true]],
      ["no-touch-required", [true, true, true]],
      ["verify-required", [false, false, true]],
    ];
    for (const [options, expected] of table) {
      const found = [];
      for (const signer of signers) found.push(await lets(options, signer));
      assert.deepEqual(found, expected, options);
    }
  });
});

describe("an authority among a user's authorized keys", () => {
  const certified = async (changes: object = {}): Promise<Signer> => {
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca,
      role: "user",
      keyId: "",
      principals: ["ada"],
      validBefore: new Date(NOW + 1000),
      ...changes,
    });
    return withCertificate(key, certificate);
  };

  it("lets in by certificates, to what both allow", async () => {
    const text = line("cert-authority,no-pty", ca);
    const signer = await certified({ extensions: ["permit-pty", "permit-user-rc"] });
    const permissions = await admitted(text, { signer });
    assert.equal(permissions.pty, false);
    assert.equal(permissions.portForwarding, false);
    assert.notEqual(permissions.userRc, false);
    assert.deepEqual(await refused(text, { signer: ca }), ["line 1: its key is an authority's"]);
    assert.deepEqual(await refused(text, { signer: key }), []);
  });

  it("lets nobody in by a certificate that does not hold", async () => {
    const text = line("cert-authority", ca);
    const wrong = [
      [{ principals: ["bob"] }, /it is for bob, and not for ada$/],
      [{ validBefore: new Date(NOW) }, /it was valid before/],
      [{ role: "host" }, /it is a host's certificate/],
      [{ criticalOptions: { "source-address": "10.0.0.0/8" } }, /it is for 10\.0\.0\.0\/8/],
      [{ criticalOptions: { "new@example.com": "x" } }, /critical option .* is not known/],
    ] as const;
    for (const [changes, why] of wrong) {
      const [reason = ""] = await refused(text, { signer: await certified(changes) });
      assert.match(reason, why);
    }
    const own = await refused(line('cert-authority,principals="ops"', ca), {
      signer: await certified(),
    });
    assert.match(own[0] ?? "", /it is for ada, and not for ops$/);
  });
});

describe("permissions of one attempt", () => {
  /** A key that the client asks about, and then does not prove. */
  const asksAbout = (signer: Signer): ClientAuthMethod =>
    publicKey({
      publicKey: signer.publicKey,
      sign: () => {
        throw new Error("no touch");
      },
    }, { probe: true });

  it("are not those of another key that was only asked about", async () => {
    const text = line({}, otherKey) + line({ command: "only this", pty: false });
    const methods = [asksAbout(otherKey), publicKey(key)];
    assert.deepEqual(await admitted(text, { methods }), { forceCommand: "only this", pty: false });
    const reversed = [asksAbout(key), publicKey(otherKey)];
    assert.deepEqual(await admitted(text, { methods: reversed }), {});
  });

  it("are not those of one that failed before", async () => {
    const text = line({ from: "10.0.0.0/8", pty: false }, otherKey) + line({ command: "x" });
    const methods = [publicKey(otherKey), publicKey(key)];
    assert.deepEqual(await admitted(text, { methods }), { forceCommand: "x" });
  });

  it("hold on where another method has to follow", async () => {
    const also: Attempt["also"] = { password: "sesame", require: ["publickey", "password"] };
    const methods = [publicKey(key), password("sesame")];
    const text = line({ command: "only this", pty: false });
    const permissions = await admitted(text, { also, methods });
    assert.deepEqual(permissions, { forceCommand: "only this", pty: false });
  });
});

function openTcp({ client }: Hosting, host: string, port: number): Promise<unknown> {
  const extra = new Writer().string(host).uint32(port).string("127.0.0.1").uint32(1).finish();
  return client.openChannel("direct-tcpip", { extra });
}

function listenTcp({ client }: Hosting, host: string, port: number): Promise<unknown> {
  return client.request("tcpip-forward", new Writer().string(host).uint32(port).finish());
}
