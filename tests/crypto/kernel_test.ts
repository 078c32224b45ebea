import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { chacha20orig } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { chachaInJavaScript } from "../../crypto/_chacha20_poly1305.ts";
import { withNode } from "../../crypto/_node_chacha20_poly1305.ts";
import { type NodeCrypto, nodeCrypto } from "../../crypto/_node_crypto.ts";
import { chachaKernel } from "../../crypto/kernel/chacha20_poly1305.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const TAG_BYTES = 16;

describe("ChaCha20-Poly1305 kernel", () => {
  const kernel = chachaKernel();
  assert.ok(kernel, "the kernel can be compiled here");

  function packetOf(length: number, seed: number): Uint8Array {
    return seededRandom(seed)(length + TAG_BYTES);
  }

  it("seals every length as the code in JavaScript does, and opens it again", () => {
    const key = seededRandom(1)(64);
    for (let length = 4; length <= 1100; length++) {
      const sequence = Math.imul(length, 0x9e3779b1) >>> 0;
      const plain = packetOf(length, length);
      const sealed = plain.slice();
      const expected = plain.slice();
      kernel.seal(key, sequence, sealed);
      chachaInJavaScript.seal(key, sequence, expected);
      assert.deepEqual(sealed, expected, `${length} bytes`);
      assert.equal(
        kernel.openLength(key, sequence, sealed.slice(0, 4)),
        new DataView(plain.buffer).getUint32(0),
      );
      const opened = kernel.open(key, sequence, sealed);
      assert.deepEqual(opened, plain.slice(4, length));
      assert.deepEqual(chachaInJavaScript.open(key, sequence, expected), opened);
      // A later packet does not change what has been handed out.
      kernel.open(key, sequence + 1, expected);
      assert.deepEqual(opened, plain.slice(4, length));
    }
  });

  it("agrees under any key and sequence number, on packets up to the largest", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.nat(0xffffffff),
        fc.integer({ min: 4, max: 300_000 }),
        (key, sequence, length) => {
          const sealed = packetOf(length, length);
          const expected = sealed.slice();
          kernel.seal(key, sequence, sealed);
          chachaInJavaScript.seal(key, sequence, expected);
          assert.ok(sealed.every((byte, index) => byte === expected[index]));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("takes Poly1305's accumulator through its largest values", () => {
    const key = new Uint8Array(64);
    for (const fill of [0x00, 0xff]) {
      for (let length = 4; length < 80; length++) {
        const sealed = new Uint8Array(length + TAG_BYTES).fill(fill);
        const expected = sealed.slice();
        kernel.seal(key, 0xffffffff, sealed);
        chachaInJavaScript.seal(key, 0xffffffff, expected);
        assert.deepEqual(sealed, expected);
      }
    }
  });

  it("authenticates what it has not encrypted, of the largest and the smallest values", () => {
    const bytes = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.nat(0xffffffff),
        fc.integer({ min: 4, max: 1100 }),
        fc.array(bytes, { minLength: 1, maxLength: 70 }),
        (key, sequence, length, pattern) => {
          const sealed = new Uint8Array(length + TAG_BYTES);
          for (let i = 4; i < length; i++) sealed[i] = pattern[i % pattern.length] ?? 0;
          // What JavaScript decrypts it to, it encrypts to it again.
          const expected = sealed.slice();
          chachaInJavaScript.seal(key, sequence, expected);
          expected.set(sealed.subarray(0, 4));
          chachaInJavaScript.seal(key, sequence, expected);
          kernel.sign(key, sequence, sealed);
          assert.deepEqual(sealed, expected);
          assert.ok(kernel.verify(key, sequence, sealed));
          sealed[length - 1] = (sealed[length - 1] ?? 0) ^ 0x80;
          assert.ok(!kernel.verify(key, sequence, sealed));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("refuses every flipped bit, and decrypts nothing then", () => {
    const key = seededRandom(3)(64);
    const sealed = packetOf(77, 4);
    kernel.seal(key, 5, sealed);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = sealed.slice();
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const before = altered.slice();
      assert.equal(kernel.open(key, 5, altered), null);
      assert.deepEqual(altered, before);
    }
  });

  it("seals and opens large packets as it does with ChaCha20 of node:crypto", () => {
    const packets = withNode(kernel, node);
    const key = seededRandom(5)(64);
    const names: string[] = [];
    for (const length of [4, 1000, 8175, 8176, 8177, 32_800, 100_000]) {
      const sequence = 0x80000000 + length;
      const plain = packetOf(length, length);
      const sealed = plain.slice();
      const expected = plain.slice();
      kernel.seal(key, sequence, expected);
      names.push(usedCipher(() => packets.seal(key, sequence, sealed)));
      assert.deepEqual(sealed, expected);
      names.push(usedCipher(() => {
        assert.deepEqual(packets.open(key, sequence, sealed), plain.slice(4, length));
      }));
      sealed[length - 1] = (sealed[length - 1] ?? 0) ^ 1;
      assert.equal(packets.open(key, sequence, sealed), null);
    }
    const [small, large] = [["", ""], ["chacha20", "chacha20"]];
    assert.deepEqual(names, [small, small, small, large, large, large, large].flat());
  });
});

let used = "";
let unfinished = 0;

function usedCipher(action: () => void): string {
  used = "";
  action();
  assert.equal(unfinished, 0);
  return used;
}

/** What OpenSSL takes as an IV: a counter of 32 bits, little-endian, and 12 bytes of a nonce. */
const node: NodeCrypto = {
  ...nodeCrypto() as NodeCrypto,
  createCipheriv(name, key, iv) {
    used = name;
    unfinished++;
    const counter = new DataView(iv.buffer, iv.byteOffset).getUint32(0, true);
    assert.deepEqual(iv.slice(4, 8), new Uint8Array(4));
    return {
      setAAD() {},
      setAuthTag() {},
      getAuthTag: () => assert.fail(),
      final() {
        unfinished--;
        return new Uint8Array(0);
      },
      update: (data) => chacha20orig(key, iv.slice(8), data, undefined, counter),
    };
  },
};
