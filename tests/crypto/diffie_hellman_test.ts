import assert from "node:assert/strict";
import { getDiffieHellman } from "node:crypto";
import { describe, it } from "@std/testing/bdd";
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js";
import {
  dhGroup14,
  dhGroup16,
  dhGroup18,
  diffieHellmanAgreement,
} from "../../crypto/diffie_hellman.ts";
import { chooseGroup, type Rfc3526Bits, rfc3526Group } from "../../crypto/diffie_hellman_groups.ts";
import { platformRandom } from "../../crypto/random.ts";
import type { KeyAgreement, KeyAgreementStart } from "../../crypto/types.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { toHex } from "../helpers/hex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const GROUPS: readonly (readonly [string, Rfc3526Bits, KeyAgreement])[] = [
  ["group 14", 2048, dhGroup14],
  ["group 16", 4096, dhGroup16],
  ["group 18", 8192, dhGroup18],
];

describe("groups of RFC 3526", () => {
  it("are those that OpenSSL has", () => {
    for (
      const [bits, name] of [
        [2048, "modp14"],
        [3072, "modp15"],
        [4096, "modp16"],
        [6144, "modp17"],
        [8192, "modp18"],
      ] as const
    ) {
      const { p, g } = rfc3526Group(bits);
      assert.equal(toHex(p), getDiffieHellman(name).getPrime("hex"));
      assert.deepEqual(g, Uint8Array.of(2));
    }
  });

  it("are chosen by size: the smallest that is not below the preferred, or else the largest", () => {
    const sizes: readonly (readonly [number, number, number, number])[] = [
      [2048, 2048, 8192, 2048],
      [2048, 3072, 8192, 3072],
      [2048, 3000, 8192, 3072],
      [2048, 7680, 8192, 8192],
      [1024, 1024, 2048, 2048],
      [2048, 8192, 8192, 8192],
      [2048, 7000, 8000, 6144],
      [0, 1 << 20, 1 << 20, 8192],
      [4096, 4096, 4096, 4096],
    ];
    for (const [min, preferred, max, expected] of sizes) {
      assert.equal(chooseGroup(min, preferred, max).p.length * 8, expected);
    }
  });

  it("are refused for sizes that nothing fits", () => {
    for (
      const [min, preferred, max] of [
        [0, 0, 0],
        [1024, 1024, 1024],
        [1 << 20, 1 << 20, 1 << 20],
        [8192, 4096, 8192],
        [2048, 8192, 4096],
        [2049, 2500, 3071],
      ] as const
    ) {
      assert.throws(
        () => chooseGroup(min, preferred, max),
        (error) =>
          error instanceof ProtocolError && error.code === DisconnectCode.KEY_EXCHANGE_FAILED,
      );
    }
  });
});

describe("Diffie-Hellman over integers", () => {
  for (const [name, bits, agreement] of GROUPS) {
    it(`${name}: both ends agree, with numbers as long as the modulus`, () => {
      const client = started(agreement, 1);
      const server = responded(agreement, client.share, 2);
      assert.equal(server.secret.length, bits / 8);
      assert.deepEqual(client.finish(server.share), server.secret);
      assert.equal(agreement.shareEncoding, "mpint");
      assert.equal(agreement.secretEncoding, "mpint");
    });

    it(`${name}: refuses 0, 1, p-1, p, p+1 and what is longer`, () => {
      const p = bytesToNumberBE(rfc3526Group(bits).p);
      const bytes = bits / 8;
      const wrong = [
        new Uint8Array(0),
        ...[0n, 1n, p - 1n, p, p + 1n].map((value) => numberToBytesBE(value, bytes)),
        new Uint8Array(bytes + 1).fill(1),
        new Uint8Array(200_000).fill(0xff),
      ];
      const client = started(agreement, 1);
      for (const share of wrong) {
        assert.throws(() => client.finish(share), isRefusal);
        assert.throws(() => agreement.respond(share, seededRandom(2)), isRefusal);
      }
    });

    it(`${name}: takes 2 and p-2, and a share without its leading zeros`, () => {
      const p = bytesToNumberBE(rfc3526Group(bits).p);
      for (const share of [Uint8Array.of(2), numberToBytesBE(p - 2n, bits / 8)]) {
        assert.equal(responded(agreement, share, 3).secret.length, bits / 8);
      }
    });
  }

  it("agrees with node:crypto", () => {
    const node = getDiffieHellman("modp14");
    const share = node.generateKeys();
    const server = responded(dhGroup14, new Uint8Array(share), 4);
    const secret = new Uint8Array(node.computeSecret(server.share));
    assert.equal(bytesToNumberBE(server.secret), bytesToNumberBE(secret));
  });

  it("makes another share each time, of an exponent of 320 bits for 2048", () => {
    const lengths: number[] = [];
    const random = (length: number) => {
      lengths.push(length * 8);
      return platformRandom(length);
    };
    const one = dhGroup14.start(random) as KeyAgreementStart;
    const two = dhGroup14.start(random) as KeyAgreementStart;
    assert.notDeepEqual(one.share, two.share);
    assert.deepEqual(lengths, [320, 320]);
  });

  it("works when the secret begins with a zero", () => {
    const client = started(dhGroup14, 5);
    for (let seed = 0;; seed++) {
      assert.ok(seed < 5000);
      const server = responded(dhGroup14, client.share, seed);
      if (server.secret[0] !== 0) continue;
      assert.deepEqual(client.finish(server.share), server.secret);
      break;
    }
  });
});

describe("a group of the server's choice", () => {
  it("is used like the known ones", () => {
    const agreement = diffieHellmanAgreement(rfc3526Group(3072));
    const client = started(agreement, 1);
    const server = responded(agreement, client.share, 2);
    assert.deepEqual(client.finish(server.share), server.secret);
    assert.equal(server.secret.length, 384);
  });

  it("may have a modulus whose bits are no multiple of eight", () => {
    const p = (1n << 2050n) + 1n;
    const group = { p: numberToBytesBE(p, 257), g: Uint8Array.of(3) };
    const agreement = diffieHellmanAgreement(group);
    const client = started(agreement, 1);
    const server = responded(agreement, client.share, 2);
    assert.deepEqual(client.finish(server.share), server.secret);
    assert.equal(server.secret.length, 257);
  });

  it("is refused when its modulus is too small, too large, or even", () => {
    const odd = (bits: number) =>
      numberToBytesBE((1n << BigInt(bits - 1)) + 1n, Math.ceil(bits / 8));
    const g = Uint8Array.of(2);
    for (const bits of [1, 8, 1024, 2047, 8193, 65536]) {
      assert.throws(() => diffieHellmanAgreement({ p: odd(bits), g }), isBadGroup, `${bits}`);
    }
    assert.throws(() => diffieHellmanAgreement({ p: new Uint8Array(0), g }), isBadGroup);
    assert.throws(
      () => diffieHellmanAgreement({ p: new Uint8Array(256).fill(0xfe), g }),
      isBadGroup,
    );
    const { p } = rfc3526Group(3072);
    assert.throws(() => diffieHellmanAgreement({ p, g }, { minBits: 4096 }), isBadGroup);
    assert.throws(() => diffieHellmanAgreement({ p, g }, { maxBits: 2048 }), isBadGroup);
  });

  it("is refused when its generator is not in 2..p-2, or has a small order", () => {
    const { p } = rfc3526Group(2048);
    const value = bytesToNumberBE(p);
    for (const g of [0n, 1n, value - 1n, value, value + 2n]) {
      assert.throws(() => diffieHellmanAgreement({ p, g: numberToBytesBE(g, 256) }), isBadGroup);
    }
    // Modulo this product, the generator's square is one.
    const factor = (1n << 1024n) + 1n;
    const product = factor * (factor + 2n);
    const g = factor + 1n;
    const agreement = diffieHellmanAgreement({
      p: numberToBytesBE(product, 257),
      g: numberToBytesBE(g, 257),
    });
    assert.equal(g * g % product, 1n);
    assert.throws(() => {
      // Every other exponent is even, and gives a share of one.
      for (let seed = 0; seed < 64; seed++) started(agreement, seed);
    }, isBadGroup);
  });
});

function started(agreement: KeyAgreement, seed: number): KeyAgreementStart {
  const start = agreement.start(seededRandom(seed));
  assert.ok(!(start instanceof Promise));
  return start;
}

function responded(agreement: KeyAgreement, share: Uint8Array, seed: number) {
  const response = agreement.respond(share, seededRandom(seed));
  assert.ok(!(response instanceof Promise));
  return response;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === DisconnectCode.KEY_EXCHANGE_FAILED &&
    error.message.startsWith("Cannot agree on a key with group ");
}

function isBadGroup(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === DisconnectCode.KEY_EXCHANGE_FAILED &&
    error.message.startsWith("Cannot take the server's group: ");
}
