import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  describeKey,
  fingerprint,
  fingerprintDigest,
  type FingerprintHash,
} from "../../keys/fingerprint.ts";
import { issueCertificate } from "../../keys/issue_certificate.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { randomart } from "../../keys/randomart.ts";
import { securityKeys } from "./certificate_fixtures.ts";
import { ed25519Shown, privateKeys, publicKeys } from "./fixtures.ts";

const key = parsePublicKeyLine(publicKeys.ed25519);

describe("fingerprints", () => {
  it("are what ssh-keygen prints", () => {
    assert.equal(fingerprint(key), ed25519Shown.sha256);
    assert.equal(fingerprint(key, "sha256"), ed25519Shown.sha256);
    assert.equal(fingerprint(key, "md5"), ed25519Shown.md5);
    assert.equal(fingerprintDigest(key, "sha256").length, 32);
  });

  it("do not depend on the comment", () => {
    const other = parsePublicKeyLine(`${publicKeys.ed25519} and more`);
    assert.equal(fingerprint(other), fingerprint(key));
  });

  it("of another hash are refused", () => {
    assert.throws(() => fingerprint(key, "sha1" as FingerprintHash), {
      name: "RangeError",
      message: "Cannot compute fingerprint: sha1 is not one of sha256, md5",
    });
  });

  it("go with the key's kind and size", () => {
    const described = Object.values(publicKeys).map((line) =>
      describeKey(parsePublicKeyLine(line))
    );
    assert.deepEqual(described.map(({ kind, bits }) => `${kind} ${bits}`), [
      "ED25519 256",
      "ED25519 256",
      "ECDSA 256",
      "ECDSA 384",
      "ECDSA 521",
      "RSA 2048",
    ]);
  });
});

describe("randomart", () => {
  it("is what ssh-keygen prints", () => {
    assert.equal(randomart(key), ed25519Shown.randomart);
  });

  it("names the hash and the size, in a frame that keeps its width", () => {
    const lines = randomart(parsePublicKeyLine(publicKeys.rsa), "md5").split("\n");
    assert.equal(lines[0], "+---[RSA 2048]----+");
    assert.equal(lines.at(-1), "+------[MD5]------+");
    assert.deepEqual(lines.map((line) => line.length), Array(11).fill(19));
  });

  it("leaves out the size, and then the last bracket, where there is no room for them", async () => {
    const titles: string[] = [];
    for (const line of [publicKeys.rsa, ...Object.values(securityKeys)]) {
      const certificate = await issueCertificate({
        key: parsePublicKeyLine(line),
        ca: await parsePrivateKey(privateKeys.ed25519),
        role: "user",
        keyId: "id",
        principals: ["ada"],
        validBefore: null,
      });
      const lines = randomart(certificate).split("\n");
      assert.deepEqual(lines.map((line) => line.length), Array(11).fill(19));
      titles.push(lines[0] ?? "");
    }
    assert.deepEqual(titles.sort(), [
      "+-[ECDSA-SK-CERT]-+",
      "+-[RSA-CERT 2048]-+",
      "+[ED25519-SK-CERT-+",
    ]);
  });
});
