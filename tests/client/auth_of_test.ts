import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  AuthenticationError,
  authOf,
  connect,
  type LoginAccess,
  parseSshConfig,
} from "../../client/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import {
  AgentStore,
  formatPkcs8,
  formatPrivateKey,
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  type PrivateKey,
  samePublicKey,
} from "../../keys/mod.ts";
import { serve, serveAgent } from "../../server/mod.ts";
import type { AuthAttempt } from "../../protocol/auth/server.ts";
import { testHostKey } from "../helpers/engine_pair.ts";

const [a, b, c] = await Promise.all(
  ["a", "b", "c"].map((seed) => generateKey("ed25519", { seed, comment: seed })),
) as [PrivateKey, PrivateKey, PrivateKey];

/** What a server takes. */
interface Takes {
  readonly keys?: readonly PrivateKey[];
  readonly password?: string;
  readonly methods?: readonly AuthAttempt["method"][];
}

/** Logs in, and gives the attempts: keys by their comment, and `?` where it was only asked. */
async function login(
  text: string,
  files: Record<string, string>,
  takes: Takes = {},
  more: LoginAccess = {},
): Promise<{ tried: string[]; error: Error | null; notices: string[] }> {
  const config = await parseSshConfig(text, { host: "db", localUser: "ada", homeDirectory: "/h" });
  const notices: string[] = [];
  const access: LoginAccess = {
    files: { read: (path) => files[path] ?? null },
    onNotice: (notice) => notices.push(notice),
    ...more,
  };
  const names = new Map([[a, "a"], [b, "b"], [c, "c"]]);
  const tried: string[] = [];
  const [near, far] = flowPair();
  await using _server = serve(far, {
    hostKeys: [await testHostKey()],
    authMethods: takes.methods ?? ["publickey", "password", "keyboard-interactive"],
    authFailureDelayMs: 0,
    maxAuthAttempts: 20,
    authenticate: async (attempt) => {
      if (attempt.method === "publickey") {
        const { key, proven } = attempt;
        const plain = "publicKey" in key ? key.publicKey as typeof key : key;
        const known = [...names].find(([one]) => samePublicKey(one.publicKey, plain))?.[1];
        tried.push(`${known ?? key.type}${plain === key ? "" : "-cert"}${proven ? "" : "?"}`);
        return takes.keys?.some(({ publicKey }) => samePublicKey(publicKey, plain)) ?? false;
      }
      if (attempt.method === "keyboard-interactive") {
        const [answer] = await attempt.ask({
          name: "",
          instruction: "",
          prompts: [{ prompt: "Password:", echo: false }],
        });
        tried.push(`asked:${answer}`);
        return answer === takes.password;
      }
      tried.push(attempt.method === "password" ? `password:${attempt.password}` : attempt.method);
      return attempt.method === "none" ||
        (attempt.method === "password" && attempt.password === takes.password);
    },
  });
  try {
    const ssh = await connect(near, {
      user: "ada",
      auth: authOf(config, access),
      insecureAcceptAnyHostKey: true,
    });
    await ssh.close();
    return { tried, error: null, notices };
  } catch (error) {
    assert.ok(error instanceof AuthenticationError, `${error}`);
    return { tried, error, notices };
  }
}

/** An agent with keys. */
function agentOf(keys: readonly PrivateKey[]): NonNullable<LoginAccess["openAgent"]> {
  const store = new AgentStore();
  for (const key of keys) store.add(key);
  return () => {
    const [near, far] = flowPair();
    serveAgent(far, store).catch(() => {});
    return near;
  };
}

describe("authOf", () => {
  it("shows the keys of files in order, and signs with the one that the server takes", async () => {
    const files = { "/a": await formatPrivateKey(a), "/b": await formatPrivateKey(b) };
    const text = "IdentityFile /a\nIdentityFile /b\nIdentityFile /c";
    const { tried, error, notices } = await login(text, files, { keys: [b] });
    assert.equal(error, null);
    assert.deepEqual(tried, ["a?", "b?", "b"]);
    assert.deepEqual(notices, ["Cannot use the key /c: there is no such file"]);
  });

  it("looks for the usual files if none is named, and says nothing of those that are missing", async () => {
    const files = { "/h/.ssh/id_ed25519": await formatPrivateKey(a) };
    assert.deepEqual(await login("", files, { keys: [a] }), {
      tried: ["a?", "a"],
      error: null,
      notices: [],
    });
  });

  it("asks for the passphrase only of the key that the server takes, as often as for passwords", async () => {
    const seal = (key: PrivateKey) => formatPrivateKey(key, { passphrase: "right", rounds: 1 });
    const files = { "/a": await seal(a), "/b": await seal(b) };
    const asked: string[] = [];
    const answers = ["wrong", "right"];
    const passphrase = (path: string) => {
      asked.push(path);
      return answers[asked.length - 1] ?? "wrong";
    };
    const text = "IdentityFile /a\nIdentityFile /b";
    const taken = await login(text, files, { keys: [b] }, { ask: { passphrase } });
    assert.deepEqual([taken.error, asked], [null, ["/b", "/b"]]);
    assert.deepEqual(taken.tried, ["a?", "b?", "b"]);
    asked.length = 0;
    answers.length = 0;
    const refused = await login(text, files, { keys: [b] }, { ask: { passphrase } });
    assert.equal(asked.length, 3);
    assert.match(refused.error?.message ?? "", /publickey \(the key did not sign: Cannot decrypt/);
    const batch = await login(`${text}\nBatchMode yes`, files, { keys: [b] }, {
      ask: { passphrase: () => assert.fail("asked"), password: () => assert.fail("asked") },
    });
    assert.match(batch.error?.message ?? "", /passphrase/);
    const left = await login(text, files, { keys: [b] }, { ask: { passphrase: () => null } });
    assert.ok(left.error);
  });

  it("asks for the passphrase at once where only it tells which key it is, unless a .pub does", async () => {
    const sealed = await formatPkcs8(a, { passphrase: "right", iterations: 1 });
    const asked: string[] = [];
    const ask = { passphrase: (path: string) => (asked.push(path), "right") };
    const without = await login("IdentityFile /a", { "/a": sealed }, { keys: [a] }, { ask });
    assert.deepEqual([without.tried, asked], [["a"], ["/a"]]);
    const files = { "/a": sealed, "/a.pub": formatPublicKeyLine(a.publicKey) };
    const beside = await login("IdentityFile /a", files, { keys: [] }, { ask });
    assert.deepEqual([beside.tried, asked], [["a?"], ["/a"]]);
    const none = await login("IdentityFile /a", { "/a": sealed }, { keys: [a] });
    assert.match(none.error?.message ?? "", /publickey \(Cannot decrypt private key/);
  });

  it("has the agent sign: with those of its keys first that are in files, and with no others if told so", async () => {
    const openAgent = agentOf([a, b]);
    const files = {
      "/b": formatPublicKeyLine(b.publicKey),
      "/c": await formatPrivateKey(c),
    };
    const text = "IdentityAgent /agent\nIdentityFile /b\nIdentityFile /c\n";
    const all = await login(text, files, {}, { openAgent });
    assert.deepEqual(all.tried, ["b?", "a?", "c?"]);
    const only = await login(`${text}IdentitiesOnly yes`, files, { keys: [b] }, { openAgent });
    assert.deepEqual([only.error, only.tried], [null, ["b?", "b"]]);
    const paths: string[] = [];
    const none = await login(`IdentityAgent none\n${text}`, files, {}, {
      openAgent: (path) => (paths.push(path), openAgent(path)),
    });
    assert.deepEqual([none.tried, paths], [["c?"], []]);
  });

  it("tells the agent of the session, and lets go of it when the login is over", async () => {
    const store = new AgentStore();
    store.add(a);
    const told: string[] = [];
    const ended: Promise<void>[] = [];
    const { error } = await login("IdentityAgent /agent", {}, { keys: [a] }, {
      openAgent: () => {
        const [near, far] = flowPair();
        ended.push(serveAgent(far, store));
        const write = near.write.bind(near);
        near.write = (data) => {
          told.push(new TextDecoder().decode(data));
          return write(data);
        };
        return near;
      },
    });
    assert.equal(error, null);
    assert.match(told[0] ?? "", /session-bind@openssh\.com/);
    assert.equal(ended.length, 1);
    await Promise.all(ended);
  });

  it("goes on without an agent that cannot be reached", async () => {
    const files = { "/a": await formatPrivateKey(a) };
    const { error, notices } = await login(
      "IdentityAgent /agent\nIdentityFile /a",
      files,
      { keys: [a] },
      { openAgent: () => Promise.reject(new Error("nobody is there")) },
    );
    assert.equal(error, null);
    assert.deepEqual(notices, ["Cannot use the agent at /agent: nobody is there"]);
  });

  it("shows certificates first, those beside the keys and those that are named", async () => {
    const certificate = formatPublicKeyLine(
      await issueCertificate({
        key: a.publicKey,
        ca: c,
        role: "user",
        keyId: "a",
        principals: ["ada"],
        validBefore: null,
      }),
    );
    const key = await formatPrivateKey(a);
    const beside = { "/a": key, "/a-cert.pub": certificate };
    assert.deepEqual((await login("IdentityFile /a", beside)).tried, ["a-cert?", "a?"]);
    const named = "IdentityFile /a\nCertificateFile /x";
    assert.deepEqual((await login(named, { "/a": key, "/x": certificate })).tried, [
      "a-cert?",
      "a?",
    ]);
    const openAgent = agentOf([a]);
    const held = await login("IdentityAgent /agent\nCertificateFile /x", { "/x": certificate }, {
      keys: [a],
    }, { openAgent });
    assert.deepEqual([held.error, held.tried], [null, ["a-cert?", "a-cert"]]);
  });

  it("shows no key of a kind that the configuration does not accept", async () => {
    const rsa = await generateKey("rsa", { bits: 2048 });
    const files = { "/r": await formatPrivateKey(rsa), "/a": await formatPrivateKey(a) };
    const text = "IdentityFile /r\nIdentityFile /a\n";
    assert.deepEqual((await login(text, files)).tried, ["ssh-rsa?", "a?"]);
    const short = await login(`${text}RequiredRSASize 3072`, files);
    assert.deepEqual(short.tried, ["a?"]);
    const list = await login(`${text}PubkeyAcceptedAlgorithms rsa-sha2-256`, files, {
      keys: [rsa],
    });
    assert.deepEqual([list.error, list.tried], [null, ["ssh-rsa?", "ssh-rsa"]]);
  });

  it("asks for a password as often as the configuration says, by either method", async () => {
    let count = 0;
    const ask = { password: () => `guess ${++count}` };
    const text = "NumberOfPasswordPrompts 2\nIdentityFile none";
    const { tried } = await login(text, {}, {}, { ask });
    assert.deepEqual(tried, ["asked:guess 1", "password:guess 2"]);
    count = 0;
    const plain = await login(`${text}\nKbdInteractiveAuthentication no`, {}, {}, { ask });
    assert.deepEqual(plain.tried, ["password:guess 1", "password:guess 2"]);
    const none = await login(
      `${text}\nKbdInteractiveAuthentication no\nPasswordAuthentication no`,
      {},
      {},
      { ask: { password: () => assert.fail("asked") } },
    );
    assert.deepEqual(none.tried, []);
  });

  it("lets the user answer the server's questions, until they would rather not", async () => {
    let count = 0;
    const answers = () => ++count < 3 ? [`guess ${count}`] : null;
    const ask = { answers, password: () => "sesame" };
    const text = "IdentityFile none\nNumberOfPasswordPrompts 4";
    const { tried, error } = await login(text, {}, { password: "sesame" }, { ask });
    assert.equal(error, null);
    assert.deepEqual([tried, count], [["asked:guess 1", "asked:guess 2", "password:sesame"], 3]);
  });

  it("tries methods in the preferred order, and no others", async () => {
    const files = { "/a": await formatPrivateKey(a) };
    const ask = { password: () => "x" };
    const text = "IdentityFile /a\nNumberOfPasswordPrompts 1\nPreferredAuthentications ";
    const first = await login(`${text}password,publickey`, files, {}, { ask });
    assert.deepEqual(first.tried, ["password:x", "a?"]);
    assert.deepEqual((await login(`${text}password`, files, {}, { ask })).tried, ["password:x"]);
    const off = await login(`PubkeyAuthentication no\nIdentityFile /a`, files, {}, {});
    assert.deepEqual(off.tried, []);
  });

  it("is let in by servers that ask for nothing", async () => {
    const files = { "/a": await formatPrivateKey(a) };
    const { error, tried } = await login("IdentityFile /a", files, { methods: ["none"] });
    assert.deepEqual([error, tried], [null, ["none"]]);
  });
});
