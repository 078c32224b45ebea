import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { generateKey } from "../../keys/generate.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { formatPpk } from "../../keys/ppk.ts";
import { formatPublicKeyLine } from "../../keys/public_key.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { passphrase, privateKeys, publicKeys } from "./fixtures.ts";
import { ppks } from "./ppk_fixtures.ts";

const kinds = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"] as const;
const quick = { memoryKib: 64, passes: 1 } as const;

/** Which key a file has: the name begins with it, or it is that of a KDF. */
function kindOf(name: string): (typeof kinds)[number] {
  return kinds.find((kind) => name.startsWith(kind)) ??
    (name === "certified" ? "ed25519" : "ecdsa256");
}

describe("PuTTY's private keys", () => {
  for (const [name, text] of Object.entries(ppks)) {
    it(`${name}: is the key that it is`, async () => {
      const kind = kindOf(name);
      const key = await parsePrivateKey(text, { passphrase });
      const expected = await parsePrivateKey(privateKeys[kind]);
      assert.deepEqual(key.parts(), expected.parts());
      assert.equal(formatPublicKeyLine(key.publicKey), publicKeys[kind]);
    });
  }

  for (const name of ["ed25519Encrypted", "rsaVersion2Encrypted", "argon2i"] as const) {
    it(`${name}: needs its passphrase`, async () => {
      await assert.rejects(parsePrivateKey(ppks[name]), /it needs a passphrase, and none is given/);
      await assert.rejects(parsePrivateKey(ppks[name], { passphrase: "wrong" }), {
        name: "KeyFormatError",
        message: "Cannot decrypt private key: the passphrase is wrong, or the file is damaged",
      });
      const asked = (): Promise<string> => Promise.resolve(passphrase);
      assert.ok(await parsePrivateKey(ppks[name], { passphrase: asked }));
    });
  }

  it("the ends of lines do not matter, nor does white space behind the last", async () => {
    for (const end of ["\r\n", "\r"]) {
      assert.ok(await parsePrivateKey(ppks.ed25519.replaceAll("\n", end)));
    }
    assert.ok(await parsePrivateKey(`${ppks.ed25519}\n \n`));
    assert.ok(await parsePrivateKey(ppks.ed25519.trimEnd()));
  });

  for (const name of ["ed25519", "ecdsa256Encrypted", "ed25519Version2"] as const) {
    it(`${name}: a change anywhere is noticed`, async () => {
      const text = ppks[name];
      for (let at = 0; at < text.length; at += 5) {
        const character = text[at] === "A" ? "B" : "A";
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        if (changed.toLowerCase() === text.toLowerCase()) continue;
        try {
          await parsePrivateKey(changed, { passphrase, maxWorkKib: 1000 });
          assert.fail(`at ${at}: ${changed}`);
        } catch (error) {
          assert.ok(error instanceof KeyFormatError, `at ${at}: ${error}`);
        }
      }
    });
  }

  it("cut after any line, it is refused with the place", async () => {
    const lines = ppks.ed25519Encrypted.trimEnd().split("\n");
    for (let count = 1; count < lines.length; count++) {
      await assert.rejects(parsePrivateKey(lines.slice(0, count).join("\n"), { passphrase }), {
        name: "KeyFormatError",
        message: /^Cannot read PuTTY private key: .* \(line \d+\)$/,
      });
    }
  });

  const text = ppks.ed25519;
  const sealed = ppks.ed25519Encrypted;
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ["of version 1", text.replace("File-3", "File-1"), /version 1 is not 2 or 3 \(line 1\)/],
    ["of version 4", text.replace("File-3", "File-4"), /version 4 is not 2 or 3/],
    ["without a type", "PuTTY-User-Key-File-3\n", /does not begin with PuTTY-User-Key-File-/],
    ["with another cipher", text.replace(": none", ": 3des"), /encryption 3des is not none or aes/],
    ["without a comment", text.replace(/Comment: .*\n/, ""), /there should be Comment/],
    ["with more lines than there are", text.replace(/Lines: 2/, "Lines: 200"), /be 200 lines/],
    ["with a count that is none", text.replace(/Lines: 2/, "Lines: 2x"), /Lines is not a number/],
    ["with a count of 10^10", text.replace(/Lines: 2/, "Lines: 10000000000"), /is not a number/],
    ["with a public key of no base64", text.replace("AAAAC3", "AA*AC3"), /is not base64/],
    ["with something behind it", `${text}more\n`, /something follows the end/],
    ["with a MAC of no hexadecimal", text.replace(/MAC: ../, "MAC: zz"), /is not hexadecimal/],
    ["with a MAC a byte short", text.replace(/MAC: ../, "MAC: "), /its MAC is wrong: the file/],
    ["that says another type", text.replace("3: ssh-ed25519", "3: ssh-rsa"), /its MAC is wrong/],
    ["with another KDF", sealed.replace("Argon2id", "scrypt"), /scrypt is not one of Argon2id, /],
    ["with JavaScript's KDF", sealed.replace("Argon2id", "toString"), /toString is not one of/],
    ["with no passes", sealed.replace("Passes: 2", "Passes: 0"), /not ones that Argon2 can take/],
    ["with no lanes", sealed.replace("lelism: 1", "lelism: 0"), /not ones that Argon2 can take/],
    ["with too many lanes", sealed.replace("lelism: 1", "lelism: 9"), /not ones that Argon2 can/],
    ["with a short salt", sealed.replace(/Salt: .*/, "Salt: 00"), /not ones that Argon2 can take/],
    [
      "without private blocks",
      sealed.replace(/Private-Lines: 1\n.*/, "Private-Lines: 0"),
      /private part is not made of blocks of 16 bytes/,
    ],
    ["too long", `PuTTY-User-Key-File-3: ${"x".repeat(140_000)}`, /at most 131072 are read/],
  ];
  for (const [what, file, message] of wrong) {
    it(`one ${what} is refused`, async () => {
      await assert.rejects(parsePrivateKey(file, { passphrase }), {
        name: "KeyFormatError",
        message,
      });
    });
  }

  it("memory and passes without end are refused, before the passphrase is asked for", async () => {
    const ask = (): never => assert.fail("asked");
    const memory = sealed.replace("Memory: 64", "Memory: 262145");
    await assert.rejects(parsePrivateKey(memory, { passphrase: ask }), {
      name: "KeyFormatError",
      message: "Cannot decrypt private key: it asks for 262145 KiB of memory for Argon2id, " +
        "and 1 to 262144 are allowed (the option maxMemoryKib)",
    });
    const passes = sealed.replace("Passes: 2", "Passes: 4294967295");
    await assert.rejects(parsePrivateKey(passes, { passphrase: ask }), /the option maxWorkKib/);
    const limits = { passphrase, maxMemoryKib: 64, maxWorkKib: 128 };
    assert.ok(await parsePrivateKey(sealed, limits));
    await assert.rejects(parsePrivateKey(sealed, { ...limits, maxWorkKib: 127 }), /128 KiB in all/);
    await assert.rejects(parsePrivateKey(sealed, { ...limits, maxMemoryKib: 63 }), /64 KiB of/);
  });

  it("a signal stops the work", async () => {
    const slow = sealed.replace("Memory: 64", "Memory: 8192").replace("Passes: 2", "Passes: 200");
    const signal = AbortSignal.timeout(20);
    await assert.rejects(parsePrivateKey(slow, { passphrase, signal }), { name: "TimeoutError" });
  });

  it("what is written is what puttygen writes", async () => {
    const key = await parsePrivateKey(privateKeys.ed25519);
    assert.equal(await formatPpk(key), ppks.ed25519.replaceAll("\n", "\r\n"));
  });

  it("a key comes out as it went in, with any comment and passphrase", async () => {
    const comments = fc.string({ unit: "grapheme" })
      .filter((text) => !/[\r\n\0]/.test(text) && text.isWellFormed());
    const keys = await Promise.all(kinds.map((kind) => parsePrivateKey(privateKeys[kind])));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...keys),
        comments,
        fc.option(fc.string({ minLength: 1 }).filter((text) => text.isWellFormed())),
        async (key, comment, secret) => {
          const passphrase = secret === null ? {} : { passphrase: secret };
          const text = await formatPpk(key, { comment, ...quick, ...passphrase });
          const read = await parsePrivateKey(text, passphrase);
          assert.deepEqual(read.parts(), key.parts());
          assert.equal(read.comment, comment);
          assert.equal(text.includes("Key-Derivation"), secret !== null);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("each is encrypted anew, with as much work as PuTTY does", async () => {
    const key = await generateKey("ed25519");
    const [one, two] = await Promise.all([
      formatPpk(key, { passphrase, ...quick }),
      formatPpk(key, { passphrase, ...quick }),
    ]);
    assert.notEqual(one, two);
    const usual = await formatPpk(key, { passphrase, passes: 1 });
    assert.match(usual, /Argon2-Memory: 8192\r\nArgon2-Passes: 1\r\nArgon2-Parallelism: 1\r\n/);
  });

  it("what cannot be written is not", async () => {
    const key = await generateKey("ed25519");
    await assert.rejects(formatPpk(key, { comment: "a\nb" }), RangeError);
    for (const options of [{ memoryKib: 7 }, { memoryKib: 8.5 }, { passes: 0 }, { passes: NaN }]) {
      await assert.rejects(formatPpk(key, { passphrase, ...options }), RangeError);
    }
    const signal = AbortSignal.timeout(10);
    await assert.rejects(formatPpk(key, { passphrase, passes: 500, signal }), {
      name: "TimeoutError",
    });
  });

  it("any text that begins so gives a key or a KeyFormatError, and nothing else", async () => {
    const lines = fc.constantFrom(...ppks.ecdsa256Encrypted.trimEnd().split("\n"));
    const parts = fc.array(fc.oneof({ weight: 5, arbitrary: lines }, fc.string()));
    await fc.assert(fc.asyncProperty(parts, async (parts) => {
      const file = ["PuTTY-User-Key-File-3: ssh-ed25519", ...parts].join("\n");
      try {
        await parsePrivateKey(file, { passphrase, maxWorkKib: 200 });
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
      }
    }));
  });
});
