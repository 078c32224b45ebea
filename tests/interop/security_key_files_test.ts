import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { agentClient, connect } from "../../client/mod.ts";
import {
  EcdsaPublicKey,
  Ed25519PublicKey,
  fingerprint,
  formatPrivateKey,
  formatPublicKeyLine,
  parsePrivateKey,
  type PrivateKey,
  SecurityKeyPrivateKey,
  SecurityKeyPublicKey,
  securityKeySigner,
} from "../../keys/mod.ts";
import { runWithAgent, startSshAgent } from "../helpers/agents.ts";
import { utf8 } from "../helpers/bytes.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareDevice } from "../helpers/software_security_key.ts";
import { keyOf, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const kinds = [["ed25519", "ED25519-SK"], ["nistp256", "ECDSA-SK"]] as const;
const passphrase = "correct horse";
let dir = "";
let files = 0;

beforeAll(async () => {
  dir = await Deno.makeTempDir({ prefix: "sshflow-sk-" });
  await Deno.chmod(dir, 0o755);
});
afterAll(() => Deno.remove(dir, { recursive: true }));

async function save(text: string): Promise<string> {
  const path = `${dir}/${files++}`;
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} failed: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** What a device would have said of a key that it has made. */
function enrolled(secret: PrivateKey, flags = 1): SecurityKeyPrivateKey {
  const { publicKey: key } = secret;
  assert.ok(key instanceof Ed25519PublicKey || key instanceof EcdsaPublicKey);
  const { blob } = new SecurityKeyPublicKey(key, "ssh:sshflow");
  const keyHandle = utf8("a handle");
  return new SecurityKeyPrivateKey({ publicKey: blob, flags, keyHandle }, { comment: "on a key" });
}

describePeer("ssh-keygen", "files of security keys and ssh-keygen", (keygen) => {
  for (const [kind, name] of kinds) {
    it(`${name}: it reads ours, tells the public half and the fingerprint, and opens it`, async () => {
      const key = enrolled(await keyOf(kind));
      const line = formatPublicKeyLine(key.publicKey);
      const plain = await save(await formatPrivateKey(key));
      assert.equal(await run(keygen, "-y", "-P", "", "-f", plain), `${line}\n`);
      const shown = `256 ${fingerprint(key.publicKey)} on a key (${name})\n`;
      assert.equal(await run(keygen, "-l", "-f", plain), shown);
      const sealed = await save(await formatPrivateKey(key, { passphrase, rounds: 2 }));
      assert.equal(await run(keygen, "-y", "-P", passphrase, "-f", sealed), `${line}\n`);
      await assert.rejects(run(keygen, "-y", "-P", "wrong", "-f", sealed), /incorrect passphrase/);
    });

    it(`${name}: we read what it has written, plain and encrypted`, async () => {
      const key = enrolled(await keyOf(kind), 0x25);
      const path = await save(await formatPrivateKey(key));
      // It writes the file anew with each change of the passphrase.
      await run(keygen, "-p", "-P", "", "-N", passphrase, "-a", "2", "-f", path);
      const sealed = await Deno.readTextFile(path);
      await assert.rejects(parsePrivateKey(sealed), { name: "KeyFormatError" });
      await assert.rejects(parsePrivateKey(sealed, { passphrase: "x" }), /passphrase is wrong/);
      await run(keygen, "-p", "-P", passphrase, "-N", "", "-f", path);
      for (const text of [sealed, await Deno.readTextFile(path)]) {
        const again = await parsePrivateKey(text, { passphrase });
        assert.ok(again instanceof SecurityKeyPrivateKey);
        assert.deepEqual(again.parts(), key.parts());
        assert.equal(again.comment, "on a key");
        assert.equal(again.verifyRequired, true);
      }
      // But for the comment's padding and the check numbers it is what we write.
      const written = await Deno.readTextFile(path);
      assert.equal(written.length, (await formatPrivateKey(key)).length);
    });
  }
});

describePeer("sshd", "files of security keys and sshd", () => {
  for (const [kind, name] of kinds) {
    it(`${name}: a file and a device log in`, async () => {
      const secret = await keyOf(kind);
      const key = await parsePrivateKey(await formatPrivateKey(enrolled(secret)));
      assert.ok(key instanceof SecurityKeyPrivateKey);
      const privateKey = securityKeySigner(key, softwareDevice(secret));
      await using sshd = await startSshd({ hostKeys: ["rsa"], authorizedKeys: [key] });
      const options = { user: self, insecureAcceptAnyHostKey: true } as const;
      const ssh = await connect(await sshd.connect(), { ...options, auth: { privateKey } });
      await ssh.close();
      await sshd.logged(new RegExp(`Accepted publickey for ${self} .* ${name} `));
      const alone = connect(await sshd.connect(), { ...options, auth: { privateKey: key } });
      await assert.rejects(alone, /the key did not sign: Cannot sign with a key of type sk-/);
    });
  }
});

describePeer(["ssh-agent", "ssh-add"], "files of security keys and ssh-agent", (agent, sshAdd) => {
  it("takes them from us, and lists them", async () => {
    await using listening = await startSshAgent(agent);
    await using client = agentClient(await listening.connect());
    for (const [kind, name] of kinds) {
      const key = enrolled(await keyOf(kind));
      await client.add(key);
      const { stdout } = await runWithAgent(sshAdd, ["-l"], listening);
      assert.equal(stdout, `256 ${fingerprint(key.publicKey)} on a key (${name})\n`);
      await client.removeAll();
    }
  });
});
