import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { chacha20orig } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import {
  decodeRounded,
  decodeRq,
  decodeSmall,
  encodeRounded,
  encodeRq,
  encodeSmall,
} from "../../crypto/_sntrup761_encoding.ts";
import { multiplied, P, Q, quotient, reduced } from "../../crypto/_sntrup761_ring.ts";
import { randomShort, randomSmall, sort, W } from "../../crypto/_sntrup761_sampling.ts";
import { sha512 } from "../../crypto/hashes.ts";
import { platformRandom } from "../../crypto/random.ts";
import {
  SNTRUP761_CIPHERTEXT_BYTES,
  SNTRUP761_PUBLIC_KEY_BYTES,
  SNTRUP761_SECRET_KEY_BYTES,
  sntrup761Decapsulate,
  sntrup761Encapsulate,
  sntrup761Generate,
} from "../../crypto/sntrup761.ts";
import { sntrup761X25519 } from "../../crypto/sntrup761_x25519.ts";
import type { KeyAgreementStart, RandomSource } from "../../crypto/types.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { toHex } from "../helpers/hex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

describe("sntrup761", () => {
  it("gives the bytes of libntruprime 20260717, on the same randomness", () => {
    const keys = sntrup761Generate(chachaStream(0x22));
    assert.equal(
      fingerprint(keys.publicKey),
      "bc92de57574ba7c825bf7f310546295278f0486e9e363a72c9dfc85df1d2a415" +
        "8935c45e4feeb40c4ca091f9babdf0fdadd3d6e522e4e0313b98375a3415d503",
    );
    assert.equal(
      fingerprint(keys.secretKey),
      "015335858d8eb42323834c8ef4c87df577c260afc1faea0c7c2339031c8c7cf7" +
        "89378f4abd8e466eaafbaf20ef8439c4d61755651413794c815bdb47545db067",
    );
    const { ciphertext, secret } = sntrup761Encapsulate(keys.publicKey, chachaStream(0xa2));
    assert.equal(
      fingerprint(ciphertext),
      "2e5f3e01f88df0b161159852daf2c360b7c1fc92207b8b01d0bfd9a1e6889083" +
        "63032e791789e0e9e376695a965644a5a762c3045ba0866f13ef16d9e8514e56",
    );
    const expected = "cd2045e12ff3cb8e277d8250ce720e293dc43f90f1435d242b09f96206bfefdf";
    assert.equal(toHex(secret), expected);
    assert.equal(toHex(sntrup761Decapsulate(ciphertext, keys.secretKey)), expected);
    // What was not made for the key gives the secret of a rejection.
    const { length } = ciphertext;
    assert.equal(
      toHex(sntrup761Decapsulate(new Uint8Array(length), keys.secretKey)),
      "21f3272cef8967619f4b4e9239d4937cb4e3dc7d96db5ff4bd745d6bb4b81606",
    );
    assert.equal(
      toHex(sntrup761Decapsulate(new Uint8Array(length).fill(0xff), keys.secretKey)),
      "7d75962a76e96905fb639840e70993ef126f0358290fc90d634c515dfef382bb",
    );
  });

  it("opens what it has encapsulated, for key after key", () => {
    for (let seed = 0; seed < 10; seed++) {
      const { publicKey, secretKey } = sntrup761Generate(seededRandom(seed));
      assert.equal(publicKey.length, SNTRUP761_PUBLIC_KEY_BYTES);
      assert.equal(secretKey.length, SNTRUP761_SECRET_KEY_BYTES);
      const { ciphertext, secret } = sntrup761Encapsulate(publicKey, seededRandom(100 + seed));
      assert.equal(ciphertext.length, SNTRUP761_CIPHERTEXT_BYTES);
      assert.equal(secret.length, 32);
      assert.deepEqual(sntrup761Decapsulate(ciphertext, secretKey), secret);
    }
  });

  it("gives another secret for a ciphertext that was changed anywhere, always the same", () => {
    const { publicKey, secretKey } = sntrup761Generate(seededRandom(1));
    const { ciphertext, secret } = sntrup761Encapsulate(publicKey, seededRandom(2));
    for (const index of [0, 1, 500, 1006, 1007, 1020, 1038]) {
      const changed = ciphertext.slice();
      changed[index] = (changed[index] ?? 0) ^ 1;
      const rejected = sntrup761Decapsulate(changed, secretKey);
      assert.notDeepEqual(rejected, secret);
      assert.deepEqual(sntrup761Decapsulate(changed, secretKey), rejected);
    }
  });

  it("takes any bytes for a public key and a ciphertext, but of the right length", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed);
        sntrup761Encapsulate(random(SNTRUP761_PUBLIC_KEY_BYTES), random);
        sntrup761Decapsulate(random(SNTRUP761_CIPHERTEXT_BYTES), random(1763));
      }),
      { numRuns: 10 },
    );
    const random = seededRandom(3);
    for (const change of [-1, 1]) {
      const publicKey = random(SNTRUP761_PUBLIC_KEY_BYTES + change);
      assert.throws(() => sntrup761Encapsulate(publicKey, random), RangeError);
      const ciphertext = random(SNTRUP761_CIPHERTEXT_BYTES + change);
      assert.throws(() => sntrup761Decapsulate(ciphertext, random(1763)), RangeError);
      const secretKey = random(1763 + change);
      assert.throws(() => sntrup761Decapsulate(random(1039), secretKey), RangeError);
    }
  });
});

describe("sntrup761's parts", () => {
  const one = new Float64Array(P);
  one[0] = 1;

  it("reduce numbers to those nearest to zero", () => {
    for (const modulus of [3, Q]) {
      const half = (modulus - 1) / 2;
      for (const multiple of [-1e6, -1, 0, 1, 1e6]) {
        for (let value = -half; value <= half; value++) {
          assert.equal(reduced(value + multiple * modulus, modulus) + 0, value);
        }
      }
    }
  });

  it("multiply modulo x^761 - x - 1", () => {
    const x = new Float64Array(P);
    x[1] = 1;
    let power = one;
    for (let i = 0; i < P; i++) power = multiplied(power, x, Q);
    const expected = new Float64Array(P);
    expected[0] = expected[1] = 1;
    assert.deepEqual(power, expected);
  });

  it("divide, in both rings", () => {
    for (let seed = 0; seed < 5; seed++) {
      const short = randomShort(seededRandom(seed));
      const reciprocal = quotient(1, short, Q);
      assert.ok(reciprocal);
      assert.deepEqual(positiveZeros(multiplied(reciprocal, short, Q)), one);
      const small = randomSmall(seededRandom(seed));
      const smallReciprocal = quotient(1, small, 3);
      // Modulo 3 the ring is not a field; x^761 - x - 1 has two factors.
      if (smallReciprocal) {
        assert.deepEqual(positiveZeros(multiplied(smallReciprocal, small, 3)), one);
      }
    }
    assert.equal(quotient(1, new Float64Array(P), 3), null);
    assert.equal(quotient(1, new Float64Array(P), Q), null);
  });

  it("draw short polynomials of the right weight, and small ones evenly", () => {
    const short = randomShort(seededRandom(1));
    assert.equal(short.filter((value) => value !== 0).length, W);
    assert.ok(short.every((value) => value === -1 || value === 0 || value === 1));
    const counts = [0, 0, 0];
    for (let seed = 0; seed < 20; seed++) {
      for (const value of randomSmall(seededRandom(seed))) {
        counts[value + 1] = (counts[value + 1] ?? 0) + 1;
      }
    }
    for (const count of counts) assert.ok(Math.abs(count - 20 * P / 3) < 300, `${counts}`);
  });

  it("sort", () => {
    fc.assert(
      fc.property(
        fc.uint32Array({ minLength: 2, maxLength: 800, size: "max" }),
        (words) => {
          const sorted = words.slice();
          sort(sorted);
          assert.deepEqual(sorted, words.slice().sort());
        },
      ),
      { numRuns: 50 },
    );
  });

  it("write polynomials and read them back, up to the ends of their ranges", () => {
    const half = (Q - 1) / 2;
    const constant = (value: number) => new Float64Array(P).fill(value);
    const random = (modulus: number, factor = 1) => {
      const bytes = seededRandom(modulus)(P * 4);
      const view = new DataView(bytes.buffer);
      return new Float64Array(P).map((_, i) =>
        factor * (view.getUint32(4 * i) % modulus - (modulus - 1) / 2)
      );
    };
    for (const a of [constant(-half), constant(half), constant(0), random(Q)]) {
      assert.equal(encodeRq(a).length, 1158);
      assert.deepEqual(decodeRq(encodeRq(a)), a);
    }
    for (const a of [constant(-half), constant(half), constant(0), random(1531, 3)]) {
      assert.equal(encodeRounded(a).length, 1007);
      assert.deepEqual(decodeRounded(encodeRounded(a)), a);
    }
    for (const a of [constant(-1), constant(1), constant(0), random(3)]) {
      assert.equal(encodeSmall(a).length, 191);
      assert.deepEqual(decodeSmall(encodeSmall(a)), a);
    }
  });

  it("read any bytes as coefficients within their ranges", () => {
    for (const fill of [0, 0x55, 0xff]) {
      const rq = decodeRq(new Uint8Array(1158).fill(fill));
      assert.ok(rq.every((value) => Number.isInteger(value) && Math.abs(value) <= (Q - 1) / 2));
      const rounded = decodeRounded(new Uint8Array(1007).fill(fill));
      assert.ok(rounded.every((value) => value % 3 === 0 && Math.abs(value) <= (Q - 1) / 2));
    }
  });
});

describe("sntrup761 with X25519", () => {
  for (
    const [from, random] of [["a seed", seededRandom(1)], ["the platform", platformRandom]] as const
  ) {
    it(`both ends agree, on the randomness of ${from}`, async () => {
      const client = await sntrup761X25519.start(random);
      assert.equal(client.share.length, 1158 + 32);
      const server = await sntrup761X25519.respond(client.share, random);
      assert.equal(server.share.length, 1039 + 32);
      assert.equal(server.secret.length, 64);
      assert.equal(toHex(await client.finish(server.share)), toHex(server.secret));
    });
  }

  it("is made of the two shares in this order, and of the hash of the two secrets", () => {
    const drawn: Uint8Array[] = [];
    const source = seededRandom(2);
    const random: RandomSource = (length) => {
      const bytes = source(length);
      if (length === 32) drawn.push(bytes.slice());
      return bytes;
    };
    const client = sntrup761X25519.start(random) as KeyAgreementStart;
    const [clientKey] = drawn as [Uint8Array];
    const server = sntrup761X25519.respond(client.share, random);
    assert.ok(!(server instanceof Promise));
    const { publicKey, secretKey } = sntrup761Generate(seededRandom(2));
    assert.equal(
      toHex(client.share),
      toHex(publicKey) + toHex(x25519.getPublicKey(clientKey)),
    );
    const secret = sntrup761Decapsulate(server.share.slice(0, 1039), secretKey);
    const x25519Secret = x25519.getSharedSecret(clientKey, server.share.slice(1039));
    assert.deepEqual(server.secret, sha512.digest(Uint8Array.of(...secret, ...x25519Secret)));
    assert.equal(sntrup761X25519.shareEncoding, "string");
    assert.equal(sntrup761X25519.secretEncoding, "string");
  });

  it("refuses shares that are a byte short or long, and those of X25519 that are zero", () => {
    const client = sntrup761X25519.start(seededRandom(3)) as KeyAgreementStart;
    const server = sntrup761X25519.respond(client.share, seededRandom(4));
    assert.ok(!(server instanceof Promise));
    for (const length of [0, 32, 1158, 1189, 1191]) {
      assert.throws(
        () => sntrup761X25519.respond(resized(client.share, length), seededRandom(1)),
        isRefusal,
      );
    }
    for (const length of [0, 32, 1039, 1070, 1072]) {
      assert.throws(() => client.finish(resized(server.share, length)), isRefusal);
    }
    assert.throws(
      () => sntrup761X25519.respond(client.share.slice().fill(0, 1158), seededRandom(1)),
      isRefusal,
    );
    assert.throws(() => client.finish(server.share.slice().fill(0, 1039)), isRefusal);
  });
});

/** The key stream of ChaCha20 whose key is so many times one byte. */
function chachaStream(byte: number): RandomSource {
  const stream = chacha20orig(
    new Uint8Array(32).fill(byte),
    new Uint8Array(8),
    new Uint8Array(100_000),
  );
  let offset = 0;
  return (length) => new Uint8Array(stream.subarray(offset, offset += length));
}

function fingerprint(bytes: Uint8Array): string {
  return toHex(sha512.digest(bytes));
}

/** Reduction gives zeros of either sign. */
function positiveZeros(values: Float64Array): Float64Array {
  return values.map((value) => value + 0);
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === DisconnectCode.KEY_EXCHANGE_FAILED;
}
