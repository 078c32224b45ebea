import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { fromBase64 } from "../../crypto/base64.ts";
import { privateKeyFrom } from "../../keys/from_parts.ts";
import { generateKey } from "../../keys/generate.ts";
import { privateKeyCiphers } from "../../keys/openssh_format.ts";
import { formatPem, parsePem } from "../../keys/pem.ts";
import { formatPkcs8, formatPrivateKey, parsePrivateKey } from "../../keys/private_key.ts";
import { formatPublicKeyLine } from "../../keys/public_key.ts";
import type { PrivateKey, RsaParts } from "../../keys/types.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { passphrase, privateKeys, publicKeys } from "./fixtures.ts";

const label = "OPENSSH PRIVATE KEY";
const plain = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"] as const;

describe("private keys that OpenSSH and OpenSSL have written", () => {
  for (const name of plain) {
    it(`${name}: has the public half and the comment of its .pub file`, async () => {
      const key = await parsePrivateKey(privateKeys[name]);
      assert.equal(formatPublicKeyLine(key.publicKey), publicKeys[name]);
    });
  }

  const others = [
    ["ecdsa256Pkcs8", "ecdsa256"],
    ["ecdsa256Sec1", "ecdsa256"],
    ["rsaPkcs1", "rsa"],
    ["ecdsa256Pkcs8Encrypted", "ecdsa256"],
    ["ecdsa256Pkcs8Scrypt", "ecdsa256"],
    ["ecdsa256Sec1Encrypted", "ecdsa256"],
  ] as const;
  for (const [name, same] of others) {
    it(`${name}: is the same key as in OpenSSH's format, but has no comment`, async () => {
      const key = await parsePrivateKey(privateKeys[name], { passphrase });
      const expected = await parsePrivateKey(privateKeys[same]);
      assert.deepEqual(key.parts(), expected.parts());
      assert.equal(key.comment, "");
    });
  }

  it("ed25519Pkcs8: reads", async () => {
    const key = await parsePrivateKey(privateKeys.ed25519Pkcs8);
    assert.equal(key.publicKey.type, "ssh-ed25519");
  });

  it("bytes do as well as text, whatever the ends of the lines", async () => {
    const text = privateKeys.ed25519.replaceAll("\n", "\r\n");
    const key = await parsePrivateKey(new TextEncoder().encode(`\ufeff${text}`));
    assert.equal(formatPublicKeyLine(key.publicKey), publicKeys.ed25519);
  });

  it("a key does not show its secret when it is logged or turned into JSON", async () => {
    for (const name of plain) {
      const key = await parsePrivateKey(privateKeys[name]);
      assert.deepEqual(Object.getOwnPropertyNames(key), ["publicKey"]);
      assert.deepEqual(JSON.parse(JSON.stringify(key)), {
        publicKey: JSON.parse(JSON.stringify(key.publicKey)),
      });
    }
  });
});

describe("private keys out and in again", () => {
  for (const name of plain) {
    it(`${name}: is itself again, in OpenSSH's format and in PKCS#8`, async () => {
      const key = await parsePrivateKey(privateKeys[name]);
      const again = await parsePrivateKey(await formatPrivateKey(key));
      assert.deepEqual(again.parts(), key.parts());
      assert.equal(again.comment, key.comment);
      const pkcs8 = await parsePrivateKey(await formatPkcs8(key));
      assert.deepEqual(pkcs8.parts(), key.parts());
    });
  }

  it("what is written has the very form of what OpenSSH writes, but for the check numbers", async () => {
    for (const name of plain) {
      const written = await formatPrivateKey(await parsePrivateKey(privateKeys[name]));
      const [ours, theirs] = [written, privateKeys[name]].map((text) => content(text));
      assert.ok(ours && theirs);
      const checks = secretPartOffset(theirs);
      ours.fill(0, checks, checks + 8);
      theirs.fill(0, checks, checks + 8);
      assert.deepEqual(ours, theirs);
      assert.equal(written.split("\n")[1]?.length, 70);
    }
  });

  it("PKCS#8 and PKCS#1 are what OpenSSL writes", async () => {
    const key = await parsePrivateKey(privateKeys.ecdsa256);
    assert.equal(await formatPkcs8(key), privateKeys.ecdsa256Pkcs8);
    const ed25519 = await parsePrivateKey(privateKeys.ed25519Pkcs8);
    assert.equal(await formatPkcs8(ed25519), privateKeys.ed25519Pkcs8);
  });

  it("the comment can be another one", async () => {
    const key = await parsePrivateKey(privateKeys.ed25519);
    const again = await parsePrivateKey(await formatPrivateKey(key, { comment: "née Byron" }));
    assert.equal(again.comment, "née Byron");
    assert.equal(again.publicKey.comment, "née Byron");
  });

  it("any Ed25519 and ECDSA key with any comment and cipher is itself again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.constantFrom("ed25519", "ecdsa"),
        fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
        fc.constantFrom(...privateKeyCiphers),
        async (seed, type, comment, cipher) => {
          const key = await generateKey(type as "ed25519", { seed, comment });
          const options = { passphrase: "x", rounds: 1, cipher };
          for (const text of [await formatPrivateKey(key), await formatPrivateKey(key, options)]) {
            const again = await parsePrivateKey(text, { passphrase: "x" });
            assert.deepEqual(again.parts(), key.parts());
            assert.equal(again.comment, comment);
          }
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe("passphrases", () => {
  for (const cipher of privateKeyCiphers) {
    it(`${cipher}: opens with the right passphrase and not with a wrong one`, async () => {
      const key = await generateKey("ed25519", { comment: "c" });
      const text = await formatPrivateKey(key, { passphrase, cipher, rounds: 1 });
      const again = await parsePrivateKey(text, { passphrase });
      assert.deepEqual(again.parts(), key.parts());
      await assert.rejects(parsePrivateKey(text, { passphrase: "wrong" }), {
        name: "KeyFormatError",
        message: "Cannot decrypt private key: the passphrase is wrong, or the file is damaged",
      });
    });

    it(`${cipher}: a damaged file does not open`, async () => {
      const key = await generateKey("ed25519");
      const bytes = content(await formatPrivateKey(key, { passphrase, cipher, rounds: 1 }));
      // Within the first block of the secret part, and in the tag or the padding.
      for (const offset of [bytes.length - 1, secretPartOffset(bytes) + 1]) {
        const damaged = bytes.slice();
        damaged[offset] = (damaged[offset] as number) ^ 1;
        await assert.rejects(
          parsePrivateKey(formatPem(label, damaged), { passphrase }),
          KeyFormatError,
        );
      }
    });
  }

  const encrypted = [
    "ed25519Encrypted",
    "ecdsa256Pkcs8Encrypted",
    "ecdsa256Sec1Encrypted",
  ] as const;
  for (const name of encrypted) {
    it(`${name}: a passphrase that is missing, empty or wrong is said to be`, async () => {
      const missing = "Cannot decrypt private key: it needs a passphrase, and none is given";
      const text = privateKeys[name];
      await assert.rejects(parsePrivateKey(text), { name: "KeyFormatError", message: missing });
      await assert.rejects(parsePrivateKey(text, { passphrase: "" }), { message: missing });
      for (const wrong of ["correct horse ", "Correct horse", "x"]) {
        await assert.rejects(parsePrivateKey(text, { passphrase: wrong }), (error) => {
          assert.ok(error instanceof KeyFormatError);
          assert.match(error.message, /^Cannot decrypt private key: the passphrase is wrong/);
          assert.equal(error.message.includes(wrong), false);
          return true;
        });
      }
    });

    it(`${name}: is asked for when it is needed, as text or bytes`, async () => {
      const bytes = new TextEncoder().encode(passphrase);
      for (const given of [() => passphrase, () => Promise.resolve(bytes), bytes]) {
        assert.ok(await parsePrivateKey(privateKeys[name], { passphrase: given }));
      }
    });
  }

  it("nobody is asked for the passphrase of a key that has none", async () => {
    const ask = () => assert.fail("asked");
    for (const name of [...plain, "rsaPkcs1", "ecdsa256Pkcs8", "ecdsa256Sec1"] as const) {
      await parsePrivateKey(privateKeys[name], { passphrase: ask });
    }
  });

  it("PKCS#8 is encrypted and opened again", async () => {
    const key = await parsePrivateKey(privateKeys.rsa);
    const text = await formatPkcs8(key, { passphrase, iterations: 10 });
    assert.match(text, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    const again = await parsePrivateKey(text, { passphrase });
    assert.deepEqual(again.parts(), key.parts());
    await assert.rejects(parsePrivateKey(text, { passphrase: "wrong" }), /passphrase is wrong/);
  });

  it("an unknown cipher to encrypt with is refused with those that there are", async () => {
    const key = await parsePrivateKey(privateKeys.ed25519);
    await assert.rejects(formatPrivateKey(key, { passphrase, cipher: "3des-cbc" }), {
      name: "RangeError",
      message: "Cannot encrypt private key: 3des-cbc is not one of aes256-ctr, " +
        "aes256-gcm@openssh.com, chacha20-poly1305@openssh.com, aes192-ctr, aes128-ctr, " +
        "aes128-gcm@openssh.com, aes256-cbc, aes192-cbc, aes128-cbc",
    });
  });
});

describe("private keys from strangers", () => {
  const head = () => new Writer().raw(new TextEncoder().encode("openssh-key-v1\0"));
  const bcryptKey = (rounds: number) =>
    formatPem(
      label,
      head().string("aes256-ctr").string("bcrypt")
        .string(new Writer().string(new Uint8Array(16)).uint32(rounds).finish())
        .uint32(1).string("").string(new Uint8Array(16)).finish(),
    );

  it("a bcrypt cost of 2^31 is refused at once, before the passphrase is asked for", async () => {
    const ask = () => assert.fail("asked");
    for (const rounds of [2 ** 31, 2 ** 32 - 1, 1025, 0]) {
      await assert.rejects(parsePrivateKey(bcryptKey(rounds), { passphrase: ask }), {
        name: "KeyFormatError",
        message: `Cannot decrypt private key: it asks for ${rounds} rounds of bcrypt, ` +
          "and 1 to 1024 are allowed (the option maxRounds)",
      });
    }
    await assert.rejects(parsePrivateKey(bcryptKey(3), { passphrase, maxRounds: 2 }), /1 to 2 are/);
    await assert.rejects(parsePrivateKey(bcryptKey(2), { passphrase, maxRounds: 2 }), /wrong/);
  });

  it("so is a count of PBKDF2 iterations without end", async () => {
    const key = await parsePrivateKey(privateKeys.ed25519);
    const text = await formatPkcs8(key, { passphrase, iterations: 100 });
    await assert.rejects(parsePrivateKey(text, { passphrase, maxIterations: 99 }), {
      name: "KeyFormatError",
      message: "Cannot decrypt private key: it asks for 100 iterations of PBKDF2, " +
        "and 1 to 99 are allowed (the option maxIterations)",
    });
  });

  it("so is a cost of scrypt without end, in memory or in time", async () => {
    const text = privateKeys.ecdsa256Pkcs8Scrypt;
    const limits = { passphrase, maxMemoryKib: 1025, maxWorkKib: 1025 };
    assert.equal((await parsePrivateKey(text, limits)).publicKey.type, "ecdsa-sha2-nistp256");
    await assert.rejects(parsePrivateKey(text, { ...limits, maxMemoryKib: 1024 }), {
      name: "KeyFormatError",
      message: "Cannot decrypt private key: it asks for 1025 KiB of memory for scrypt, " +
        "and 1 to 1024 are allowed (the option maxMemoryKib)",
    });
    await assert.rejects(parsePrivateKey(text, { ...limits, maxWorkKib: 9 }), /maxWorkKib/);
    // The cost, a number of two bytes, stands behind the salt.
    const [{ bytes } = { bytes: new Uint8Array(0) }] = parsePem(text);
    const at = bytes.findIndex((byte, i) =>
      byte === 2 && bytes[i + 1] === 2 && bytes[i + 2] === 4 && bytes[i + 3] === 0
    );
    for (const cost of [[0, 0], [0, 1], [4, 1]]) {
      const changed = bytes.slice();
      changed.set(cost, at + 2);
      await assert.rejects(
        parsePrivateKey(formatPem("ENCRYPTED PRIVATE KEY", changed), { passphrase }),
        KeyFormatError,
      );
    }
  });

  it("a signal stops the work", async () => {
    const started = parsePrivateKey(bcryptKey(1000), {
      passphrase,
      signal: AbortSignal.timeout(20),
    });
    await assert.rejects(started, { name: "TimeoutError" });
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(parsePrivateKey(privateKeys.ed25519, { signal }), /enough/);
  });

  for (const name of [...plain, "ed25519Encrypted"] as const) {
    it(`${name}: cut anywhere, it is refused with the place`, async () => {
      const bytes = content(privateKeys[name]);
      for (let length = 0; length < bytes.length; length += bytes.length > 600 ? 7 : 1) {
        const text = formatPem(label, bytes.subarray(0, length));
        await assert.rejects(parsePrivateKey(text, { passphrase }), {
          name: "KeyFormatError",
          message: /^Cannot read OpenSSH private key: .* \(at byte \d+\)$/,
        });
      }
    });

    it(`${name}: every length in it that lies is refused`, async () => {
      const bytes = content(privateKeys[name]);
      const end = name === "ed25519Encrypted" ? secretPartOffset(bytes) : bytes.length;
      for (let offset = 15; offset + 4 < end; offset++) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const length = view.getUint32(offset);
        if (length === 0 || offset + 4 + length > bytes.length) continue;
        for (const lie of [2 ** 32 - 1, 2 ** 31, bytes.length]) {
          const damaged = bytes.slice();
          new DataView(damaged.buffer).setUint32(offset, lie);
          const parsing = parsePrivateKey(formatPem(label, damaged), { passphrase, maxRounds: 2 });
          await onlyKeyFormatError(parsing);
        }
      }
    });
  }

  for (const name of plain) {
    it(`${name}: with any one bit flipped it is refused, or still the same key`, async () => {
      const bytes = content(privateKeys[name]);
      const { publicKey } = await parsePrivateKey(privateKeys[name]);
      const step = bytes.length > 600 ? 11 : 1;
      for (let offset = 0; offset < bytes.length; offset += step) {
        const damaged = bytes.slice();
        damaged[offset] = (damaged[offset] as number) ^ (1 << offset % 8);
        const key = await onlyKeyFormatError(parsePrivateKey(formatPem(label, damaged)));
        if (key) assert.deepEqual(key.publicKey.blob, publicKey.blob);
      }
    });
  }

  for (const name of ["rsaPkcs1", "ecdsa256Sec1", "ecdsa256Pkcs8", "ed25519Pkcs8"] as const) {
    it(`${name}: cut or with a bit flipped, only a KeyFormatError comes of it`, async () => {
      const [block] = parsePem(privateKeys[name]);
      assert.ok(block);
      const { bytes } = block;
      const step = bytes.length > 300 ? 13 : 1;
      for (let offset = 0; offset < bytes.length; offset += step) {
        const cut = parsePrivateKey(formatPem(block.label, bytes.subarray(0, offset)));
        await assert.rejects(cut, { name: "KeyFormatError", message: /^Cannot read .*at byte \d/ });
        const damaged = bytes.slice();
        damaged[offset] = (damaged[offset] as number) ^ (1 << offset % 8);
        await onlyKeyFormatError(parsePrivateKey(formatPem(block.label, damaged)));
      }
    });
  }

  it("any content of any block gives a KeyFormatError", async () => {
    const labels = [label, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY"];
    await fc.assert(fc.asyncProperty(
      fc.constantFrom(...labels),
      fc.uint8Array({ maxLength: 100 }),
      fc.boolean(),
      async (label, bytes, withMagic) => {
        const all = withMagic ? head().raw(bytes).finish() : bytes;
        const text = formatPem(label, all);
        await assert.rejects(parsePrivateKey(text, { passphrase }), KeyFormatError);
      },
    ));
  });

  const files: readonly (readonly [string, Uint8Array, RegExp])[] = [
    [
      "an unknown cipher",
      head().string("3des-cbc").string("bcrypt").string("").uint32(1).string("").string("")
        .finish(),
      /cipher 3des-cbc is not one of none, aes256-ctr, /,
    ],
    [
      "an unknown key derivation",
      head().string("aes256-ctr").string("argon2").string("").uint32(1).string("").string("")
        .finish(),
      /key derivation argon2 is not bcrypt/,
    ],
    [
      "a key derivation without a cipher",
      head().string("none").string("bcrypt").string("").uint32(1).string("").string("").finish(),
      /key derivation bcrypt without a cipher/,
    ],
    [
      "several keys",
      head().string("none").string("none").string("").uint32(2).string("").string("").finish(),
      /2 keys in one file, and only 1 is supported/,
    ],
    [
      "a secret part that is not made of blocks",
      head().string("aes256-ctr").string("bcrypt").string("").uint32(1).string("").string("x")
        .finish(),
      /not made of blocks of 16 bytes/,
    ],
    [
      "an empty salt",
      head().string("aes256-ctr").string("bcrypt")
        .string(new Writer().string("").uint32(1).finish())
        .uint32(1).string("").string(new Uint8Array(16)).finish(),
      /the salt is empty/,
    ],
    [
      "check numbers that differ",
      unencrypted(new Writer().uint32(1).uint32(2)),
      /its two check numbers differ: the file is damaged/,
    ],
    [
      "a key of an unknown type",
      unencrypted(new Writer().uint32(1).uint32(1).string("ssh-dss")),
      /type ssh-dss is not one of ssh-ed25519, ecdsa-sha2-nistp256, .*, ssh-rsa/,
    ],
  ];
  for (const [what, bytes, message] of files) {
    it(`${what} is refused`, async () => {
      await assert.rejects(parsePrivateKey(formatPem(label, bytes), { passphrase }), {
        name: "KeyFormatError",
        message,
      });
    });
  }

  it("a public half of another key is refused, wherever it stands", async () => {
    const [one, other] = [await generateKey("ed25519"), await generateKey("ed25519")];
    const raw = (key: PrivateKey) => key.publicKey.blob.subarray(-32);
    const { seed } = one.parts() as { seed: Uint8Array };
    const secret = (first: PrivateKey, second: PrivateKey) =>
      new Writer().uint32(1).uint32(1).string("ssh-ed25519").string(raw(first))
        .string(new Writer().raw(seed).raw(raw(second)).finish()).string("");
    const cases = [
      [unencrypted(secret(other, other), other.publicKey.blob), /the public key before it is/],
      [unencrypted(secret(one, one), other.publicKey.blob), /the public key before it is another/],
      [unencrypted(secret(other, one), one.publicKey.blob), /the two public keys in it differ/],
    ] as const;
    for (const [bytes, message] of cases) {
      await assert.rejects(parsePrivateKey(formatPem(label, bytes)), { message });
    }
    assert.ok(
      await parsePrivateKey(
        formatPem(label, unencrypted(secret(one, one), one.publicKey.blob)),
      ),
    );
  });

  it("RSA numbers that do not belong together are refused by name", async () => {
    const parts = (await parsePrivateKey(privateKeys.rsa)).parts() as RsaParts;
    const names = [
      ["privateExponent", "privateExponent"],
      ["prime1", "primes"],
      ["prime2", "primes"],
      ["exponent1", "exponent1"],
      ["exponent2", "exponent2"],
      ["coefficient", "coefficient"],
    ] as const;
    for (const [name, said] of names) {
      const wrong = parts[name].slice();
      wrong[wrong.length - 1] = (wrong.at(-1) as number) ^ 2;
      assert.throws(() => privateKeyFrom({ ...parts, [name]: wrong }), {
        name: "KeyFormatError",
        message: `Cannot use RSA private key: its ${said} and the rest disagree`,
      });
      const huge = new Uint8Array(100_000).fill(0xff);
      assert.throws(() => privateKeyFrom({ ...parts, [name]: huge }), KeyFormatError);
    }
    assert.throws(
      () => privateKeyFrom({ ...parts, prime1: parts.modulus, prime2: new Uint8Array([1]) }),
      /primes/,
    );
  });

  it("ECDSA numbers of zero and of the order are refused", () => {
    for (const scalar of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(33)]) {
      assert.throws(() => privateKeyFrom({ kind: "ecdsa", curve: "nistp256", scalar }), {
        name: "KeyFormatError",
        message:
          "Cannot use ECDSA private key: its number is not between 1 and the order of nistp256",
      });
    }
  });

  const texts: readonly (readonly [string, string, RegExp])[] = [
    ["nothing", "", /there is no PEM block in it; supported are OPENSSH PRIVATE KEY, PRIVATE KEY/],
    ["a public key", publicKeys.ed25519, /it is a public key/],
    [
      "a certificate",
      formatPem("CERTIFICATE", new Uint8Array(3)),
      /there is only CERTIFICATE; supported are/,
    ],
    [
      "a block without an end",
      "\n-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
      /the block OPENSSH PRIVATE KEY, which begins in line 2, has no end/,
    ],
    [
      "a block that is not base64",
      "-----BEGIN PRIVATE KEY-----\nAAAA\nAA%A\n-----END PRIVATE KEY-----",
      /the block PRIVATE KEY is not base64 \(line 3\)/,
    ],
    ["two megabytes", "A".repeat(2 << 20), /2097152 characters, and at most 1048576/],
    [
      "an old cipher",
      privateKeys.ecdsa256Sec1Encrypted.replace("AES-128-CBC", "DES-EDE3-CBC"),
      /DEK-Info DES-EDE3-CBC with .* one of AES-128-CBC, AES-192-CBC, AES-256-CBC/,
    ],
  ];
  for (const [what, text, message] of texts) {
    it(`${what} instead of a private key is said to be that`, async () => {
      await assert.rejects(parsePrivateKey(text, { passphrase }), {
        name: "KeyFormatError",
        message,
      });
    });
  }

  it("other blocks before the key do not matter", async () => {
    const text = `EC parameters\n${formatPem("EC PARAMETERS", new Uint8Array([6, 0]))}` +
      privateKeys.ecdsa256Sec1;
    assert.equal((await parsePrivateKey(text)).publicKey.type, "ecdsa-sha2-nistp256");
  });
});

function content(text: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(text.replaceAll(/-----.*-----|\n/g, ""));
  assert.ok(bytes);
  return bytes;
}

function unencrypted(secret: Writer, publicBlob: Uint8Array = new Uint8Array(0)): Uint8Array {
  return new Writer().raw(new TextEncoder().encode("openssh-key-v1\0"))
    .string("none").string("none").string("").uint32(1)
    .string(publicBlob).string(secret.finish()).finish();
}

/** Where the secret part of an OpenSSH key begins. */
function secretPartOffset(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let offset = 15;
  for (let i = 0; i < 3; i++) offset += 4 + view.getUint32(offset);
  offset += 4;
  offset += 4 + view.getUint32(offset);
  return offset + 4;
}

async function onlyKeyFormatError(parsing: Promise<PrivateKey>): Promise<PrivateKey | null> {
  try {
    return await parsing;
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}
