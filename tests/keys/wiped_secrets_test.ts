import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type FileCipher, fileCiphers } from "../../keys/_file_ciphers.ts";
import { formatPkcs8, formatPpk, formatPrivateKey, parsePrivateKey } from "../../keys/mod.ts";
import { utf8 } from "../helpers/bytes.ts";
import { passphrase, privateKeys } from "./fixtures.ts";
import { ppks } from "./ppk_fixtures.ts";

const ed25519 = await parsePrivateKey(privateKeys.ed25519);

const files: Readonly<Record<string, string>> = {
  "OpenSSH's": await formatPrivateKey(ed25519, { passphrase, rounds: 1 }),
  "PKCS#8": privateKeys.ecdsa256Pkcs8Encrypted,
  "PKCS#8 with scrypt": privateKeys.ecdsa256Pkcs8Scrypt,
  "SEC 1": privateKeys.ecdsa256Sec1Encrypted,
  "PuTTY's": await formatPpk(ed25519, { passphrase, memoryKib: 8, passes: 1 }),
  "PuTTY's version 2": ppks.ed25519Version2Encrypted,
};

/** All the bytes that a text became while something was done. */
async function encodingsOf(text: string, act: () => Promise<unknown>): Promise<Uint8Array[]> {
  const { encode } = TextEncoder.prototype;
  const encodings: Uint8Array[] = [];
  TextEncoder.prototype.encode = function (input?: string) {
    const bytes = encode.call(this, input);
    if (input === text) encodings.push(bytes);
    return bytes;
  };
  try {
    await act();
  } finally {
    TextEncoder.prototype.encode = encode;
  }
  return encodings;
}

/** All that a cipher was given, and has made in the clear, while something was done. */
async function secretsOf(name: string, act: () => Promise<unknown>): Promise<Uint8Array[]> {
  const cipher = fileCiphers.find((cipher) => cipher.name === name) as {
    -readonly [K in keyof FileCipher]: FileCipher[K];
  };
  const { seal, open } = cipher;
  const secrets: Uint8Array[] = [];
  cipher.seal = (key, iv, plain) => {
    assert.ok(key.some((byte) => byte !== 0) && plain.some((byte) => byte !== 0));
    secrets.push(key, iv, plain);
    return seal(key, iv, plain);
  };
  cipher.open = (key, iv, sealed) => {
    assert.ok(key.some((byte) => byte !== 0));
    const plain = open(key, iv, sealed);
    secrets.push(key, iv, ...plain === null ? [] : [plain]);
    return plain;
  };
  try {
    await act();
  } finally {
    Object.assign(cipher, { seal, open });
  }
  return secrets;
}

function assertWiped(secrets: readonly Uint8Array[]): void {
  assert.ok(secrets.length > 0);
  for (const bytes of secrets) assert.ok(bytes.every((byte) => byte === 0), `${bytes}`);
}

describe("secrets", () => {
  const wrong = "not the passphrase";
  for (const [name, text] of Object.entries(files)) {
    it(`the passphrase of ${name} is wiped, be it right or wrong`, async () => {
      for (const given of [passphrase, wrong]) {
        const seen = await encodingsOf(given, async () => {
          const opening = parsePrivateKey(text, { passphrase: () => given });
          await (given === passphrase ? opening : assert.rejects(opening, /passphrase is wrong/));
        });
        assertWiped(seen);
      }
    });
  }

  it("the passphrase that a file is written with is wiped", async () => {
    for (
      const write of [
        () => formatPrivateKey(ed25519, { passphrase, rounds: 1 }),
        () => formatPkcs8(ed25519, { passphrase, iterations: 1 }),
        () => formatPpk(ed25519, { passphrase, memoryKib: 8, passes: 1 }),
      ]
    ) {
      assertWiped(await encodingsOf(passphrase, write));
    }
  });

  it("a passphrase in bytes is the caller's, and stays as it is", async () => {
    const bytes = utf8(passphrase);
    const text = await formatPrivateKey(ed25519, { passphrase: bytes, rounds: 1 });
    for (const given of [bytes, () => bytes]) {
      const key = await parsePrivateKey(text, { passphrase: given });
      assert.deepEqual(key.parts(), ed25519.parts());
    }
    assert.deepEqual(bytes, utf8(passphrase));
  });

  for (const { name } of fileCiphers) {
    it(`the key of ${name}, and what it has decrypted, are wiped`, async () => {
      let text = "";
      const rounds = 1;
      assertWiped(
        await secretsOf(name, async () => {
          text = await formatPrivateKey(ed25519, { passphrase, rounds, cipher: name });
        }),
      );
      assertWiped(
        await secretsOf(name, async () => {
          const key = await parsePrivateKey(text, { passphrase });
          assert.deepEqual(key.parts(), ed25519.parts());
        }),
      );
      assertWiped(
        await secretsOf(name, async () => {
          await assert.rejects(parsePrivateKey(text, { passphrase: wrong }));
        }),
      );
    });
  }
});
