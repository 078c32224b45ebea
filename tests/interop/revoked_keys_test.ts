import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import assert from "node:assert/strict";
import { connect } from "../../client/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import {
  type Certificate,
  fingerprint,
  formatKrl,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  type KeyRevocations,
  parseRevokedKeys,
  type PrivateKey,
  type PublicKey,
  revocationOf,
  type SerialRange,
} from "../../keys/mod.ts";
import { authenticateUsers, serve } from "../../server/mod.ts";
import { AuthenticationError, HostKeyError } from "../../wire/errors.ts";
import { demoServer } from "../helpers/demo_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { USER } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { type KeyKind, keyKinds, keyOf, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const LAST = 2n ** 64n - 1n;
/** Numbers around everything that is revoked by one. */
const SERIALS = [0n, 1n, 2n, 4n, 5n, 6n, 9n, 10n, 11n, 63n, 64n, 65n, 1000n, 1007n, 1008n, LAST];

let dir = "";
let files = 0;
let ca: PrivateKey;
let otherCa: PrivateKey;
let candidates: readonly { readonly key: PublicKey; readonly path: string }[] = [];

beforeAll(async () => {
  dir = await Deno.makeTempDir({ prefix: "sshflow-revoked-" });
  await Deno.chmod(dir, 0o755);
  [ca, otherCa] = [await keyOf("nistp384"), await keyOf("nistp521")];
  const keys: PublicKey[] = [];
  for (const kind of keyKinds) keys.push((await keyOf(kind)).publicKey);
  for (const serial of SERIALS) {
    keys.push(await certify(serial, `id-${serial}`, ca), await certify(serial, "other", otherCa));
  }
  keys.push(await certify(77n, "ada", ca), await certify(77n, "ada", otherCa));
  candidates = await Promise.all(
    keys.map(async (key) => ({ key, path: await save(`${formatPublicKeyLine(key)}\n`) })),
  );
});
afterAll(() => Deno.remove(dir, { recursive: true }));

async function certify(serial: bigint, keyId: string, by: PrivateKey): Promise<Certificate> {
  return await issueCertificate({
    key: (await keyOf("ed25519")).publicKey,
    ca: by,
    role: "user",
    keyId,
    serial,
    principals: [self],
    validBefore: null,
  });
}

async function save(content: string | Uint8Array): Promise<string> {
  const path = `${dir}/${files++}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path, bytes, { mode: 0o644 });
  return path;
}

async function run(program: string, args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env: { TZ: "UTC" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What `ssh-keygen -Q` says of each candidate. */
async function theirs(keygen: string, path: string): Promise<boolean[]> {
  const { stdout } = await run(keygen, [
    "-Q",
    "-f",
    path,
    ...candidates.map(({ path }) => path),
  ]);
  const lines = stdout.trim().split("\n");
  assert.equal(lines.length, candidates.length, stdout);
  return lines.map((line, index) => {
    assert.ok(line.startsWith(candidates[index]?.path ?? "?"), line);
    assert.match(line, /: (REVOKED|ok)$/);
    return line.endsWith(": REVOKED");
  });
}

/** Makes sure that both of us say the same of each candidate, and of some that they are revoked. */
async function assertSame(keygen: string, path: string): Promise<void> {
  const list = parseRevokedKeys(await Deno.readFile(path));
  const ours = candidates.map(({ key }) => list.isRevoked(key));
  assert.deepEqual(ours, await theirs(keygen, path));
  assert.ok(ours.includes(true) && ours.includes(false));
}

async function made(
  keygen: string,
  spec: string,
  authority: PrivateKey | null,
  ...more: readonly string[]
): Promise<string> {
  const path = `${dir}/${files++}`;
  const authorityFile = authority === null
    ? "none"
    : await save(`${formatPublicKeyLine(authority.publicKey)}\n`);
  const args = ["-k", "-f", path, "-z", "42", "-s", authorityFile];
  const { code, stderr } = await run(keygen, [...args, await save(spec), ...more]);
  assert.equal(code, 0, stderr);
  return path;
}

async function specs(): Promise<Readonly<Record<string, readonly [string, boolean]>>> {
  const [one, other] = [(await keyOf("ed25519")).publicKey, (await keyOf("rsa")).publicKey];
  // Few numbers become a list, many a bitmap, and those in a row a range.
  const dense = Array.from({ length: 200 }, (_, i) => `serial: ${2 * i + 6}\n`).join("");
  return {
    "serial numbers": ["serial: 5\nserial: 64\n", true],
    "a range of serial numbers": ["serial: 5-10\nserial: 1000-1007\n", true],
    "many serial numbers": [dense, true],
    "the last serial number": [`serial: ${LAST}\n`, true],
    "serial numbers of all authorities": ["serial: 64-65\n", false],
    "a key id": ["id: ada\n", true],
    "a key id of all authorities": ["id: ada\nid: id-5\n", false],
    "a key": [`key: ${formatPublicKeyLine(other)}\n`, false],
    "a key with certificates": [`key: ${formatPublicKeyLine(one)}\n`, false],
    "a key of an authority": [`key: ${formatPublicKeyLine(ca.publicKey)}\n`, false],
    "a key by SHA-1": [`sha1: ${formatPublicKeyLine(other)}\n`, false],
    "a key by SHA-256": [`sha256: ${formatPublicKeyLine(other)}\n`, false],
    "a key by its fingerprint": [`hash: ${fingerprint(other)}\n`, false],
  };
}

describePeer(["ssh-keygen"], "revoked keys and ssh-keygen", (keygen) => {
  it("what it revokes, we take as revoked, and nothing else", async () => {
    for (const [name, [spec, isOfCa]] of Object.entries(await specs())) {
      const path = await made(keygen, spec, isOfCa ? ca : null);
      await assertSame(keygen, path).catch((error) => {
        throw new Error(`${name}: ${error.message}`, { cause: error });
      });
      assert.equal(parseRevokedKeys(await Deno.readFile(path)).version, 42n);
    }
  });

  it("what it revokes by certificates and keys in files, we take as revoked", async () => {
    const plain = await made(
      keygen,
      `${formatPublicKeyLine((await keyOf("rsa")).publicKey)}\n`,
      null,
    );
    await assertSame(keygen, plain);
    for (const certificate of [await certify(64n, "x", ca), await certify(0n, "ada", ca)]) {
      const path = await made(keygen, `${formatPublicKeyLine(certificate)}\n`, null);
      await assertSame(keygen, path);
      const ours = await save(formatKrl({ certificates: [revocationOf(certificate)] }));
      assert.deepEqual(await theirs(keygen, ours), await theirs(keygen, path));
    }
  });

  it("what we revoke, it takes as revoked, and nothing else; and lists it", async () => {
    const rsa = (await keyOf("rsa")).publicKey;
    const of = (
      authority: PrivateKey | null,
      serials: readonly SerialRange[],
      ...keyIds: readonly string[]
    ): Partial<KeyRevocations> => ({
      certificates: [{ ca: authority?.publicKey ?? null, serials, keyIds }],
    });
    const lists: readonly Partial<KeyRevocations>[] = [
      { keys: [rsa] },
      { keys: [ca.publicKey] },
      { fingerprints: [sha1(rsa.blob)] },
      { fingerprints: [sha256(rsa.blob), sha1((await keyOf("nistp256")).publicKey.blob)] },
      of(ca, [{ first: 5n, last: 5n }, { first: 64n, last: 65n }, { first: LAST, last: LAST }]),
      of(null, [{ first: 1n, last: 9n }], "ada"),
      of(otherCa, [], "other"),
      of(ca, [{ first: 1n, last: LAST }]),
      { version: 7n, comment: "all", keys: [rsa], ...of(ca, [{ first: 2n, last: 6n }], "ada") },
    ];
    for (const contents of lists) {
      const path = await save(formatKrl(contents));
      await assertSame(keygen, path);
      const listed = await run(keygen, ["-Q", "-l", "-f", path]);
      assert.match(listed.stdout, /^# KRL version/m);
      if (contents.version === 7n) {
        assert.match(listed.stdout, /^# KRL version 7$/m);
        assert.match(listed.stdout, /^serial: 2-6$/m);
        assert.match(listed.stdout, /^id: ada$/m);
      }
    }
  });

  it("updates a list of ours, and we read both", async () => {
    const path = await save(formatKrl({ keys: [(await keyOf("rsa")).publicKey], comment: "ours" }));
    const spec = await save(`key: ${formatPublicKeyLine((await keyOf("nistp256")).publicKey)}\n`);
    const { code, stderr } = await run(keygen, ["-k", "-u", "-f", path, spec]);
    assert.equal(code, 0, stderr);
    await assertSame(keygen, path);
    const list = parseRevokedKeys(await Deno.readFile(path));
    assert.equal(list.keys.length, 2);
    await save(formatKrl(list));
  });

  it("refuses the damaged lists that we refuse", async () => {
    const good = formatKrl({ keys: [(await keyOf("rsa")).publicKey] });
    const section = (type: number) => [type, 0, 0, 0, 0];
    for (const bytes of [good.subarray(0, -1), [...good, ...section(77)], [...good, 1]]) {
      const damaged = Uint8Array.from(bytes);
      assert.throws(() => parseRevokedKeys(damaged), { name: "KeyFormatError" });
      const path = await save(damaged);
      const { code, stdout } = await run(keygen, ["-Q", "-f", path, candidates[0]?.path ?? ""]);
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout, /: ok/);
    }
  });
});

describePeer(["sshd", "ssh"], "revoked keys, sshd and ssh", (_sshd, ssh) => {
  /** The same key is revoked in both forms; the text with a certificate revokes its key. */
  async function revocations(kind: KeyKind): Promise<readonly Uint8Array[]> {
    const { publicKey } = await keyOf(kind);
    const certificate = await issueCertificate({
      key: publicKey,
      ca,
      role: "host",
      keyId: "",
      principals: ["*"],
      validBefore: null,
    });
    const text = (key: PublicKey) => new TextEncoder().encode(`# x\n${formatPublicKeyLine(key)}\n`);
    return [
      formatKrl({ keys: [publicKey] }),
      formatKrl({ fingerprints: [sha256(publicKey.blob)] }),
      text(publicKey),
      text(certificate),
    ];
  }

  it("a list of ours keeps users out at sshd, and so does the same list at our server", async () => {
    const [bad, good] = [await keyOf("ed25519"), await keyOf("rsa")];
    for (const file of await revocations("ed25519")) {
      const path = await save(file);
      await using sshd = await startSshd({
        hostKeys: ["nistp256"],
        authorizedKeys: [bad, good],
        config: [`RevokedKeys ${path}`],
      });
      const users = { [self]: { keys: [bad.publicKey, good.publicKey] } };
      const authenticate = authenticateUsers(users, { revokedKeys: parseRevokedKeys(file) });
      for (const [privateKey, may] of [[bad, false], [good, true]] as const) {
        const options = {
          user: self,
          auth: { privateKey },
          insecureAcceptAnyHostKey: true,
        } as const;
        const [near, far] = flowPair();
        await using _ours = serve(far, {
          hostKeys: [await keyOf("nistp256")],
          authenticate,
          session: (session) => session.exit(),
        });
        for (const flow of [await sshd.connect(), near]) {
          const connecting = connect(flow, options);
          if (may) await (await connecting).close();
          else await assert.rejects(connecting, AuthenticationError);
        }
      }
    }
  });

  it("a list keeps ssh from a server of ours, and our client from sshd", async () => {
    const folder = await Deno.makeTempDir({ dir });
    const client = new OpenSshClient({ ssh, sshpass: "" }, folder);
    const userKey = await keyOf("rsa");
    const keyFile = `${folder}/key`;
    await Deno.writeTextFile(keyFile, await formatPrivateKey(userKey), { mode: 0o600 });
    for (const file of await revocations("nistp256")) {
      const path = await save(file);
      await using sshd = await startSshd({ hostKeys: ["nistp256"], authorizedKeys: [userKey] });
      const connecting = connect(await sshd.connect(), {
        user: self,
        auth: { privateKey: userKey },
        insecureAcceptAnyHostKey: true,
        revokedHostKeys: parseRevokedKeys(file),
      });
      await assert.rejects(connecting, (error) => {
        assert.ok(error instanceof HostKeyError, String(error));
        assert.equal(error.status, "revoked");
        return true;
      });
      await using server = demoServer({
        hostKeys: [await keyOf("nistp256")],
        userKeys: [userKey.publicKey],
      });
      const { port, hostKeys } = server;
      for (const revoked of [path, "none"]) {
        const request = { port, hostKeys, user: USER, method: "publickey", keyFile } as const;
        const args = await client.args(request, ["-o", `RevokedHostKeys=${revoked}`]);
        const { code, stderr } = await run(ssh, [...args, "echo hello"]);
        assert.equal(code === 0, revoked === "none", stderr);
        if (code !== 0) assert.match(stderr, /revoked/);
      }
    }
  });
});
