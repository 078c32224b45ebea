import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, type SshClient } from "../../client/mod.ts";
import {
  addAuthorizedKey,
  formatKeyOptions,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  type KeyOptions,
  parseAuthorizedKeys,
  type PrivateKey,
  type Signer,
} from "../../keys/mod.ts";
import { authenticateUsers, type ServerSession } from "../../server/mod.ts";
import { AuthenticationError, ChannelOpenError, RequestError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { type ListeningServer, listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";

let directory = "";
let key: PrivateKey;
let ca: PrivateKey;

beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "sshflow-authorized-keys-" });
  await Deno.chmod(directory, 0o755);
  [key, ca] = await Promise.all([keyOf("ed25519"), keyOf("nistp256")]);
});
afterAll(() => Deno.remove(directory, { recursive: true }));

/** What a login may do, as far as a client finds out. */
interface Rights {
  /** Whether it is let in at all. */
  readonly login: boolean;
  /** What `echo asked` says; with the variables A and SSH_ORIGINAL_COMMAND. */
  readonly output?: string;
  readonly pty?: boolean;
  /** Which of some targets can be connected to. */
  readonly opens?: readonly string[];
  /** Which of some addresses can be listened on. */
  readonly listens?: readonly string[];
}

/** A client that has logged in to a server with a line of authorized keys. */
interface Visitor {
  /** Null if it is not let in. */
  run(command: string): Promise<string | null>;
  hasPty(): Promise<boolean>;
  opens(host: string, port: number): Promise<boolean>;
  listens(host: string, port: number): Promise<boolean>;
}

const ASKED = "echo asked A=$A";
const FREE = { login: true, output: "asked A=\n", pty: true } as const;
const DAY = 86_400_000;
const STARTED = Date.now();
/** As `date -u +%Y%m%d%H%M%SZ` has it. */
const timeIn = (ms: number): string =>
  new Date(STARTED + ms).toISOString().replace(/\..*$/, "").replace(/[-T:]/g, "") + "Z";

/** Lines' options, and what becomes of a login by them from 127.0.0.1. */
const cases: readonly [options: string, expected: Rights][] = [
  ["", FREE],
  ['from="127.0.0.1"', FREE],
  ['from="127.0.0.0/8,!127.0.0.2"', FREE],
  ['from="127.0.*"', FREE],
  ['from="10.0.0.0/8,192.0.2.?"', { login: false }],
  ['from="*,!127.0.0.0/8"', { login: false }],
  ['from="!10.0.0.1"', { login: false }],
  ['from="127.0.0.1/8"', { login: false }],
  [`expiry-time="${timeIn(DAY)}"`, FREE],
  [`expiry-time="${timeIn(-DAY)}"`, { login: false }],
  [`expiry-time="${timeIn(DAY)}",expiry-time="20200101"`, { login: false }],
  [
    'command="echo \\"forced: $SSH_ORIGINAL_COMMAND\\""',
    { ...FREE, output: `forced: ${ASKED}\n` },
  ],
  ['environment="A=1 2",environment="A=3"', { ...FREE, output: "asked A=1 2\n" }],
  ["no-pty", { ...FREE, pty: false }],
  ["restrict", { ...FREE, pty: false, opens: [], listens: [] }],
  ["restrict,pty", { ...FREE, opens: [], listens: [] }],
  ["RESTRICT,Port-Forwarding", { ...FREE, pty: false, opens: ["a", "b"], listens: ["a", "b"] }],
  ["no-port-forwarding", { ...FREE, opens: [], listens: [] }],
  ['permitopen="127.0.0.1:OPEN_A"', { ...FREE, opens: ["a"], listens: ["a", "b"] }],
  ['permitopen="127.0.0.1:*"', { ...FREE, opens: ["a", "b"] }],
  ['permitopen="localhost:*"', { ...FREE, opens: [] }],
  ['permitopen="*:OPEN_B"', { ...FREE, opens: ["b"] }],
  ['permitopen="127.*:*"', { ...FREE, opens: [] }],
  ['permitlisten="127.*:LISTEN_A"', { ...FREE, listens: ["a"] }],
  ['permitlisten="127.0.0.1:LISTEN_A"', { ...FREE, opens: ["a", "b"], listens: ["a"] }],
  ['permitlisten="LISTEN_B"', { ...FREE, listens: ["b"] }],
  ['permitlisten="localhost:*"', { ...FREE, listens: [] }],
  ["unknown-option", { login: false }],
  ['command="unclosed', { login: false }],
  ['principals="ada"', { login: false }],
  ["cert-authority", { login: false }],
];

/** The ports that are tried. */
interface Ports {
  readonly opens: Readonly<Record<"a" | "b", number>>;
  readonly listens: Readonly<Record<"a" | "b", number>>;
}

/** Holds a login to what the options say. */
async function check(visitor: Visitor, expected: Rights, ports: Ports): Promise<void> {
  const output = await visitor.run(ASKED);
  assert.equal(output !== null, expected.login);
  if (!expected.login) return;
  assert.equal(output, expected.output);
  assert.equal(await visitor.hasPty(), expected.pty);
  for (const what of ["opens", "listens"] as const) {
    const allowed = expected[what];
    if (allowed === undefined) continue;
    for (const [name, port] of Object.entries(ports[what])) {
      const granted = await visitor[what]("127.0.0.1", port);
      assert.equal(granted, allowed.includes(name), `${what} ${name}`);
    }
  }
}

/** The same whenever the tests are run. */
function titleOf(options: string): string {
  const titled = options.replace(timeIn(DAY), "(tomorrow)").replace(timeIn(-DAY), "(yesterday)");
  return titled || "no options";
}

function withPorts(options: string, { opens, listens }: Ports): string {
  return options.replace("OPEN_A", `${opens.a}`).replace("OPEN_B", `${opens.b}`)
    .replace("LISTEN_A", `${listens.a}`).replace("LISTEN_B", `${listens.b}`);
}

/** The line of a key, with options that stand as they are. */
function line(options: string, { publicKey }: Signer = key): string {
  return `${options === "" ? "" : `${options} `}${formatPublicKeyLine(publicKey)}\n`;
}

/** Sends a command's output back, as a shell has it. */
async function shell(session: ServerSession): Promise<void> {
  const child = new Deno.Command("sh", {
    args: ["-c", session.command ?? "true"],
    env: Object.fromEntries(session.env),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  await child.stdout.pipeTo(session.stdout, { preventClose: true });
  await session.exit((await child.status).code);
}

/** A server of ours whose user has authorized keys. It forwards nothing, but says that it does. */
function ourServer(text: string): ListeningServer {
  return listeningServer({
    hostKeys: [ca],
    authenticate: authenticateUsers({ [self]: { authorizedKeys: text } }),
    session: shell,
    onChannelOpen: async (open) => {
      const channel = open.accept();
      await channel.send(utf8("hello\n"));
      await channel.close();
    },
    onGlobalRequest: (request) =>
      request.name === "tcpip-forward" ? request.succeed() : request.fail(),
  });
}

describePeer("ssh", "authorized keys of our server, and ssh", (ssh) => {
  let client: OpenSshClient;
  let keyFile = "";

  beforeAll(async () => {
    client = new OpenSshClient({ ssh, sshpass: "" }, directory);
    keyFile = `${directory}/key`;
    await Deno.writeTextFile(keyFile, await formatPrivateKey(key), { mode: 0o600 });
  });

  async function run(
    port: number,
    own: readonly string[],
    command: readonly string[],
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const hostKeys = [formatPublicKeyLine(ca.publicKey)];
    const target = { port, hostKeys, user: self, method: "publickey", keyFile } as const;
    const args = await client.args(target, ["-o", "BatchMode=yes", ...own]);
    const { code, stdout, stderr } = await new Deno.Command(ssh, {
      args: [...args, ...command],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** `ssh`, a process for each thing that it tries. */
  function visitor(port: number): Visitor {
    return {
      async run(command) {
        const { code, stdout, stderr } = await run(port, [], [command]);
        if (code === 0) return stdout;
        assert.match(stderr, /Permission denied \(publickey/);
        return null;
      },
      async hasPty() {
        const { stderr } = await run(port, ["-tt"], ["true"]);
        return !stderr.includes("PTY allocation request failed");
      },
      async opens(host, target) {
        const { stdout } = await run(port, ["-W", `${host}:${target}`], []);
        return stdout === "hello\n";
      },
      async listens(host, target) {
        const forward = ["-R", `${host}:${target}:127.0.0.1:1`];
        const own = ["-o", "ExitOnForwardFailure=yes", ...forward];
        const { stderr } = await run(port, own, ["true"]);
        return !stderr.includes("remote port forwarding failed");
      },
    };
  }

  // Nothing is connected to, nor listened on: the server only says so.
  const ports = { opens: { a: 7001, b: 7002 }, listens: { a: 7003, b: 7004 } };
  for (const [options, expected] of cases) {
    it(titleOf(options), async () => {
      await using server = ourServer(line(withPorts(options, ports)));
      await check(visitor(server.port), expected, ports);
    });
  }

  it("the first line that lets in counts, and what we write is read", async () => {
    const options: KeyOptions = { command: 'echo "one,  two" # \\"', environment: { A: '"' } };
    const text = line('from="10.0.0.1"') + line("unknown") +
      addAuthorizedKey("", key.publicKey, options) + line('command="echo second"');
    await using server = ourServer(text);
    assert.equal(await visitor(server.port).run("x"), "one,  two\n");
  });

  it("an authority's lets in by certificates, to what both allow", async () => {
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca,
      role: "user",
      keyId: "test",
      principals: ["ops"],
      validBefore: new Date(Date.now() + 3_600_000),
    });
    await Deno.writeTextFile(`${keyFile}-cert.pub`, `${formatPublicKeyLine(certificate)}\n`);
    try {
      const verdicts: readonly [options: string, expected: Rights][] = [
        ['cert-authority,principals="dev,ops",no-pty', { ...FREE, pty: false }],
        ["cert-authority", { login: false }],
        ['principals="ops"', { login: false }],
        [
          'cert-authority,principals="ops",permitopen="127.0.0.1:OPEN_A",permitlisten="LISTEN_B"',
          { ...FREE, opens: ["a"], listens: ["b"] },
        ],
      ];
      for (const [options, expected] of verdicts) {
        await using server = ourServer(line(withPorts(options, ports), ca));
        await check(visitor(server.port), expected, ports);
      }
    } finally {
      await Deno.remove(`${keyFile}-cert.pub`);
    }
  });
});

describePeer("sshd", "authorized keys of sshd, and our client", () => {
  let path = "";
  let sshd: Sshd;
  /** What is connected to. */
  const targets: Deno.TcpListener[] = [];
  let ports: Ports;

  beforeAll(async () => {
    path = `${directory}/authorized_keys`;
    sshd = await startSshd({
      hostKeys: ["nistp256"],
      config: [`AuthorizedKeysFile ${path}`, "PermitUserEnvironment yes"],
    });
    const listeners = Array.from(
      { length: 4 },
      () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    );
    const [a = 0, b = 0, c = 0, d = 0] = listeners.map(({ addr }) => addr.port);
    ports = { opens: { a, b }, listens: { a: c, b: d } };
    for (const listener of listeners.splice(2)) listener.close();
    for (const listener of listeners) closeEach(listener);
    targets.push(...listeners);
  });
  afterAll(async () => {
    for (const listener of targets) listener.close();
    await sshd[Symbol.asyncDispose]();
  });

  async function closeEach(listener: Deno.TcpListener): Promise<void> {
    for await (const conn of listener) conn.close();
  }

  /** Null if it is not let in. */
  async function login(): Promise<SshClient | null> {
    try {
      return await connect(await sshd.connect(), {
        user: self,
        auth: { privateKey: key },
        insecureAcceptAnyHostKey: true,
      });
    } catch (error) {
      if (error instanceof AuthenticationError) return null;
      throw error;
    }
  }

  async function grants(asking: Promise<unknown>): Promise<boolean> {
    try {
      await asking;
      return true;
    } catch (error) {
      if (error instanceof ChannelOpenError || error instanceof RequestError) return false;
      throw error;
    }
  }

  /** A connection of ours. */
  function visitor(ssh: SshClient | null): Visitor {
    const given = (): SshClient => {
      assert.ok(ssh);
      return ssh;
    };
    return {
      async run(command) {
        if (ssh === null) return null;
        return new TextDecoder().decode((await ssh.command(command).output()).stdout);
      },
      async hasPty() {
        const session = await given().openSession();
        const granted = await grants(session.requestPty());
        await session.close();
        return granted;
      },
      opens(host, port) {
        const extra = new Writer().string(host).uint32(port).string("127.0.0.1").uint32(1).finish();
        return grants(given().connection.openChannel("direct-tcpip", { extra }));
      },
      async listens(host, port) {
        const { connection } = given();
        const payload = new Writer().string(host).uint32(port).finish();
        const granted = await grants(connection.request("tcpip-forward", payload));
        if (granted) await connection.request("cancel-tcpip-forward", payload);
        return granted;
      },
    };
  }

  for (const [options, expected] of cases) {
    it(titleOf(options), async () => {
      await Deno.writeTextFile(path, line(withPorts(options, ports)));
      await using ssh = await login();
      await check(visitor(ssh), expected, ports);
    });
  }

  const written: readonly KeyOptions[] = [
    { command: 'echo "one,  two" # \\"' },
    { command: `printf '%s|' "a\\\\b" 'c"d' "e\\"f" g\\ h` },
    { command: "echo ,=,\t, 'x' \\\\# ä" },
    { environment: { A: 'x "y", z' } },
    { environment: { A: "a\\b\\\\c", B: '"' } },
    {
      from: "127.0.0.0/8,!127.0.0.2",
      expiryTime: new Date(STARTED + DAY),
      restrict: true,
      pty: true,
      environment: { A: "#=" },
      permitOpen: [{ host: "127.0.0.1", port: 1 }, { host: "::1", port: null }],
    },
  ];
  for (const options of written) {
    it(`reads what we write: ${formatKeyOptions({ ...options, expiryTime: undefined })}`, async () => {
      const text = addAuthorizedKey("", key.publicKey, options);
      await Deno.writeTextFile(path, text);
      const [{ entry } = { entry: null }] = parseAuthorizedKeys(text);
      assert.deepEqual(entry?.options.command, options.command);
      assert.deepEqual(entry?.options.environment, options.environment);
      const { stdout } = await new Deno.Command("bash", {
        args: ["-c", options.command ?? ASKED],
        env: { ...options.environment },
      }).output();
      await using ssh = await login();
      assert.equal(await visitor(ssh).run(ASKED), new TextDecoder().decode(stdout));
    });
  }
});
