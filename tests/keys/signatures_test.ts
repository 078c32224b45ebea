import { p256 } from "@noble/curves/nist.js";
import { numberToBytesBE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { EcdsaPublicKey } from "../../keys/ecdsa.ts";
import { Ed25519PrivateKey, Ed25519PublicKey } from "../../keys/ed25519.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { RsaPublicKey } from "../../keys/rsa.ts";
import type { PrivateKey } from "../../keys/types.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { fromHex, toHex } from "../helpers/hex.ts";
import { privateKeys, publicKeys, rsaSha256OfData } from "./fixtures.ts";

const keys: readonly PrivateKey[] = await Promise.all(
  (["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"] as const)
    .map((name) => parsePrivateKey(privateKeys[name])),
);
const cases = keys.flatMap((key) =>
  key.publicKey.algorithms.map((algorithm) => ({ key, algorithm }))
);
const data = new TextEncoder().encode("data");

describe("signatures", () => {
  for (const { key, algorithm } of cases) {
    const { publicKey } = key;

    it(`${algorithm}: what is signed is verified by the public half, and changed data is not`, async () => {
      const signature = await key.sign(algorithm, data);
      assert.equal(new Reader(signature, "signature").name(), algorithm);
      assert.equal(await publicKey.verify(algorithm, data, signature), true);
      assert.equal(await publicKey.verify(algorithm, data.subarray(1), signature), false);
    });

    it(`${algorithm}: works the same without WebCrypto`, async () => {
      const signature = await key.sign(algorithm, data);
      await withoutWebCrypto(async () => {
        assert.equal(await publicKey.verify(algorithm, data, signature), true);
        assert.equal(await publicKey.verify(algorithm, data.subarray(1), signature), false);
        if (publicKey.type === "ssh-rsa") {
          await assert.rejects(async () => await key.sign(algorithm, data), {
            name: "TypeError",
            message: "Cannot sign with an RSA key: this runtime has no WebCrypto",
          });
        }
      });
      if (publicKey.type === "ssh-rsa") return;
      const fallback = await withoutWebCrypto(async () => await key.sign(algorithm, data));
      assert.equal(await publicKey.verify(algorithm, data, fallback), true);
    });

    it(`${algorithm}: a signature with any one bit flipped is not valid, and nothing is thrown`, async () => {
      const signature = await key.sign(algorithm, data);
      const step = Math.max(1, Math.floor(signature.length / 40));
      for (let i = 0; i < signature.length; i += step) {
        const damaged = signature.slice();
        damaged[i] = (damaged[i] as number) ^ (1 << i % 8);
        assert.equal(await publicKey.verify(algorithm, data, damaged), false, `byte ${i}`);
      }
    });

    it(`${algorithm}: a signature that is cut, or has something behind it, is not valid`, async () => {
      const signature = await key.sign(algorithm, data);
      for (let length = 0; length < signature.length; length += 7) {
        assert.equal(await publicKey.verify(algorithm, data, signature.subarray(0, length)), false);
      }
      const longer = new Writer().raw(signature).uint8(0).finish();
      assert.equal(await publicKey.verify(algorithm, data, longer), false);
    });

    it(`${algorithm}: any bytes at all are just not a signature`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
          assert.equal(await publicKey.verify(algorithm, data, bytes), false);
          const named = new Writer().string(algorithm).string(bytes).finish();
          assert.equal(await publicKey.verify(algorithm, data, named), false);
        }),
        { numRuns: 20 },
      );
    });

    it(`${algorithm}: a signature of any other algorithm than the agreed one is not valid`, async () => {
      const signature = await key.sign(algorithm, data);
      const raw = signature.subarray(4 + algorithm.length);
      for (const other of ["ssh-rsa", "ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256", ""]) {
        if (other === algorithm) continue;
        assert.equal(await publicKey.verify(other, data, signature), false);
        const relabelled = new Writer().string(other).raw(raw).finish();
        assert.equal(await publicKey.verify(algorithm, data, relabelled), false);
        assert.equal(await publicKey.verify(other, data, relabelled), false);
      }
    });

    it(`${algorithm}: another key's signature is not valid`, async () => {
      for (const other of keys) {
        if (other === key || !other.publicKey.algorithms.includes(algorithm)) continue;
        const signature = await other.sign(algorithm, data);
        assert.equal(await publicKey.verify(algorithm, data, signature), false);
      }
    });

    it(`${algorithm}: the data may be changed as soon as the call has returned`, async () => {
      const mine = data.slice();
      const signing = key.sign(algorithm, mine);
      mine.fill(0);
      const signature = await signing;
      assert.equal(await publicKey.verify(algorithm, data, signature), true);
      const copies = [data.slice(), signature.slice()] as const;
      const verifying = publicKey.verify(algorithm, ...copies);
      copies.forEach((copy) => copy.fill(0));
      assert.equal(await verifying, true);
    });
  }

  it("a key refuses to sign with what is not its algorithm, and says which ones are", async () => {
    for (const key of keys) {
      await assert.rejects(async () => await key.sign("ssh-rsa", data), {
        name: "RangeError",
        message: `Cannot sign with a key of type ${key.publicKey.type}: its algorithms are ` +
          `${key.publicKey.algorithms.join(", ")}, not ssh-rsa`,
      });
    }
  });

  it("Ed25519 is that of RFC 8032 section 7.1, test 2", async () => {
    const key = new Ed25519PrivateKey({
      seed: fromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
    });
    assert.equal(
      toHex(key.publicKey.raw),
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    );
    const expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    const signature = await key.sign("ssh-ed25519", fromHex("72"));
    assert.equal(toHex(signature).slice(-128), expected);
  });

  it("ECDSA verifies the signature of RFC 6979 appendix A.2.5, with and without WebCrypto", async () => {
    const key = new EcdsaPublicKey(
      "nistp256",
      fromHex(`04
        60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
        7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299`),
    );
    const r = fromHex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716");
    const s = fromHex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
    const signature = new Writer().string(key.type)
      .string(new Writer().mpint(r).mpint(s).finish()).finish();
    const sample = new TextEncoder().encode("sample");
    assert.equal(await key.verify(key.type, sample, signature), true);
    assert.equal(await withoutWebCrypto(() => key.verify(key.type, sample, signature)), true);
  });

  it("ECDSA refuses an r or s of zero, of the order, and one that is negative or padded", async () => {
    const key = await parsePublicKeyLine(publicKeys.ecdsa256);
    const order = fromHex(p256.Point.CURVE().n.toString(16));
    const one = new Uint8Array([1]);
    const pairs = [
      [new Uint8Array(0), one],
      [one, new Uint8Array(0)],
      [order, one],
      [one, order],
    ] as const;
    const inner = pairs.map(([r, s]) => new Writer().mpint(r).mpint(s).finish());
    inner.push(new Writer().string(new Uint8Array([0x80])).mpint(one).finish());
    inner.push(new Writer().string(new Uint8Array([0, 1])).mpint(one).finish());
    for (const rs of inner) {
      const signature = new Writer().string(key.type).string(rs).finish();
      const check = async () => await key.verify(key.type, data, signature);
      assert.equal(await check(), false);
      assert.equal(await withoutWebCrypto(check), false);
    }
  });

  it("RSA verifies what OpenSSL has signed, and that without its leading zeros", async () => {
    const key = parsePublicKeyLine(publicKeys.rsa);
    const raw = Uint8Array.from(atob(rsaSha256OfData), (c) => c.charCodeAt(0));
    const signature = new Writer().string("rsa-sha2-256").string(raw).finish();
    assert.equal(await key.verify("rsa-sha2-256", data, signature), true);

    const signer = await parsePrivateKey(privateKeys.rsa);
    // One signature in 256 begins with a zero; so one is soon found.
    for (let i = 0; i < 2000; i++) {
      const text = new TextEncoder().encode(`${i}`);
      const signed = await signer.sign("rsa-sha2-256", text);
      const bytes = signed.subarray(4 + "rsa-sha2-256".length + 4);
      if (bytes[0] !== 0) continue;
      const short = new Writer().string("rsa-sha2-256").string(bytes.subarray(1)).finish();
      assert.equal(await key.verify("rsa-sha2-256", text, short), true);
      return;
    }
    assert.fail("no signature began with a zero");
  });

  it("RSA verifies with keys that are too large for this runtime's WebCrypto", async () => {
    // A modulus made to fit the signature: s^3 - n is the encoded message (RFC 8017 section 9.2).
    const digestInfo = fromHex("3051300d060960864801650304020305000440");
    const tail = toHex(digestInfo) + toHex(sha512(data));
    const message = BigInt(`0x0001${"ff".repeat(1024 - 3 - tail.length / 2)}00${tail}`);
    let s = 3n << 2729n;
    if ((s ** 3n - message) % 2n === 0n) s += 1n;
    const modulus = numberToBytesBE(s ** 3n - message, 1024);
    const key = new RsaPublicKey(modulus, new Uint8Array([3]));
    assert.equal(key.bits, 8192);
    const signature = new Writer().string("rsa-sha2-512").string(numberToBytesBE(s, 1024)).finish();
    assert.equal(await key.verify("rsa-sha2-512", data, signature), true);
    assert.equal(await key.verify("rsa-sha2-512", data.subarray(1), signature), false);
  });

  it("an Ed25519 key that is no point verifies nothing", async () => {
    const key = new Ed25519PublicKey(new Uint8Array(32).fill(0xff));
    const signature = new Writer().string("ssh-ed25519").string(new Uint8Array(64)).finish();
    const check = () => key.verify("ssh-ed25519", data, signature);
    assert.equal(await check(), false);
    assert.equal(await withoutWebCrypto(check), false);
  });
});

/** Runs something as in a page that was not served over TLS. */
async function withoutWebCrypto<T>(body: () => Promise<T>): Promise<T> {
  Object.defineProperty(crypto, "subtle", { value: undefined, configurable: true });
  try {
    return await body();
  } finally {
    Reflect.deleteProperty(crypto, "subtle");
    assert.ok(crypto.subtle);
  }
}
