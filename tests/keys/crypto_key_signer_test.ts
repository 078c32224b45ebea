import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  cryptoKeySigner,
  generateKey,
  issueCertificate,
  parsePublicKey,
  parsePublicKeyLine,
  RsaPublicKey,
  verifyCertificate,
  withCertificate,
} from "../../keys/mod.ts";
import { formatPublicKeyLine } from "../../keys/public_key.ts";
import { makeCryptoKeys, webKeyKinds } from "../helpers/crypto_keys.ts";

const data = new TextEncoder().encode("a message");

describe("keys of WebCrypto's", () => {
  for (const { title, algorithm } of webKeyKinds) {
    it(`${title}: what the private one signs, which cannot be exported, is the public one's`, async () => {
      const keys = await makeCryptoKeys(title);
      assert.equal(keys.privateKey.extractable, false);
      const signer = await cryptoKeySigner(keys, { comment: "ada" });
      assert.deepEqual(signer.publicKey.algorithms, [algorithm]);
      const line = formatPublicKeyLine(signer.publicKey);
      assert.match(line, / ada$/);
      const signature = await signer.sign(algorithm, data);
      for (const key of [signer.publicKey, parsePublicKeyLine(line)]) {
        assert.equal(await key.verify(algorithm, data, signature), true);
        assert.equal(await key.verify(algorithm, data.subarray(1), signature), false);
      }
    });

    it(`${title}: signs with its own algorithm only, with a certificate too`, async () => {
      const signer = await cryptoKeySigner(await makeCryptoKeys(title));
      const certificate = await issueCertificate({
        key: parsePublicKey(signer.publicKey.blob),
        ca: await generateKey("ed25519"),
        role: "user",
        keyId: "",
        principals: ["ada"],
        validBefore: null,
      });
      const certified = withCertificate(signer, certificate);
      const [name = "", ...others] = certified.publicKey.algorithms;
      assert.deepEqual(others, []);
      assert.deepEqual(certified.publicKey.blob, certificate.blob);
      const signature = await certified.sign(name, data);
      assert.equal(await certificate.verify(name, data, signature), true);
      for (const other of ["ssh-rsa", "rsa-sha2-512", "rsa-sha2-256"]) {
        if (other === algorithm) continue;
        await assert.rejects(async () => await signer.sign(other, data), RangeError);
        await assert.rejects(
          async () => await certified.sign(`${other}-cert-v01@openssh.com`, data),
          RangeError,
        );
        assert.equal(await signer.publicKey.verify(other, data, signature), false);
      }
    });

    it(`${title}: certifies others`, async () => {
      const ca = await cryptoKeySigner(await makeCryptoKeys(title));
      const certificate = await issueCertificate({
        key: (await generateKey("ed25519")).publicKey,
        ca,
        role: "user",
        keyId: "",
        principals: ["ada"],
        validBefore: null,
      });
      assert.equal(certificate.signatureAlgorithm, algorithm);
      const verdict = await verifyCertificate(certificate, {
        role: "user",
        principals: "ada",
        trustedCas: [ca.publicKey],
      });
      assert.equal(verdict.accepted, true);
    });
  }

  it("of other algorithms, or for something else, are refused", async () => {
    const { subtle } = crypto;
    const rsa = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
    const use = ["sign", "verify"] as const;
    const [pss, sha1, p256, p384] = await Promise.all([
      subtle.generateKey({ name: "RSA-PSS", hash: "SHA-256", ...rsa }, false, use),
      subtle.generateKey({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-1", ...rsa }, false, use),
      subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, use),
      subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, false, use),
    ]);
    const refused: readonly [CryptoKeyPair, RegExp][] = [
      [pss, /it is of RSA-PSS SHA-256, and not of Ed25519/],
      [sha1, /it is of RSASSA-PKCS1-v1_5 SHA-1, and not of/],
      [{ ...p256, privateKey: p256.publicKey }, /not one that may sign/],
      [{ privateKey: p256.privateKey, publicKey: p384.publicKey }, /of another algorithm/],
      [{ privateKey: p256.privateKey, publicKey: p256.privateKey }, /cannot be exported/],
    ];
    for (const [keys, message] of refused) {
      await assert.rejects(cryptoKeySigner(keys), { name: "TypeError", message });
    }
  });

  it("of RSA verify with their own hash only", async () => {
    const key = await generateKey("rsa", { bits: 2048, seed: "a seed" });
    assert.ok(key.publicKey instanceof RsaPublicKey);
    const { modulus, publicExponent } = key.publicKey;
    const limited = new RsaPublicKey(modulus, publicExponent, { algorithms: ["rsa-sha2-256"] });
    for (const algorithm of ["rsa-sha2-512", "rsa-sha2-256"]) {
      const signature = await key.sign(algorithm, data);
      assert.equal(await key.publicKey.verify(algorithm, data, signature), true);
      const isOwn = algorithm === "rsa-sha2-256";
      assert.equal(await limited.verify(algorithm, data, signature), isOwn);
    }
  });

  it("that are too weak are refused", async () => {
    const keys = await crypto.subtle.generateKey(
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: 1024,
        publicExponent: Uint8Array.of(1, 0, 1),
      },
      false,
      ["sign", "verify"],
    );
    await assert.rejects(cryptoKeySigner(keys), { name: "KeyFormatError", message: /1024 bits/ });
  });
});
