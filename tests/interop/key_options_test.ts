import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { agentClient } from "../../client/mod.ts";
import { Eof, fromStreams } from "../../flow/mod.ts";
import {
  AgentStore,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  type PrivateKey,
  type Signer,
} from "../../keys/mod.ts";
import { authenticateUsers, type ServeOptions, type ServerSession } from "../../server/mod.ts";
import { Writer } from "../../wire/writer.ts";
import { type ListeningAgent, startOwnAgent } from "../helpers/agents.ts";
import { utf8 } from "../helpers/bytes.ts";
import {
  type FakeXServer,
  fakeXServer,
  readX11Request,
  x11Setup,
} from "../helpers/fake_x_server.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyOf } from "../helpers/sshd.ts";

const TIMEOUT_MS = 30_000;

/** What sets a certificate apart from one for everything. */
interface Changes {
  readonly principals?: readonly string[];
  readonly extensions?: readonly string[];
  readonly criticalOptions?: Readonly<Record<string, string>>;
}

/** What somebody got who asked for everything. */
interface Rights {
  /** Whether a key of the client's agent signed at the server. */
  readonly agent: boolean;
  /** Whether a program at the server reached the client's display. */
  readonly x11: boolean;
  /** Whether the server's application ran the user's own start-up script. */
  readonly rc: boolean;
  readonly command: string;
  readonly variable: string | null;
}

const ALL: Rights = {
  agent: true,
  x11: true,
  rc: true,
  command: "asked",
  variable: null,
};
const NONE: Rights = { ...ALL, agent: false, x11: false, rc: false };

const EXTENSIONS = [
  "permit-pty",
  "permit-port-forwarding",
  "permit-agent-forwarding",
  "permit-X11-forwarding",
  "permit-user-rc",
];
const without = (name: string): string[] => EXTENSIONS.filter((extension) => extension !== name);

let directory = "";
let key: PrivateKey;
let ca: PrivateKey;
let agent: ListeningAgent;
let x: FakeXServer;

beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "sshflow-key-options-" });
  [key, ca] = await Promise.all([keyOf("ed25519"), keyOf("nistp256")]);
  const store = new AgentStore();
  store.add(await keyOf("nistp384"));
  agent = await startOwnAgent(store);
  x = await fakeXServer(directory);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await x[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
});

function line(options: string, { publicKey }: Signer = key): string {
  return `${options === "" ? "" : `${options} `}${formatPublicKeyLine(publicKey)}\n`;
}

/** A server whose sessions use all that they are given, and say what that was. */
function usingAll(authorizedKeys: string): ServeOptions {
  const x11 = new WeakMap<ServerSession, Uint8Array>();
  return {
    hostKeys: [ca],
    authenticate: authenticateUsers({ ada: { authorizedKeys } }),
    allowAgentForwarding: () => true,
    onSessionRequest: ({ name, payload }, session) => {
      if (name === "x11-req") x11.set(session, payload);
      return name === "x11-req";
    },
    session: async (session) => {
      const request = x11.get(session);
      const rights: Rights = {
        agent: session.forwardsAgent && await signs(session),
        x11: request !== undefined && await draws(session, request),
        rc: session.login.permissions.userRc !== false,
        command: session.command ?? "",
        variable: session.env.get("VARIABLE") ?? null,
      };
      const writer = session.stdout.getWriter();
      await writer.write(utf8(JSON.stringify(rights)));
      await writer.close();
    },
  };
}

async function signs(session: ServerSession): Promise<boolean> {
  await using lent = agentClient(await session.openAgent());
  const [{ publicKey, sign } = assert.fail("the agent has no key")] = await lent.keys();
  const signature = await sign("ecdsa-sha2-nistp384", utf8("a message"));
  return await publicKey.verify("ecdsa-sha2-nistp384", utf8("a message"), signature);
}

/** RFC 4254 section 6.3.2: whether an X client gets through to the display. */
async function draws({ connection }: ServerSession, request: Uint8Array): Promise<boolean> {
  const extra = new Writer().string("127.0.0.1").uint32(50_000).finish();
  const flow = fromStreams(await connection.openChannel("x11", { extra }));
  await flow.write(x11Setup(readX11Request(request)));
  const answer = await flow.read();
  await flow.close();
  return answer !== Eof && new TextDecoder().decode(answer) === "welcome";
}

describePeer("ssh", "options of authorized keys, and ssh that asks for everything", (ssh) => {
  let client: OpenSshClient;
  let keyFile = "";

  beforeAll(async () => {
    client = new OpenSshClient({ ssh, sshpass: "" }, directory);
    keyFile = `${directory}/key`;
    await Deno.writeTextFile(keyFile, await formatPrivateKey(key), { mode: 0o600 });
  });

  /** What `ssh` got; null if it was not let in. */
  async function ask(authorizedKeys: string, own: readonly string[]): Promise<Rights | null> {
    await using server = listeningServer(usingAll(authorizedKeys));
    const hostKeys = [formatPublicKeyLine(ca.publicKey)];
    const target = {
      port: server.port,
      hostKeys,
      user: "ada",
      method: "publickey",
      keyFile,
    } as const;
    const args = await client.args(target, [
      ...["-o", "BatchMode=yes", "-o", `IdentityAgent=${agent.path}`],
      ...["-o", `XAuthLocation=${x.xauth}`, "-A", "-X", ...own],
    ]);
    const { code, stdout, stderr } = await new Deno.Command(ssh, {
      args: [...args, "asked"],
      env: { DISPLAY: x.display },
      stdin: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (errors?.includes("Permission denied (publickey")) return null;
    assert.equal(code, 0, errors);
    const rights: Rights = JSON.parse(output ?? "");
    // The client is told of what it has asked for, and does not get.
    const noX11 = !own.includes("-x") && !rights.x11;
    assert.equal(errors?.includes("X11 forwarding request failed"), noX11, errors);
    return rights;
  }

  const lines: readonly [options: string, rights: Rights][] = [
    ["", ALL],
    ["restrict", NONE],
    ["no-agent-forwarding", { ...ALL, agent: false }],
    ["restrict,agent-forwarding", { ...NONE, agent: true }],
    ["no-X11-forwarding", { ...ALL, x11: false }],
    ["restrict,X11-forwarding", { ...NONE, x11: true }],
    ["no-user-rc", { ...ALL, rc: false }],
    ["restrict,user-rc", { ...NONE, rc: true }],
    ["no-port-forwarding", ALL],
  ];
  for (const [options, rights] of lines) {
    it(options || "no options", async () => {
      assert.deepEqual(await ask(line(options), []), rights);
    });
  }

  it("asks for nothing that it is not told to ask for", async () => {
    const rights = await ask(line(""), ["-a", "-x"]);
    assert.deepEqual(rights, { ...ALL, agent: false, x11: false });
  });

  const certified: readonly [
    options: string,
    changes: Changes,
    rights: Rights | null,
  ][] = [
    ["", {}, ALL],
    ["", { extensions: [] }, NONE],
    ["restrict", {}, NONE],
    ["no-agent-forwarding", {}, { ...ALL, agent: false }],
    ["", { extensions: without("permit-agent-forwarding") }, { ...ALL, agent: false }],
    ["restrict,agent-forwarding", {}, { ...NONE, agent: true }],
    ["no-X11-forwarding", {}, { ...ALL, x11: false }],
    ["", { extensions: without("permit-X11-forwarding") }, { ...ALL, x11: false }],
    ["restrict,X11-forwarding", {}, { ...NONE, x11: true }],
    ["no-user-rc", {}, { ...ALL, rc: false }],
    ["", { extensions: without("permit-user-rc") }, { ...ALL, rc: false }],
    ['principals="dev,ops"', { principals: ["ops"] }, ALL],
    ['principals="dev,ops"', { principals: ["ada"] }, null],
    ["", { principals: ["ops"] }, null],
    ['from="127.0.0.0/8"', {}, ALL],
    ['from="192.0.2.0/24"', {}, null],
    ['expiry-time="29990101"', {}, ALL],
    ['expiry-time="20200101"', {}, null],
    ['environment="VARIABLE=x"', {}, { ...ALL, variable: "x" }],
    ['command="forced"', {}, { ...ALL, command: "forced" }],
    ["", { criticalOptions: { "force-command": "forced" } }, { ...ALL, command: "forced" }],
    ['command="a"', { criticalOptions: { "force-command": "b" } }, null],
  ];
  for (const [options, changes, rights] of certified) {
    it(`an authority's line, ${options || "no options"}; ${describe(changes)}`, async () => {
      const certificate = await issueCertificate({
        key: key.publicKey,
        ca,
        role: "user",
        keyId: "test",
        principals: ["ada"],
        validBefore: new Date(Date.now() + 3_600_000),
        extensions: EXTENSIONS,
        ...changes,
      });
      const path = `${directory}/certificate.pub`;
      await Deno.writeTextFile(path, `${formatPublicKeyLine(certificate)}\n`);
      const text = line(options === "" ? "cert-authority" : `cert-authority,${options}`, ca);
      assert.deepEqual(await ask(text, ["-o", `CertificateFile=${path}`]), rights);
    });
  }
});

function describe(changes: Changes): string {
  const missing = EXTENSIONS.filter((name) => changes.extensions?.includes(name) === false);
  const words = [
    ...missing.map((name) => `no ${name}`),
    ...(changes.principals ?? []).map((name) => `for ${name}`),
    ...Object.entries(changes.criticalOptions ?? {}).map((option) => option.join(" ")),
  ];
  return `a certificate ${words.join(", ") || "for everything"}`;
}
