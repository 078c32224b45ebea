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

  it("opens large packets as it does with ChaCha20 of OpenSSL, and refuses the same", () => {
    const packets = withNode(kernel, openSsl);
    const key = seededRandom(5)(64);
    const names: string[] = [];
    for (const length of [4, 1000, 8175, 8176, 8177, 32_800, 100_000]) {
      const sequence = 0x80000000 + length;
      const plain = packetOf(length, length);
      const sealed = plain.slice();
      packets.seal(key, sequence, sealed);
      names.push(usedOpenSsl(() => {
        assert.deepEqual(packets.open(key, sequence, sealed), plain.slice(4, length));
      }));
      sealed[length - 1] = (sealed[length - 1] ?? 0) ^ 1;
      assert.equal(packets.open(key, sequence, sealed), null);
    }
    assert.deepEqual(names, ["", "", "", "chacha20", "chacha20", "chacha20", "chacha20"]);
  });
});

let used = "";

function usedOpenSsl(action: () => void): string {
  used = "";
  action();
  return used;
}

/** What OpenSSL takes as an IV: a counter of 32 bits, little-endian, and 12 bytes of a nonce. */
const openSsl: NodeCrypto = {
  ...nodeCrypto() as NodeCrypto,
  createDecipheriv(name, key, iv) {
    used = name;
    const counter = new DataView(iv.buffer, iv.byteOffset).getUint32(0, true);
    assert.deepEqual(iv.slice(4, 8), new Uint8Array(4));
    return {
      setAAD() {},
      setAuthTag() {},
      getAuthTag: () => assert.fail(),
      final: () => assert.fail(),
      update: (data) => chacha20orig(key, iv.slice(8), data, undefined, counter),
    };
  },
};
