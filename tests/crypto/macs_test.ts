import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { createHmac, createNobleHmac, createNodeHmac, type HmacHash } from "../../crypto/_hmac.ts";
import { nodeCrypto } from "../../crypto/_node_crypto.ts";
import { hmacSha1, hmacSha1Etm } from "../../crypto/insecure.ts";
import { hmacSha256, hmacSha256Etm, hmacSha512, hmacSha512Etm } from "../../crypto/macs.ts";
import { fromHex, toHex } from "../helpers/hex.ts";

const HASHES: readonly (HmacHash & { readonly bytes: number })[] = [
  { hash: "sha1", nobleHash: sha1, bytes: 20 },
  { hash: "sha256", nobleHash: sha256, bytes: 32 },
  { hash: "sha512", nobleHash: sha512, bytes: 64 },
];

const MACS = [hmacSha256Etm, hmacSha512Etm, hmacSha256, hmacSha512, hmacSha1Etm, hmacSha1];

describe("HMAC", () => {
  it("gives the tags of RFC 4231 and RFC 2202, test case 2", () => {
    const tags = {
      sha1: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
      sha256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      sha512: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    };
    const key = new TextEncoder().encode("Jefe");
    const head = new TextEncoder().encode("what do ya want ");
    const data = new TextEncoder().encode("for nothing?");
    for (const hash of HASHES) {
      for (const hmac of implementations(hash, key)) {
        const tag = new Uint8Array(hash.bytes);
        hmac.sign(head, data, tag);
        assert.equal(toHex(tag), tags[hash.hash]);
      }
    }
  });

  it("is the same from every provider, for every key and length, message after message", () => {
    const anyBytes = fc.uint8Array({ maxLength: 2000, size: "max" });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200, size: "max" }),
        fc.array(anyBytes, { minLength: 1, maxLength: 3 }),
        (key, messages) => {
          for (const hash of HASHES) {
            const hmacs = implementations(hash, key);
            for (const message of messages) {
              const tags = hmacs.map((hmac) => {
                const tag = new Uint8Array(hash.bytes);
                hmac.sign(new Uint8Array([1, 2, 3, 4]), message, tag);
                return toHex(tag);
              });
              assert.equal(new Set(tags).size, 1);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("a packet's MAC", () => {
  it("is over the sequence number, big-endian, and the packet", () => {
    const key = new Uint8Array(32).fill(0x0b);
    const tag = new Uint8Array(32);
    hmacSha256.create(key).sign(0x01020304, fromHex("05060708"), tag);
    const expected = new Uint8Array(32);
    createNobleHmac({ hash: "sha256", nobleHash: sha256 }, key)
      .sign(new Uint8Array(0), fromHex("0102030405060708"), expected);
    assert.deepEqual(tag, expected);
  });

  it("verifies its own tag and no other", () => {
    for (const algorithm of MACS) {
      const mac = algorithm.create(new Uint8Array(algorithm.keyBytes).fill(1));
      assert.equal(mac.tagBytes, algorithm.tagBytes);
      const data = new Uint8Array(100);
      const tag = new Uint8Array(mac.tagBytes);
      mac.sign(5, data, tag);
      assert.ok(mac.verify(5, data, tag));
      assert.ok(!mac.verify(6, data, tag));
      assert.ok(!mac.verify(5, data.subarray(1), tag));
      assert.ok(!mac.verify(5, data, tag.subarray(1)));
      for (let bit = 0; bit < tag.length * 8; bit++) {
        const wrong = flipped(tag, bit);
        assert.ok(!mac.verify(5, data, wrong), `${algorithm.name}: bit ${bit}`);
      }
    }
  });

  it("refuses a key of another length", () => {
    assert.throws(() => hmacSha512.create(new Uint8Array(32)), {
      name: "RangeError",
      message: "Cannot key hmac-sha2-512: 32 bytes, but it takes 64",
    });
  });
});

function implementations(hash: HmacHash, key: Uint8Array) {
  const node = nodeCrypto();
  return [
    createHmac(hash, key),
    createNobleHmac(hash, key),
    ...(node ? [createNodeHmac(node, hash, key)] : []),
  ];
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
