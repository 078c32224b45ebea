import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { isProbablePrime } from "../../keys/_primes.ts";
import { describeKey, fingerprint } from "../../keys/fingerprint.ts";
import { type GeneratedKeyType, generateKey } from "../../keys/generate.ts";
import { samePublicKey } from "../../keys/public_key.ts";
import type { RsaParts } from "../../keys/types.ts";
import { toHex } from "../helpers/hex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

describe("generating keys", () => {
  const kinds: readonly (readonly [GeneratedKeyType, number | undefined, string])[] = [
    ["ed25519", undefined, "ED25519 256"],
    ["ecdsa", undefined, "ECDSA 256"],
    ["ecdsa", 384, "ECDSA 384"],
    ["ecdsa", 521, "ECDSA 521"],
    ["rsa", 2048, "RSA 2048"],
  ];
  for (const [type, bits, expected] of kinds) {
    it(`${expected}: is of that kind, has its comment, and signs`, async () => {
      const key = await generateKey(type, { comment: "c", ...(bits && { bits }) });
      const described = describeKey(key.publicKey);
      assert.equal(`${described.kind} ${described.bits}`, expected);
      assert.equal(key.comment, "c");
      const [algorithm] = key.publicKey.algorithms;
      assert.ok(algorithm);
      const data = new Uint8Array(10);
      const signature = await key.sign(algorithm, data);
      assert.equal(await key.publicKey.verify(algorithm, data, signature), true);
    });

    if (type === "rsa") continue; // its search for primes is under test below
    it(`${expected}: no two are the same`, async () => {
      const options = bits ? { bits } : {};
      const [a, b] = [await generateKey(type, options), await generateKey(type, options)];
      assert.equal(samePublicKey(a.publicKey, b.publicKey), false);
    });
  }

  // What people have made from their seeds must come out the same for ever.
  const seeded: readonly (readonly [GeneratedKeyType, number, string])[] = [
    ["ed25519", 256, "SHA256:L9Ogbj5VFGMcZ7tnxFbMP3zFhUE2gpw8MPTBYAu5ELc"],
    ["ecdsa", 256, "SHA256:r3KLy3aAYzc2YeqkRqdzGpQrZCqprsslkMXoJvsHivo"],
    ["ecdsa", 384, "SHA256:FBSTh8XxGhRmfqU/0uuTf48EcnJHtYVulwcYBXRzgqo"],
    ["ecdsa", 521, "SHA256:ehmiYkrop0T5snzuVXV+11m2FqdEgnwoF/qzLnNC3Qg"],
    ["rsa", 2048, "SHA256:JJuX21ttu/N2+/NxtBk/ZyvWk20l/r/Gc3uWtSHXF9c"],
  ];
  for (const [type, bits, expected] of seeded) {
    it(`${type} ${bits}: the same seed gives the same key`, async () => {
      const key = await generateKey(type, { bits, seed: "a seed" });
      assert.equal(fingerprint(key.publicKey), expected);
    });
  }

  it("a seed may be bytes as well; another seed gives another key", async () => {
    const key = (seed: string | Uint8Array) => generateKey("ed25519", { seed });
    const bytes = new TextEncoder().encode("a seed");
    assert.deepEqual((await key(bytes)).parts(), (await key("a seed")).parts());
    assert.notDeepEqual((await key("another")).parts(), (await key("a seed")).parts());
  });

  it("kinds and sizes do not share what a seed gives", async () => {
    const seed = "a seed";
    const ed25519 = (await generateKey("ed25519", { seed })).parts() as { seed: Uint8Array };
    const [p256, p384] = [256, 384].map(async (bits) =>
      (await generateKey("ecdsa", { seed, bits })).parts() as { scalar: Uint8Array }
    );
    const secrets = [ed25519.seed, (await p256)?.scalar, (await p384)?.scalar];
    const heads = secrets.map((secret) => toHex(secret?.subarray(0, 16) ?? new Uint8Array(0)));
    assert.equal(new Set(heads).size, 3);
  });

  it("an RSA key's primes have their full length, and 65537 is its exponent", async () => {
    const parts = (await generateKey("rsa", { bits: 2048, seed: "primes" })).parts() as RsaParts;
    assert.equal(toHex(parts.publicExponent), "010001");
    for (const prime of [parts.prime1, parts.prime2]) {
      assert.equal(prime.length, 128);
      assert.ok((prime[0] as number) >= 0xc0);
      assert.equal(isProbablePrime(BigInt(`0x${toHex(prime)}`), seededRandom(2)), true);
    }
  });

  it("an RSA key can do without WebCrypto", async () => {
    Object.defineProperty(crypto, "subtle", { value: undefined, configurable: true });
    try {
      const key = await generateKey("rsa", { bits: 2048 });
      assert.equal(describeKey(key.publicKey).bits, 2048);
    } finally {
      Reflect.deleteProperty(crypto, "subtle");
    }
  });

  it("the search for primes stops when it is told to", async () => {
    const signal = AbortSignal.timeout(20);
    const search = generateKey("rsa", { bits: 16384, seed: "a seed", signal });
    await assert.rejects(search, { name: "TimeoutError" });
  });

  it("what there is not is refused with what there is", async () => {
    await assert.rejects(generateKey("dsa" as GeneratedKeyType), {
      name: "RangeError",
      message: "Cannot generate key: the type dsa is not one of ed25519, ecdsa, rsa",
    });
    const sizes: readonly (readonly [GeneratedKeyType, number, string])[] = [
      ["ed25519", 512, "256"],
      ["ecdsa", 512, "256, 384, 521"],
      ["rsa", 1024, "the multiples of 16 from 2048 to 16384"],
      ["rsa", 2049, "the multiples of 16 from 2048 to 16384"],
      ["rsa", 16400, "the multiples of 16 from 2048 to 16384"],
      ["rsa", Number.NaN, "the multiples of 16 from 2048 to 16384"],
    ];
    for (const [type, bits, allowed] of sizes) {
      await assert.rejects(generateKey(type, { bits }), {
        name: "RangeError",
        message: `Cannot generate key: ${type} has no size of ${bits} bits, only ${allowed}`,
      });
    }
    for (const seed of ["", new Uint8Array(0)]) {
      await assert.rejects(generateKey("ed25519", { seed }), /the seed is empty/);
    }
  });
});

describe("the test for primes", () => {
  it("tells primes from other odd numbers", () => {
    const random = seededRandom(1);
    for (let n = 5n; n < 2000n; n += 2n) {
      let prime = true;
      for (let d = 3n; d * d <= n; d += 2n) if (n % d === 0n) prime = false;
      assert.equal(isProbablePrime(n, random), prime, `${n}`);
    }
  });

  it("is not fooled by Carmichael numbers, nor by strong pseudoprimes to small bases", () => {
    const random = seededRandom(1);
    for (const n of [561n, 41041n, 825265n, 321197185n, 3215031751n, 3825123056546413051n]) {
      assert.equal(isProbablePrime(n, random), false, `${n}`);
    }
    assert.equal(isProbablePrime(2n ** 521n - 1n, random), true);
    assert.equal(isProbablePrime(2n ** 523n - 1n, random), false);
  });
});
