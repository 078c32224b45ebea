import { sha512 } from "@noble/hashes/sha2.js";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { main as keygen } from "../../examples/keygen.ts";
import {
  authenticatorOf,
  fingerprint,
  formatPkcs8,
  formatPrivateKey,
  formatPublicKeyLine,
  formatRfc4716,
  type GeneratedKeyType,
  generateKey,
  parsePrivateKey,
  parsePublicKeyLine,
  parseRfc4716,
  type PrivateKey,
  privateKeyCiphers,
  type PrivateKeyParts,
  randomart,
} from "../../keys/mod.ts";
import { formatPem, parsePem } from "../../keys/pem.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { toHex } from "../helpers/hex.ts";
import { describePeer, itWithPeer } from "../helpers/peers.ts";
import { programOutput } from "../helpers/program_output.ts";

interface Kind {
  readonly title: string;
  readonly type: GeneratedKeyType;
  readonly bits: number;
}

const kinds: readonly Kind[] = [
  { title: "ed25519", type: "ed25519", bits: 256 },
  { title: "ecdsa 256", type: "ecdsa", bits: 256 },
  { title: "ecdsa 384", type: "ecdsa", bits: 384 },
  { title: "ecdsa 521", type: "ecdsa", bits: 521 },
  { title: "rsa 2048", type: "rsa", bits: 2048 },
  { title: "rsa 3072", type: "rsa", bits: 3072 },
];
const passphrase = "correct horse";
const comment = "ada's key, at home";

describePeer("ssh-keygen", "keys and ssh-keygen", (program) => {
  let dir = "";
  let files = 0;
  beforeAll(async () => {
    dir = await Deno.makeTempDir({ prefix: "sshflow-keys-" });
  });
  afterAll(() => Deno.remove(dir, { recursive: true }));

  const newPath = () => `${dir}/${files++}`;
  const save = async (text: string) => {
    const path = newPath();
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return path;
  };
  const run = (...args: string[]) => programOutput(program, args);
  /** Makes a key with ssh-keygen. */
  const theirs = async ({ type, bits }: Kind, ...more: string[]) => {
    const path = newPath();
    const size = ["-b", `${bits}`];
    await run("-q", "-t", type, ...size, "-C", comment, "-f", path, ...more);
    return {
      path,
      text: await Deno.readTextFile(path),
      line: (await Deno.readTextFile(`${path}.pub`)).trim(),
    };
  };

  for (const kind of kinds) {
    describe(kind.title, () => {
      let ours: PrivateKey;
      let line = "";
      beforeAll(async () => {
        ours = await generateKey(kind.type, { bits: kind.bits, comment });
        line = formatPublicKeyLine(ours.publicKey);
      });

      it("it reads our private key: -y", async () => {
        const path = await save(await formatPrivateKey(ours));
        assert.equal(await run("-y", "-P", "", "-f", path), `${line}\n`);
      });

      it("it reads our encrypted private key, and not with another passphrase", async () => {
        const path = await save(await formatPrivateKey(ours, { passphrase, rounds: 4 }));
        assert.equal(await run("-y", "-P", passphrase, "-f", path), `${line}\n`);
        await assert.rejects(run("-y", "-P", "wrong", "-f", path), /incorrect passphrase/);
      });

      it("it shows our public key as we do: -l, -E md5, -v", async () => {
        const path = await save(`${line}\n`);
        for (const hash of ["sha256", "md5"] as const) {
          const shown = await run("-lv", "-E", hash, "-f", path);
          const [first, ...picture] = shown.trimEnd().split("\n");
          const kindName = kind.type.toUpperCase();
          const print = fingerprint(ours.publicKey, hash);
          assert.equal(first, `${kind.bits} ${print} ${comment} (${kindName})`);
          assert.equal(picture.join("\n"), randomart(ours.publicKey, hash));
          assert.equal(await authenticatorOf(first?.split(" ")[1] ?? "")(ours.publicKey, {}), true);
        }
      });

      it("it reads our public key in RFC 4716's format, and we its: -i, -e", async () => {
        const path = await save(formatRfc4716(ours.publicKey));
        const [type, base64] = line.split(" ");
        assert.equal(await run("-i", "-f", path), `${type} ${base64}\n`);
        const exported = await run("-e", "-f", await save(`${line}\n`));
        assert.deepEqual(parseRfc4716(exported).blob, ours.publicKey.blob);
      });

      it("we read its private key, plain and encrypted", async () => {
        const plain = await theirs(kind, "-N", "");
        const key = await parsePrivateKey(plain.text);
        assert.equal(formatPublicKeyLine(key.publicKey), plain.line);
        assert.equal(formatPublicKeyLine(parsePublicKeyLine(plain.line)), plain.line);
        const encrypted = await theirs(kind, "-N", passphrase, "-a", "3");
        const opened = await parsePrivateKey(encrypted.text, { passphrase });
        assert.equal(formatPublicKeyLine(opened.publicKey), encrypted.line);
      });

      // OpenSSH 9.2 writes Ed25519 keys in its own format only, whatever -m says.
      if (kind.type !== "ed25519") {
        it("it reads our PKCS#8, plain and encrypted", async () => {
          const plain = await save(await formatPkcs8(ours));
          const [type, base64] = line.split(" ");
          assert.equal(await run("-y", "-P", "", "-f", plain), `${type} ${base64}\n`);
          const encrypted = await save(await formatPkcs8(ours, { passphrase, iterations: 1000 }));
          assert.equal(await run("-y", "-P", passphrase, "-f", encrypted), `${type} ${base64}\n`);
        });

        for (
          const [form, label] of [["PKCS8", /BEGIN PRIV/], ["PEM", /BEGIN (RSA|EC) PRIV/]] as const
        ) {
          it(`we read its ${form}, plain and encrypted: -m`, async () => {
            const plain = await theirs(kind, "-N", "", "-m", form);
            assert.match(plain.text, label);
            const key = await parsePrivateKey(plain.text);
            assert.ok(plain.line.startsWith(formatPublicKeyLine(key.publicKey)));
            const encrypted = await theirs(kind, "-N", passphrase, "-m", form);
            assert.match(encrypted.text, /ENCRYPTED/);
            const opened = await parsePrivateKey(encrypted.text, { passphrase });
            await assert.rejects(parsePrivateKey(encrypted.text, { passphrase: "wrong" }), {
              name: "KeyFormatError",
              message: /the passphrase is wrong/,
            });
            await assert.rejects(parsePrivateKey(encrypted.text), /none is given$/);
            assert.ok(encrypted.line.startsWith(formatPublicKeyLine(opened.publicKey)));
          });
        }
      }

      it("it verifies what we sign, and not something else: -Y verify", async () => {
        const allowed = await save(`ada ${line}\n`);
        const signature = await save(await signFile(ours, "data"));
        const args = ["-Y", "verify", "-f", allowed, "-I", "ada", "-n", "file", "-s", signature];
        assert.match(await programOutput(program, args, "data"), /Good "file" signature for ada/);
        await assert.rejects(programOutput(program, args, "other"), /incorrect signature/);
      });

      it("we verify what it signs, and not something else: -Y sign", async () => {
        const { path, line } = await theirs(kind, "-N", "");
        const signature = await programOutput(
          program,
          ["-Y", "sign", "-n", "file", "-f", path],
          "data",
        );
        assert.equal(await verifyFile(line, "data", signature), true);
        assert.equal(await verifyFile(line, "other", signature), false);
      });
    });
  }

  for (const cipher of privateKeyCiphers) {
    it(`${cipher}: each opens what the other has encrypted: -Z`, async () => {
      const kind = kinds[0] as Kind;
      const { text, line } = await theirs(kind, "-N", passphrase, "-Z", cipher, "-a", "2");
      const key = await parsePrivateKey(text, { passphrase });
      assert.equal(formatPublicKeyLine(key.publicKey), line);
      const path = await save(await formatPrivateKey(key, { passphrase, cipher, rounds: 2 }));
      assert.equal(await run("-y", "-P", passphrase, "-f", path), `${line}\n`);
    });
  }
});

describePeer("ssh-keygen", "the keygen example", (program) => {
  let dir = "";
  beforeAll(async () => {
    dir = await Deno.makeTempDir({ prefix: "sshflow-keygen-" });
  });
  afterAll(() => Deno.remove(dir, { recursive: true }));

  it("writes two files that ssh-keygen reads, the private one for its owner only", async () => {
    const path = `${dir}/written`;
    const { code, stdout } = await example("--comment", comment, "--out", path);
    assert.equal(code, 0);
    const { mode } = await Deno.stat(path);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    const line = await Deno.readTextFile(`${path}.pub`);
    assert.equal(await programOutput(program, ["-y", "-P", "", "-f", path]), line);
    const shown = await programOutput(program, ["-lv", "-f", `${path}.pub`]);
    const [first, ...picture] = shown.trimEnd().split("\n");
    assert.ok(stdout.includes(`${first?.split(" ")[1]} ${comment}\n`), stdout);
    assert.ok(stdout.includes(picture.join("\n")), stdout);
  });

  it("encrypts with a passphrase", async () => {
    const path = `${dir}/encrypted`;
    await example("-t", "ecdsa", "-b", "384", "-N", passphrase, "-a", "2", "-f", path);
    const line = await Deno.readTextFile(`${path}.pub`);
    assert.equal(await programOutput(program, ["-y", "-P", passphrase, "-f", path]), line);
    await assert.rejects(
      programOutput(program, ["-y", "-P", "", "-f", path]),
      /incorrect passphrase/,
    );
  });

  it("prints both halves without --out", async () => {
    const { code, stdout } = await example("--type", "ed25519");
    assert.equal(code, 0);
    const key = await parsePrivateKey(stdout);
    assert.ok(stdout.includes(`\n${formatPublicKeyLine(key.publicKey)}\n`));
    assert.ok(stdout.includes(randomart(key.publicKey)));
  });

  it("gives the same key for the same seed, of every type", async () => {
    for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
      const args = ["--type", type, "--seed", "my seed", ...(type === "rsa" ? ["-b", "2048"] : [])];
      const [a, b] = [await example(...args), await example(...args)];
      const bits = type === "rsa" ? { bits: 2048 } : {};
      const key = await generateKey(type, { seed: "my seed", ...bits });
      for (const { stdout } of [a, b]) {
        assert.deepEqual((await parsePrivateKey(stdout)).parts(), key.parts());
      }
    }
  });

  it("overwrites nothing unless it is told to", async () => {
    const path = `${dir}/kept`;
    await Deno.writeTextFile(`${path}.pub`, "mine");
    const refused = await example("--out", path);
    assert.equal(refused.code, 1);
    assert.equal(
      refused.stderr,
      `Cannot write ${path}.pub: it is there already; --force overwrites it\n`,
    );
    assert.equal(await Deno.readTextFile(`${path}.pub`), "mine");
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    await Deno.writeTextFile(path, "mine", { mode: 0o644 });
    assert.equal((await example("--out", path, "--force")).code, 0);
    assert.match(await Deno.readTextFile(path), /^-----BEGIN OPENSSH/);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  });

  const mistakes: readonly (readonly [string[], RegExp])[] = [
    [
      ["--type", "dsa"],
      /^Cannot make a key of type dsa: the supported ones are ed25519, ecdsa, rsa\n$/,
    ],
    [["--kind", "rsa"], /^Unknown option '--kind'.*\nSupported options: --type, --bits, .*\n$/],
    [["-t", "ecdsa", "--bits", "512"], /^Cannot generate key: ecdsa has no size of 512 bits/],
    [["--bits", "many"], /^Cannot use --bits many: it is not a whole number\n$/],
    [["-N", "x", "--cipher", "rot13"], /^Cannot encrypt private key: rot13 is not one of aes256/],
    [["--out", "/nowhere/at/all"], /^No such file or directory/],
  ];
  for (const [args, message] of mistakes) {
    it(`says in a line what is wrong with ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await example(...args);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  it("runs as a task", async () => {
    const args = ["task", "--quiet", "keygen", "--seed", "my seed"];
    const key = await parsePrivateKey(await programOutput(Deno.execPath(), args));
    const expected = await generateKey("ed25519", { seed: "my seed" });
    assert.equal(fingerprint(key.publicKey), fingerprint(expected.publicKey));
  });
});

describe("keys and PuTTY", () => {
  for (const kind of kinds) {
    itWithPeer("puttygen", `${kind.title}: puttygen sees our key as we do`, async (program) => {
      const dir = await Deno.makeTempDir({ prefix: "sshflow-putty-" });
      try {
        const key = await generateKey(kind.type, { bits: kind.bits, comment: "c" });
        await Deno.writeTextFile(`${dir}/key`, await formatPrivateKey(key), { mode: 0o600 });
        const line = await programOutput(program, ["-L", `${dir}/key`]);
        assert.equal(line.trim(), formatPublicKeyLine(key.publicKey));
        // It has to take its own format in between: from one to the same it does nothing.
        await Deno.writeTextFile(`${dir}/empty`, "");
        const quiet = ["--new-passphrase", `${dir}/empty`];
        await programOutput(program, [`${dir}/key`, "-O", "private", "-o", `${dir}/ppk`, ...quiet]);
        const back = ["-O", "private-openssh-new", "-o", `${dir}/theirs`];
        await programOutput(program, [`${dir}/ppk`, ...back, ...quiet]);
        const again = await parsePrivateKey(await Deno.readTextFile(`${dir}/theirs`));
        assert.deepEqual(largerPrimeFirst(again.parts()), largerPrimeFirst(key.parts()));
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    });
  }
});

/**
 * The parts of a key, as PuTTY keeps them: of an RSA key the larger prime is the first. What goes
 * with the order follows from the rest, and is left out.
 */
function largerPrimeFirst(parts: PrivateKeyParts): unknown {
  if (parts.kind !== "rsa") return parts;
  const { modulus, publicExponent, privateExponent, prime1, prime2 } = parts;
  const primes = [prime1, prime2].map((prime) => toHex(prime)).sort();
  return { modulus, publicExponent, privateExponent, primes };
}

/** Runs the example in this process, and tells what it prints. */
async function example(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { log, error } = console;
  let stdout = "";
  let stderr = "";
  console.log = (text: string) => stdout += `${text}\n`;
  console.error = (text: string) => stderr += `${text}\n`;
  try {
    return { code: await keygen(args), stdout, stderr };
  } finally {
    console.log = log;
    console.error = error;
  }
}

/** PROTOCOL.sshsig: what is signed in the place of a file. */
function signedData(text: string): Uint8Array {
  return new Writer().raw(new TextEncoder().encode("SSHSIG")).string("file").string("")
    .string("sha512").string(sha512(new TextEncoder().encode(text))).finish();
}

async function signFile(key: PrivateKey, text: string): Promise<string> {
  const algorithm = key.publicKey.algorithms[0] ?? "";
  const blob = new Writer().raw(new TextEncoder().encode("SSHSIG")).uint32(1)
    .string(key.publicKey.blob).string("file").string("").string("sha512")
    .string(await key.sign(algorithm, signedData(text))).finish();
  return formatPem("SSH SIGNATURE", blob, 70);
}

async function verifyFile(line: string, text: string, armored: string): Promise<boolean> {
  const [block] = parsePem(armored);
  assert.ok(block);
  const reader = new Reader(block.bytes, "signature");
  reader.raw(6 + 4);
  const key = parsePublicKeyLine(line);
  assert.deepEqual(reader.string(), key.blob);
  reader.string();
  reader.string();
  assert.equal(reader.text(), "sha512");
  const signature = reader.string();
  const algorithm = new Reader(signature, "signature").name();
  return await key.verify(algorithm, signedData(text), signature);
}
