import { cbc } from "@noble/ciphers/aes.js";
import { md5 } from "@noble/hashes/legacy.js";
import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  formatPkcs8,
  formatPpk,
  formatPrivateKey,
  KeyFormatError,
  parsePrivateKey,
  parsePublicKeyLine,
  type PrivateKey,
  SecurityKeyPrivateKey,
} from "../../keys/mod.ts";
import { formatPem, parsePem } from "../../keys/pem.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { toHex } from "../helpers/hex.ts";
import { securityKeys } from "./certificate_fixtures.ts";
import { privateKeys } from "./fixtures.ts";
import { ppks } from "./ppk_fixtures.ts";

const passphrase = "correct horse";
const quick = { passphrase, rounds: 1, iterations: 2, memoryKib: 64, passes: 1 };
/** What a file that says something else may take of time. */
const limits = { maxRounds: 2, maxIterations: 3000, maxMemoryKib: 20_000, maxWorkKib: 20_000 };

const [ed25519, ecdsa, rsa] = await Promise.all(
  [privateKeys.ed25519, privateKeys.ecdsa256, privateKeys.rsa].map((text) => parsePrivateKey(text)),
) as [PrivateKey, PrivateKey, PrivateKey];
const [skEd25519, skEcdsa] = [securityKeys.skEd25519, securityKeys.skEcdsa].map((line) => {
  const publicKey = parsePublicKeyLine(line).blob;
  return new SecurityKeyPrivateKey({ publicKey, flags: 1, keyHandle: utf8("a key's handle") });
}) as [SecurityKeyPrivateKey, SecurityKeyPrivateKey];

/** The traditional form, encrypted as OpenSSL does it. */
function traditional(text: string): string {
  const [block] = parsePem(text);
  assert.ok(block);
  const iv = new Uint8Array(16).fill(9);
  const key = md5(concat([utf8(passphrase), iv.subarray(0, 8)]));
  const lines = formatPem(block.label, cbc(key, iv).encrypt(block.bytes)).split("\n");
  const headers = ["Proc-Type: 4,ENCRYPTED", `DEK-Info: AES-128-CBC,${toHex(iv)}`, ""];
  return [lines[0], ...headers, ...lines.slice(1)].join("\n");
}

/** Every form, with a passphrase. */
const encrypted: Readonly<Record<string, string>> = {
  "OpenSSH's, Ed25519": await formatPrivateKey(ed25519, quick),
  "OpenSSH's, ECDSA": await formatPrivateKey(ecdsa, quick),
  "OpenSSH's, RSA": await formatPrivateKey(rsa, quick),
  "OpenSSH's, sk-ed25519": await formatPrivateKey(skEd25519, quick),
  "OpenSSH's, sk-ecdsa": await formatPrivateKey(skEcdsa, quick),
  "OpenSSH's, with a tag": await formatPrivateKey(ed25519, {
    ...quick,
    cipher: "aes256-gcm@openssh.com",
  }),
  "PKCS#8, Ed25519": await formatPkcs8(ed25519, quick),
  "PKCS#8, ECDSA": await formatPkcs8(ecdsa, quick),
  "PKCS#8, RSA": await formatPkcs8(rsa, quick),
  "PKCS#1": traditional(privateKeys.rsaPkcs1),
  "SEC 1": traditional(privateKeys.ecdsa256Sec1),
  "PuTTY's, Ed25519": await formatPpk(ed25519, quick),
  "PuTTY's, ECDSA": await formatPpk(ecdsa, quick),
  "PuTTY's, RSA": await formatPpk(rsa, quick),
  "PuTTY's of version 2": ppks.rsaVersion2Encrypted,
};

/** Every form, without one. */
const plain: Readonly<Record<string, string>> = {
  "OpenSSH's, Ed25519": privateKeys.ed25519,
  "OpenSSH's, ECDSA": privateKeys.ecdsa256,
  "OpenSSH's, RSA": privateKeys.rsa,
  "OpenSSH's, sk-ed25519": await formatPrivateKey(skEd25519),
  "OpenSSH's, sk-ecdsa": await formatPrivateKey(skEcdsa),
  "PKCS#8, Ed25519": privateKeys.ed25519Pkcs8,
  "PKCS#8, ECDSA": privateKeys.ecdsa256Pkcs8,
  "PKCS#8, RSA": await formatPkcs8(rsa),
  "PKCS#1": privateKeys.rsaPkcs1,
  "SEC 1": privateKeys.ecdsa256Sec1,
  "PuTTY's": ppks.ed25519,
  "PuTTY's of version 2": ppks.ed25519Version2,
};

/** What tells where something is wrong, or that it cannot be told. */
const PLACE =
  /\(at byte \d+\)|\bline \d+\b|the passphrase is wrong, or the file is damaged|\bMAC\b/;
const WRONG = "Cannot decrypt private key: the passphrase is wrong, or the file is damaged";

async function errorOf(text: string): Promise<KeyFormatError | null> {
  try {
    await parsePrivateKey(text, { passphrase, ...limits });
    return null;
  } catch (error) {
    assert.ok(error instanceof KeyFormatError, `${error}`);
    return error;
  }
}

for (const [name, text] of Object.entries(encrypted)) {
  describe(`an encrypted file in the form ${name}`, () => {
    it("opens with its passphrase, and says so if that is wrong or missing", async () => {
      const missing = {
        name: "KeyFormatError",
        message: /it needs a passphrase, and none is given$/,
      };
      await assert.rejects(parsePrivateKey(text), missing);
      await assert.rejects(parsePrivateKey(text, { passphrase: "" }), missing);
      for (const wrong of ["correct horse ", "Correct horse", "\0"]) {
        await assert.rejects(parsePrivateKey(text, { passphrase: wrong }), {
          name: "KeyFormatError",
          message: WRONG,
        });
      }
      const asked = () => Promise.resolve(utf8(passphrase));
      assert.ok(await parsePrivateKey(text, { passphrase: asked }));
    });
  });
}

for (const [kind, files] of [["an encrypted", encrypted], ["a plain", plain]] as const) {
  for (const [name, text] of Object.entries(files)) {
    describe(`${kind} file in the form ${name}`, () => {
      it("is refused with the place where it is cut", async () => {
        const blocks = parsePem(text);
        const [block] = blocks;
        const cut: string[] = [];
        if (block === undefined) {
          const lines = text.trimEnd().split("\n");
          for (let count = 1; count < lines.length; count++) {
            cut.push(lines.slice(0, count).join("\n"));
          }
        } else {
          const step = Math.ceil(block.bytes.length / 40);
          const headers = text.split("\n").slice(1).filter((line) => line.includes(":"));
          for (let length = 0; length < block.bytes.length; length += step) {
            const [first, ...rest] = formatPem(block.label, block.bytes.subarray(0, length)).split(
              "\n",
            );
            cut.push([first, ...headers, ...rest].join("\n"));
          }
          cut.push(text.slice(0, -10));
        }
        for (const [index, damaged] of cut.entries()) {
          const error = await errorOf(damaged);
          assert.match(error?.message ?? "it was read", PLACE, `cut ${index}`);
        }
      });

      it("is refused with the place, or read as a key, where a character is another", async () => {
        const step = Math.ceil(text.length / 60);
        let refused = 0;
        for (let at = 0; at < text.length; at += step) {
          const other = text[at] === "A" ? "B" : "A";
          const error = await errorOf(text.slice(0, at) + other + text.slice(at + 1));
          if (error === null) continue;
          assert.match(error.message, /^Cannot (read|decrypt|use) /);
          refused++;
        }
        assert.ok(refused > 30, `${refused}`);
      });
    });
  }
}
