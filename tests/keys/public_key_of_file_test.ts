import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  formatPkcs8,
  formatPrivateKey,
  formatPublicKeyLine,
  generateKey,
  KeyFormatError,
  publicKeyOfFile,
  samePublicKey,
} from "../../keys/mod.ts";

describe("the public key in a file of a private key", () => {
  it("is there without a passphrase in OpenSSH's format", async () => {
    for (const type of ["ed25519", "ecdsa"] as const) {
      const key = await generateKey(type);
      for (const options of [{}, { passphrase: "secret", rounds: 1 }]) {
        const found = publicKeyOfFile(await formatPrivateKey(key, options));
        assert.ok(found && samePublicKey(found, key.publicKey));
      }
    }
  });

  it("is not there in other formats, nor where there is no private key", async () => {
    const key = await generateKey("ed25519");
    assert.equal(publicKeyOfFile(await formatPkcs8(key)), null);
    assert.equal(publicKeyOfFile(formatPublicKeyLine(key.publicKey)), null);
    assert.equal(publicKeyOfFile(""), null);
  });

  it("is not made up where the file is broken", async () => {
    const file = await formatPrivateKey(await generateKey("ed25519"));
    const lines = file.split("\n");
    assert.throws(() => publicKeyOfFile([lines[0], lines.at(-2)].join("\n")), KeyFormatError);
    assert.throws(
      () => publicKeyOfFile(file.replace("b3BlbnNzaC1rZXk", "AAAAAAAAAAAAAAA")),
      KeyFormatError,
    );
  });
});
