import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  formatPpk,
  formatPrivateKey,
  formatPublicKeyLine,
  parsePrivateKey,
  type PrivateKey,
} from "../../keys/mod.ts";
import { describePeer } from "../helpers/peers.ts";
import { keyKinds, keyOf } from "../helpers/sshd.ts";

const passphrase = "correct horse";

describePeer("puttygen", "PuTTY's private keys and puttygen", (puttygen) => {
  let dir = "";
  let files = 0;
  beforeAll(async () => {
    dir = await Deno.makeTempDir({ prefix: "sshflow-ppk-" });
    await Deno.writeTextFile(`${dir}/passphrase`, `${passphrase}\n`);
    await Deno.writeTextFile(`${dir}/none`, "");
  });
  afterAll(() => Deno.remove(dir, { recursive: true }));

  const newPath = (): string => `${dir}/${files++}`;

  async function run(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(puttygen, { args, stdin: "null" })
      .output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(decoder.decode(stderr).trim());
    return decoder.decode(stdout);
  }

  for (const kind of keyKinds) {
    it(`${kind}: it reads ours, in the clear and encrypted`, async () => {
      const key = await keyOf(kind);
      for (const options of [{}, { passphrase, memoryKib: 64, passes: 3 }]) {
        const path = newPath();
        await Deno.writeTextFile(path, await formatPpk(key, { ...options, comment: "ada's key" }));
        const old = ["--old-passphrase", `${dir}/passphrase`];
        const shown = await run(path, ...("passphrase" in options ? old : []), "-L");
        assert.equal(shown.trim(), `${formatPublicKeyLine(key.publicKey)} ada's key`);
        // What it writes shows that it has read the private half as well.
        const out = newPath();
        const none = ["--new-passphrase", `${dir}/none`];
        const back = ["-O", "private-openssh-new", "-o", out, ...none];
        await run(path, ...("passphrase" in options ? old : []), ...back);
        const again = await parsePrivateKey(await Deno.readTextFile(out));
        assert.deepEqual(secretOf(again), secretOf(key));
      }
    });

    const quick = "memory=64,passes=2";
    const variants: readonly (readonly [string, string, boolean])[] = [
      ["version 3", "version=3", false],
      ["version 2", "version=2", false],
      ["version 2, encrypted", "version=2", true],
      ...["argon2id", "argon2i", "argon2d"].map((kdf) =>
        [`version 3, ${kdf}`, `version=3,kdf=${kdf},${quick}`, true] as const
      ),
    ];
    it(`${kind}: we read its, in both versions`, async () => {
      const ours = await keyOf(kind);
      const source = newPath();
      await Deno.writeTextFile(source, await formatPrivateKey(ours, { comment: "ada's key" }));
      for (const [what, parameters, encrypted] of variants) {
        const path = newPath();
        const secret = `${dir}/${encrypted ? "passphrase" : "none"}`;
        const options = ["--new-passphrase", secret, "--ppk-param", parameters];
        await run(source, "-q", "-O", "private", ...options, "-o", path);
        const key = await parsePrivateKey(await Deno.readTextFile(path), { passphrase });
        assert.deepEqual(secretOf(key), secretOf(ours), what);
        assert.equal(key.comment, "ada's key");
      }
    });
  }

  it("it does not take ours with another passphrase", async () => {
    const path = newPath();
    const options = { passphrase: "another", memoryKib: 64, passes: 1 };
    await Deno.writeTextFile(path, await formatPpk(await keyOf("ed25519"), options));
    const old = ["--old-passphrase", `${dir}/passphrase`];
    const none = ["--new-passphrase", `${dir}/none`];
    const back = ["-O", "private-openssh-new", "-o", newPath(), ...none];
    await assert.rejects(run(path, ...old, ...back), /wrong passphrase/);
  });
});

/** The secret of a key, with the primes in one order: puttygen has the larger first. */
function secretOf(key: PrivateKey): unknown {
  const parts = key.parts();
  if (parts.kind !== "rsa") return parts;
  const { privateExponent, prime1, prime2 } = parts;
  return { privateExponent, primes: [String(prime1), String(prime2)].sort() };
}
