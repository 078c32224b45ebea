import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { formatPkcs8, formatPublicKeyLine, parsePrivateKey } from "../../keys/mod.ts";
import { describePeer } from "../helpers/peers.ts";
import { programOutput } from "../helpers/program_output.ts";

const passphrase = "correct horse";
const pass = `pass:${passphrase}`;
const curve = (name: string): readonly string[] => ["EC", "-pkeyopt", `ec_paramgen_curve:${name}`];
const kinds: readonly (readonly [title: string, algorithm: readonly string[], old?: string])[] = [
  ["ed25519", ["ED25519"]],
  ["ecdsa on P-256", curve("P-256"), "ec"],
  ["ecdsa on P-384", curve("P-384"), "ec"],
  ["ecdsa on P-521", curve("P-521"), "ec"],
  ["rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "rsa"],
];
const sizes = [128, 192, 256] as const;

/** How `openssl pkcs8` encrypts: all that is PBES2 with AES. */
const encryptions: readonly (readonly string[])[] = [
  [],
  ...sizes.map((size) => ["-v2", `aes-${size}-cbc`]),
  ...["SHA1", "SHA256", "SHA384", "SHA512"].map((hash) => ["-v2prf", `hmacWith${hash}`]),
  ["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512", "-iter", "1"],
  ["-iter", "20000"],
  ["-scrypt"],
  ["-scrypt", "-v2", "aes-128-cbc"],
  ["-scrypt", "-scrypt_N", "1024", "-scrypt_r", "4", "-scrypt_p", "3"],
];

describePeer("openssl", "private keys and openssl", (openssl) => {
  let directory = "";
  let files = 0;
  beforeAll(async () => {
    directory = await Deno.makeTempDir({ prefix: "sshflow-openssl-" });
  });
  afterAll(() => Deno.remove(directory, { recursive: true }));

  async function save(text: string): Promise<string> {
    const path = `${directory}/${files++}`;
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return path;
  }

  const run = (...args: readonly string[]) => programOutput(openssl, args);

  const publicHalf = async (text: string): Promise<string> =>
    await run("pkey", "-in", await save(text), "-passin", pass, "-pubout");

  for (const [title, algorithm, old] of kinds) {
    describe(title, () => {
      let text = "";
      let line = "";
      beforeAll(async () => {
        text = await run("genpkey", "-algorithm", ...algorithm);
        line = formatPublicKeyLine((await parsePrivateKey(text)).publicKey);
      });

      /** What it has encrypted opens with the passphrase, and with that only. */
      async function opens(encrypted: string): Promise<void> {
        assert.match(encrypted, /ENCRYPTED/);
        const key = await parsePrivateKey(encrypted, { passphrase });
        assert.equal(formatPublicKeyLine(key.publicKey), line);
        const { name, message } = await parsePrivateKey(encrypted, { passphrase: "wrong" }).then(
          () => assert.fail("it opens with another passphrase"),
          (error: Error) => error,
        );
        assert.equal(name, "KeyFormatError");
        assert.match(message, /the passphrase is wrong/);
      }

      it("we read what it makes, and it reads what we write, as the same key", async () => {
        const key = await parsePrivateKey(text);
        const theirs = await publicHalf(text);
        assert.equal(await publicHalf(await formatPkcs8(key)), theirs);
        const encrypted = await formatPkcs8(key, { passphrase, iterations: 1000 });
        assert.equal(await publicHalf(encrypted), theirs);
        const path = await save(encrypted);
        await assert.rejects(
          run("pkey", "-in", path, "-passin", "pass:wrong"),
          /bad decrypt|Could not/,
        );
        assert.match(await run("pkey", "-in", path, "-passin", pass, "-noout", "-check"), /valid/);
      });

      for (const how of encryptions) {
        it(`we open what it has encrypted: pkcs8 ${how.join(" ")}`, async () => {
          const path = await save(text);
          await opens(await run("pkcs8", "-topk8", "-in", path, "-passout", pass, ...how));
        });
      }

      it("what it has encrypted with what is broken is refused, and named", async () => {
        const path = await save(text);
        const args = ["pkcs8", "-topk8", "-in", path, "-passout", pass, "-v2", "des-ede3-cbc"];
        await assert.rejects(parsePrivateKey(await run(...args), { passphrase }), {
          name: "KeyFormatError",
          message: /cipher 1\.2\.840\.113549\.3\.7 is not AES in CBC mode/,
        });
      });

      if (old === undefined) return;
      it("we read the traditional form, and open it encrypted by DEK-Info", async () => {
        const path = await save(text);
        const form = old === "rsa" ? [old, "-traditional"] : [old];
        const plain = await run(...form, "-in", path);
        assert.match(plain, /BEGIN (RSA|EC) PRIVATE KEY/);
        assert.equal(formatPublicKeyLine((await parsePrivateKey(plain)).publicKey), line);
        for (const size of sizes) {
          const encrypted = await run(...form, "-in", path, `-aes${size}`, "-passout", pass);
          assert.match(encrypted, new RegExp(`DEK-Info: AES-${size}-CBC`));
          await opens(encrypted);
        }
        const weak = await run(...form, "-in", path, "-des3", "-passout", pass);
        await assert.rejects(parsePrivateKey(weak, { passphrase }), {
          name: "KeyFormatError",
          message: /DEK-Info DES-EDE3-CBC with an initial vector is not one of AES-128-CBC/,
        });
      });
    });
  }
});
