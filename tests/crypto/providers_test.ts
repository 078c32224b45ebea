import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { createAesCtr, createNobleAesCtr, createNodeAesCtr } from "../../crypto/_aes_ctr.ts";
import { createAesGcm, createNobleAesGcm, createNodeAesGcm } from "../../crypto/_aes_gcm.ts";
import { nodeCrypto } from "../../crypto/_node_crypto.ts";
import { fromHex, toHex } from "../helpers/hex.ts";

const node = nodeCrypto();

describe("AES in counter mode", () => {
  const plain = fromHex(`
    6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710`);
  const counter = fromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");

  it("gives the ciphertexts of NIST SP 800-38A, F.5, however the blocks come", () => {
    const vectors = [
      [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff" +
        "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
      ],
      [
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94" +
        "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
      ],
      [
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5" +
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
      ],
    ] as const;
    for (const [key, expected] of vectors) {
      for (const split of [0, 16, 32, 64]) {
        for (const stream of streams(fromHex(key), counter)) {
          const parts = [plain.subarray(0, split), plain.subarray(split)];
          assert.equal(parts.map((part) => toHex(stream.xor(part))).join(""), expected);
        }
      }
    }
  });

  it("is the same from every provider, for every split into blocks, and where counters wrap", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16, 24, 32),
        fc.constantFrom("00", "ff"),
        fc.array(fc.nat(300), { minLength: 1, maxLength: 4 }),
        fc.nat(3),
        (keyBytes, high, blocks, offset) => {
          const iv = fromHex(high.repeat(15) + "fe");
          const [first, ...others] = streams(new Uint8Array(keyBytes).fill(3), iv).map((stream) =>
            blocks.map((count) => {
              const data = new Uint8Array(offset + count * 16).subarray(offset);
              return toHex(stream.xor(data));
            })
          );
          for (const other of others) assert.deepEqual(other, first);
        },
      ),
      { numRuns: 30 },
    );
  });

  function streams(key: Uint8Array, iv: Uint8Array) {
    return [
      createAesCtr(key, iv),
      createNobleAesCtr(key, iv),
      ...(node ? [createNodeAesCtr(node, key, iv)] : []),
    ];
  }
});

describe("AES-GCM", () => {
  // McGrew and Viega's test case 16.
  const key = fromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const nonce = fromHex("cafebabefacedbaddecaf888");
  const aad = fromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const plain = fromHex(`
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39`);
  const sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
  const sealedTag = "76fc6ece0f4e1768cddf8853bb2d551b";

  it("gives the ciphertext and the tag of its designers' test case 16, and takes them back", () => {
    for (const gcm of implementations(key)) {
      const data = plain.slice();
      const tag = new Uint8Array(16);
      gcm.seal(nonce, aad, data, tag);
      assert.equal(toHex(data), sealed);
      assert.equal(toHex(tag), sealedTag);
      assert.deepEqual(gcm.open(nonce, aad, data, tag), plain);
    }
  });

  it("refuses another nonce, other data and another tag, and leaves the data as it came", () => {
    for (const gcm of implementations(key)) {
      const data = fromHex(sealed);
      const tag = fromHex(sealedTag);
      assert.equal(gcm.open(nonce.map((byte) => byte ^ 1), aad, data, tag), null);
      assert.equal(gcm.open(nonce, aad.subarray(1), data, tag), null);
      assert.equal(gcm.open(nonce, aad, data, tag.map((byte) => byte ^ 0x80)), null);
      assert.equal(toHex(data), sealed);
    }
  });

  it("is the same from every provider", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16, 32),
        fc.uint8Array({ maxLength: 2000, size: "max" }),
        fc.nat(3),
        (keyBytes, message, offset) => {
          const results = implementations(new Uint8Array(keyBytes).fill(9)).map((gcm) => {
            const data = new Uint8Array(offset + message.length).subarray(offset);
            data.set(message);
            const tag = new Uint8Array(16);
            gcm.seal(nonce, aad.subarray(0, 4), data, tag);
            return toHex(data) + toHex(tag);
          });
          assert.equal(new Set(results).size, 1);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("gives what it seals in buffers of its own, where it is that of node:crypto", () => {
    const key = new Uint8Array(32).fill(1);
    const gcm = createNodeAesGcm(node ?? assert.fail("there is no node:crypto"), key);
    for (const length of [0, 16, 1000, 32_768]) {
      const plain = new Uint8Array(length).fill(5);
      const [nonce, aad] = [new Uint8Array(12).fill(2), new Uint8Array(4).fill(3)];
      const data = plain.slice();
      const [sealed, tag] = gcm.sealApart?.(nonce, aad, data) ?? assert.fail();
      assert.deepEqual(data, plain);
      const expectedTag = new Uint8Array(16);
      gcm.seal(nonce, aad, data, expectedTag);
      assert.deepEqual(toHex(sealed), toHex(data));
      assert.deepEqual(toHex(tag), toHex(expectedTag));
    }
  });

  function implementations(key: Uint8Array) {
    return [
      createAesGcm(key),
      createNobleAesGcm(key),
      ...(node ? [createNodeAesGcm(node, key)] : []),
    ];
  }
});
