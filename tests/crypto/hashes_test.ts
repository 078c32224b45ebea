import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { sha256 as noble256, sha384 as noble384, sha512 as noble512 } from "@noble/hashes/sha2.js";
import { sha256, sha384, sha512 } from "../../crypto/hashes.ts";
import { sha1 } from "../../crypto/insecure.ts";
import { toHex } from "../helpers/hex.ts";

describe("hashes", () => {
  const abc = new TextEncoder().encode("abc");

  it("give the digests of FIPS 180-4's example", () => {
    assert.equal(
      toHex(sha256.digest(abc)),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assert.equal(
      toHex(sha384.digest(abc)),
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" +
        "8086072ba1e7cc2358baeca134c825a7",
    );
    assert.equal(
      toHex(sha512.digest(abc)),
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    );
    assert.equal(toHex(sha1.digest(abc)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  });

  it("agree with WebCrypto under the names they carry", async () => {
    for (const hash of [sha1, sha256, sha384, sha512]) {
      const data = new Uint8Array(1000).fill(7);
      const expected = new Uint8Array(await crypto.subtle.digest(hash.name, data));
      assert.deepEqual(hash.digest(data), expected);
      assert.equal(hash.digestBytes, expected.length);
    }
  });

  it("agree with those in JavaScript, and are nothing but bytes", () => {
    const pairs = [[sha256, noble256], [sha384, noble384], [sha512, noble512]] as const;
    for (const [hash, noble] of pairs) {
      for (const length of [0, 1, 63, 64, 1000]) {
        const digest = hash.digest(new Uint8Array(length).fill(length));
        assert.deepEqual(digest, noble(new Uint8Array(length).fill(length)));
        assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
      }
    }
  });
});
