import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { aes128Ctr, aes192Ctr, aes256Ctr } from "../../crypto/aes_ctr.ts";
import { aes128Gcm, aes256Gcm } from "../../crypto/aes_gcm.ts";
import { chacha20Poly1305 } from "../../crypto/chacha20_poly1305.ts";
import { hmacSha1, hmacSha1Etm } from "../../crypto/insecure.ts";
import { hmacSha256, hmacSha256Etm, hmacSha512, hmacSha512Etm } from "../../crypto/macs.ts";
import { plainOpener, plainSealer } from "../../crypto/plaintext.ts";
import type {
  CipherAlgorithm,
  CipherKeys,
  MacAlgorithm,
  PacketOpener,
  PacketSealer,
} from "../../crypto/types.ts";
import { fromHex, toHex } from "../helpers/hex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

interface Suite {
  readonly cipher: CipherAlgorithm;
  readonly mac?: MacAlgorithm;
}

const AEADS: readonly Suite[] = [
  { cipher: chacha20Poly1305 },
  { cipher: aes256Gcm },
  { cipher: aes128Gcm },
];

const SUITES: readonly Suite[] = [
  ...AEADS,
  ...[aes256Ctr, aes192Ctr, aes128Ctr].flatMap((cipher) =>
    [hmacSha256Etm, hmacSha512Etm, hmacSha256, hmacSha512, hmacSha1Etm, hmacSha1]
      .map((mac) => ({ cipher, mac }))
  ),
];

describe("ciphers", () => {
  for (const suite of SUITES) {
    const name = suite.mac ? `${suite.cipher.name} with ${suite.mac.name}` : suite.cipher.name;

    it(`${name}: opens what it has sealed, packet after packet, of every length`, () => {
      fc.assert(
        fc.property(
          fc.integer(),
          fc.array(fc.nat(3000), { minLength: 1, maxLength: 5 }),
          fc.nat(7),
          (seed, lengths, offset) => {
            const { sealer, opener } = pair(suite, seed);
            // The sequence number wraps on the way.
            let sequence = 0xfffffffe;
            for (const length of lengths) {
              const plain = packetOf(sealer, length);
              const packet = at(offset, withTag(plain, sealer.tagBytes));
              sealer.seal(packet, sequence);
              assert.notDeepEqual(packet.slice(4, plain.length), plain.slice(4));
              assert.deepEqual(openWhole(opener, packet, sequence), plain.slice(4));
              sequence = (sequence + 1) >>> 0;
            }
          },
        ),
        { numRuns: 10 },
      );
    });

    it(`${name}: refuses a packet with any bit flipped`, () => {
      const { sealer } = pair(suite, 1);
      const packet = withTag(packetOf(sealer, 20), sealer.tagBytes);
      sealer.seal(packet, 9);
      for (let bit = 0; bit < packet.length * 8; bit++) {
        const wrong = packet.slice();
        wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(openWhole(pair(suite, 1).opener, wrong, 9), null, `bit ${bit}`);
      }
      assert.notEqual(openWhole(pair(suite, 1).opener, packet, 9), null);
    });

    it(`${name}: refuses a packet that was repeated, dropped, or belongs to another key`, () => {
      const { sealer, opener } = pair(suite, 2);
      const packets = [0, 1, 2].map((sequence) => {
        const packet = withTag(packetOf(sealer, 20), sealer.tagBytes);
        sealer.seal(packet, sequence);
        return packet;
      });
      const [first, second, third] = packets as [Uint8Array, Uint8Array, Uint8Array];
      assert.notEqual(openWhole(opener, first.slice(), 0), null);
      assert.equal(openWhole(opener, first.slice(), 1), null);

      const other = pair(suite, 2).opener;
      openWhole(other, first.slice(), 0);
      assert.equal(openWhole(other, third, 1), null);

      assert.equal(openWhole(pair(suite, 3).opener, second, 0), null);
    });

    it(`${name}: refuses a packet that is shorter than a packet can be`, () => {
      const { opener } = pair(suite, 4);
      for (let length = 0; length < opener.tagBytes + 4; length++) {
        assert.equal(opener.open(new Uint8Array(length), 0), null);
      }
    });

    it(`${name}: refuses keys and IVs of another length`, () => {
      const keys = keysOf(suite, 5);
      const shortKey = { ...keys, key: keys.key.subarray(1) };
      const longIv = { ...keys, iv: new Uint8Array(keys.iv.length + 1) };
      for (const wrong of [shortKey, longIv]) {
        assert.throws(() => suite.cipher.createSealer(wrong), RangeError);
        assert.throws(() => suite.cipher.createOpener(wrong), RangeError);
      }
    });
  }

  it("keep their keys when the caller wipes its own", () => {
    for (const suite of SUITES) {
      const keys = keysOf(suite, 6);
      const sealer = suite.cipher.createSealer(keys);
      keys.key.fill(0);
      keys.iv.fill(0);
      keys.mac?.key.fill(0);
      const packet = withTag(packetOf(sealer, 600), sealer.tagBytes);
      sealer.seal(packet, 0);
      assert.notEqual(openWhole(pair(suite, 6).opener, packet, 0), null);
    }
  });

  it("hide the length where they can, and send it in the clear where they authenticate it", () => {
    for (const suite of SUITES) {
      const { sealer } = pair(suite, 7);
      const packet = withTag(packetOf(sealer, 20), sealer.tagBytes);
      const length = toHex(packet.subarray(0, 4));
      sealer.seal(packet, 0);
      const clear = suite.mac ? suite.mac.encryptThenMac : suite.cipher !== chacha20Poly1305;
      assert.equal(toHex(packet.subarray(0, 4)) === length, clear, suite.cipher.name);
    }
  });

  it("leave a packet encrypted when its tag is wrong", () => {
    for (const suite of SUITES) {
      // Only there is the MAC over what has to be decrypted first.
      if (suite.mac && !suite.mac.encryptThenMac) continue;
      const { sealer, opener } = pair(suite, 8);
      const packet = withTag(packetOf(sealer, 20), sealer.tagBytes);
      sealer.seal(packet, 0);
      packet[packet.length - 1] = (packet[packet.length - 1] ?? 0) ^ 1;
      const sealed = packet.slice();
      assert.equal(opener.open(packet, 0), null);
      assert.deepEqual(packet, sealed);
    }
  });

  it("of AES in counter mode need a MAC", () => {
    const { key, iv } = keysOf({ cipher: aes256Ctr }, 9);
    for (const make of [aes256Ctr.createSealer, aes256Ctr.createOpener]) {
      assert.throws(() => make({ key, iv }), {
        name: "TypeError",
        message: "Cannot key aes256-ctr: it needs a MAC",
      });
    }
  });
});

describe("chacha20-poly1305@openssh.com", () => {
  // draft-ietf-sshm-chacha20-poly1305, appendix A.
  const key = fromHex(`
    8bbff6855fc102338c373e73aac0c914f076a905b2444a32eecaffeae22becc5
    e9b7a7a5825a8249346ec1c28301cf394543fc7569887d76e168f37562ac0740`);
  const plain = fromHex(`00000048
    065e00000000000000384c6f72656d20697073756d20646f6c6f722073697420
    616d65742c20636f6e73656374657475722061646970697369 63696e6720656c
    69744e43e804dc6c`);
  const sealed = fromHex(`2c3ecce4
    a5bc05895bf07a7ba956b6c68829ac7c83b780b7000ecde745afc705bbc378ce
    03a280236b87b53bed5839662302b164b6286a48cd1e097138e3cb909b8b2b82
    9dd18d2a35ff82d995349e855bf02c298ef775f2d1a7e8b8`);

  it("seals the packet of the draft's example", () => {
    const packet = withTag(plain, 16);
    chacha20Poly1305.createSealer({ key, iv: new Uint8Array(0) }).seal(packet, 7);
    assert.equal(toHex(packet), toHex(sealed));
  });

  it("opens the packet of the draft's example", () => {
    const opener = chacha20Poly1305.createOpener({ key, iv: new Uint8Array(0) });
    const packet = sealed.slice();
    assert.equal(opener.openLength(packet.subarray(0, 4), 7), 0x48);
    assert.deepEqual(opener.open(packet, 7), plain.slice(4));
  });
});

describe("aes-gcm@openssh.com", () => {
  it("advances the last eight bytes of the IV alone, by one a packet", () => {
    const key = new Uint8Array(32).fill(1);
    for (
      const [iv, next] of [
        ["00010203 0000000000000000", "00010203 0000000000000001"],
        ["00010203 00000000ffffffff", "00010203 0000000100000000"],
        ["00010203 ffffffffffffffff", "00010203 0000000000000000"],
      ] as const
    ) {
      const running = aes256Gcm.createSealer({ key, iv: fromHex(iv) });
      const fresh = aes256Gcm.createSealer({ key, iv: fromHex(next) });
      running.seal(withTag(packetOf(running, 20), 16), 0);
      const second = withTag(packetOf(running, 40), 16);
      const expected = second.slice();
      running.seal(second, 1);
      fresh.seal(expected, 0);
      assert.deepEqual(second, expected, iv);
    }
  });
});

describe("plaintext", () => {
  it("leaves packets as they are", () => {
    const packet = packetOf(plainSealer, 20);
    const copy = packet.slice();
    plainSealer.seal(packet, 0);
    assert.deepEqual(packet, copy);
    assert.equal(plainOpener.openLength(packet, 0), packet.length - 4);
    const body = plainOpener.open(packet, 0);
    assert.deepEqual(body, packet.slice(4));
    assert.ok(body instanceof Uint8Array && body.buffer !== packet.buffer);
    assert.equal(plainSealer.tagBytes, 0);
    assert.equal(plainOpener.headBytes, 4);
  });
});

function keysOf({ cipher, mac }: Suite, seed: number): CipherKeys {
  const random = seededRandom(seed);
  const key = random(cipher.keyBytes);
  const iv = random(cipher.ivBytes);
  return mac ? { key, iv, mac: { algorithm: mac, key: random(mac.keyBytes) } } : { key, iv };
}

function pair(suite: Suite, seed: number): { sealer: PacketSealer; opener: PacketOpener } {
  const sealer = suite.cipher.createSealer(keysOf(suite, seed));
  const opener = suite.cipher.createOpener(keysOf(suite, seed));
  assert.deepEqual(
    [opener.blockBytes, opener.tagBytes, opener.padsLength],
    [sealer.blockBytes, sealer.tagBytes, sealer.padsLength],
  );
  return { sealer, opener };
}

/** A packet without its tag, padded as the protection wants it. */
function packetOf(protection: PacketSealer, payloadBytes: number): Uint8Array<ArrayBuffer> {
  const { blockBytes, padsLength } = protection;
  let length = 1 + payloadBytes + 4;
  while ((length + (padsLength ? 4 : 0)) % blockBytes !== 0) length++;
  const packet = new Uint8Array(4 + length).map((_, index) => index * 31);
  new DataView(packet.buffer).setUint32(0, length);
  return packet;
}

function withTag(plain: Uint8Array, tagBytes: number): Uint8Array {
  const packet = new Uint8Array(plain.length + tagBytes);
  packet.set(plain);
  return packet;
}

/** The same bytes, somewhere in a larger buffer. */
function at(offset: number, bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(offset + bytes.length);
  buffer.set(bytes, offset);
  return buffer.subarray(offset);
}

/** The opened packet behind its length, or null if the tag or the length is wrong. */
function openWhole(
  opener: PacketOpener,
  packet: Uint8Array,
  sequence: number,
): Uint8Array | null {
  const length = opener.openLength(packet.subarray(0, opener.headBytes), sequence);
  const body = opener.open(packet, sequence);
  assert.ok(!(body instanceof Promise));
  if (body === null) return null;
  assert.equal(length, packet.length - 4 - opener.tagBytes);
  assert.equal(body.length, length);
  // It is the caller's to keep, and what `slice` does is what it does everywhere.
  assert.equal(Object.getPrototypeOf(body), Uint8Array.prototype);
  assert.notEqual(body.buffer, packet.buffer);
  return body;
}
