import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { p256 } from "@noble/curves/nist.js";
import { createNodeCurve } from "../../crypto/_node_ecdh.ts";
import { createWebCurve, type WebCurveName } from "../../crypto/_web_ecdh.ts";
import { ecdhP256, ecdhP384, ecdhP521 } from "../../crypto/ecdh_nist.ts";
import { platformRandom } from "../../crypto/random.ts";
import type { KeyAgreement, RandomSource } from "../../crypto/types.ts";
import { x25519Agreement } from "../../crypto/x25519.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { fromHex, toHex } from "../helpers/hex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const AGREEMENTS: readonly {
  readonly name: string;
  readonly agreement: KeyAgreement;
  readonly shareBytes: number;
  readonly secretBytes: number;
}[] = [
  { name: "X25519", agreement: x25519Agreement, shareBytes: 32, secretBytes: 32 },
  { name: "P-256", agreement: ecdhP256, shareBytes: 65, secretBytes: 32 },
  { name: "P-384", agreement: ecdhP384, shareBytes: 97, secretBytes: 48 },
  { name: "P-521", agreement: ecdhP521, shareBytes: 133, secretBytes: 66 },
];

/** Both ways in which the arithmetic is done: in JavaScript, and by the platform where it can be. */
const RANDOMS: readonly (readonly [string, RandomSource])[] = [
  ["a seed", seededRandom(1)],
  ["the platform's randomness", platformRandom],
];

describe("key agreements on curves", () => {
  for (const { name, agreement, shareBytes, secretBytes } of AGREEMENTS) {
    for (const [clientFrom, clientRandom] of RANDOMS) {
      for (const [serverFrom, serverRandom] of RANDOMS) {
        it(`${name}: agree, the client on ${clientFrom}, the server on ${serverFrom}`, async () => {
          const client = await agreement.start(clientRandom);
          assert.equal(client.share.length, shareBytes);
          const server = await agreement.respond(client.share, serverRandom);
          assert.equal(server.share.length, shareBytes);
          assert.equal(server.secret.length, secretBytes);
          assert.equal(toHex(await client.finish(server.share)), toHex(server.secret));
        });
      }
    }

    it(`${name}: says how it is written`, () => {
      assert.equal(agreement.shareEncoding, "string");
      assert.equal(agreement.secretEncoding, "mpint");
    });

    it(`${name}: is done at once, and the same again, from a seed`, () => {
      const [one, two] = [1, 2].map(() => {
        const random = seededRandom(7);
        const client = agreement.start(random);
        assert.ok(!(client instanceof Promise));
        const server = agreement.respond(client.share, random);
        assert.ok(!(server instanceof Promise));
        return toHex(client.share) + toHex(server.share) + toHex(server.secret);
      });
      assert.equal(one, two);
    });

    if (name === "X25519" || name === "P-256") {
      it(`${name}: is done at once on the platform's randomness, by node:crypto`, () => {
        const client = agreement.start(platformRandom);
        assert.ok(!(client instanceof Promise));
        const server = agreement.respond(client.share, platformRandom);
        assert.ok(!(server instanceof Promise));
        assert.deepEqual(client.finish(server.share), server.secret);
      });
    }

    it(`${name}: makes another share each time on the platform's randomness`, async () => {
      const one = await agreement.start(platformRandom);
      const two = await agreement.start(platformRandom);
      assert.notEqual(toHex(one.share), toHex(two.share));
    });

    for (const [from, random] of RANDOMS) {
      it(`${name}: refuses shares of other lengths, on ${from}`, async () => {
        const { share } = await agreement.start(random);
        for (const length of [0, 1, shareBytes - 1, shareBytes + 1, 1000]) {
          const wrong = new Uint8Array(length);
          wrong.set(share.subarray(0, length));
          await refuses(agreement, wrong, random);
        }
      });
    }

    for (const [provider, curve] of platformCurves(name, secretBytes)) {
      it(`${name}: ${provider} and JavaScript agree`, async () => {
        for (let seed = 0; seed < 5; seed++) {
          const pair = await curve.generate();
          assert.ok(pair);
          const server = await agreement.respond(pair.share, seededRandom(seed));
          const secret = await pair.agree(server.share);
          assert.equal(toHex(secret), toHex(server.secret));
          assert.equal(Object.getPrototypeOf(secret), Uint8Array.prototype);
        }
      });
    }

    it(`${name}: works when the secret begins with a zero`, () => {
      for (let seed = 0;; seed++) {
        assert.ok(seed < 5000);
        const random = seededRandom(seed);
        const client = agreement.start(random);
        assert.ok(!(client instanceof Promise));
        const server = agreement.respond(client.share, random);
        assert.ok(!(server instanceof Promise));
        // P-521's x coordinates all begin with seven zero bits.
        if (server.secret[0] !== 0) continue;
        const secret = client.finish(server.share);
        assert.ok(!(secret instanceof Promise));
        assert.deepEqual(secret, server.secret);
        assert.equal(secret.length, secretBytes);
        const magnitude = secret.subarray(secret.findIndex((byte) => byte !== 0));
        assert.deepEqual(
          new Writer().mpint(secret).finish(),
          new Writer().mpint(magnitude).finish(),
        );
        break;
      }
    });
  }
});

describe("X25519", () => {
  it("gives the shares and the secret of RFC 7748, section 6.1", () => {
    const alice = fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const bob = fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const client = x25519Agreement.start(() => alice);
    assert.ok(!(client instanceof Promise));
    assert.equal(
      toHex(client.share),
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    );
    const server = x25519Agreement.respond(client.share, () => bob);
    assert.ok(!(server instanceof Promise));
    assert.equal(
      toHex(server.share),
      "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    );
    const secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert.equal(toHex(server.secret), secret);
    const finished = client.finish(server.share);
    assert.ok(!(finished instanceof Promise));
    assert.equal(toHex(finished), secret);
  });

  for (const [from, random] of RANDOMS) {
    it(`refuses shares of low order, on ${from}`, async () => {
      const lowOrder = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // The highest bit does not count.
        "0000000000000000000000000000000000000000000000000000000000000080",
      ];
      for (const share of lowOrder) await refuses(x25519Agreement, fromHex(share), random);
    });
  }
});

describe("key agreements on the curves of NIST", () => {
  it("give RFC 5903's shares and secret on P-256", () => {
    const i = fromHex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    const r = fromHex("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
    const client = ecdhP256.start(seedOf(i));
    assert.ok(!(client instanceof Promise));
    assert.equal(
      toHex(client.share),
      "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180" +
        "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
    );
    const server = ecdhP256.respond(client.share, seedOf(r));
    assert.ok(!(server instanceof Promise));
    assert.equal(
      toHex(server.secret),
      "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
    );
  });

  for (const [from, random] of RANDOMS) {
    it(`refuse what is no uncompressed point of the curve, on ${from}`, async () => {
      for (const { agreement, shareBytes } of AGREEMENTS.slice(1)) {
        const { share } = await agreement.start(random);
        const changed = (index: number, value: number) => {
          const copy = share.slice();
          copy[index] = value;
          return copy;
        };
        // Off the curve.
        await refuses(agreement, changed(shareBytes - 1, (share.at(-1) ?? 0) ^ 1), random);
        // Compressed, hybrid and infinite points.
        for (const first of [0, 1, 2, 3, 5, 6, 7, 0x84]) {
          await refuses(agreement, changed(0, first), random);
        }
        await refuses(agreement, new Uint8Array(1), random);
        await refuses(agreement, new Uint8Array(shareBytes), random);
        // Coordinates that are not reduced.
        await refuses(agreement, changed(1, 0xff).fill(0xff, 1), random);
        const zero = new Uint8Array(shareBytes);
        zero[0] = 4;
        await refuses(agreement, zero, random);
      }
    });
  }

  it("refuse a compressed share, which is of another length", async () => {
    const compressed = p256.getPublicKey(new Uint8Array(32).fill(1), true);
    await refuses(ecdhP256, compressed, platformRandom);
  });

  /** Seeds are reduced modulo the order minus one, and one is added: RFC 5903's keys, turned back. */
  function seedOf(privateKey: Uint8Array): RandomSource {
    return (length) => {
      const seed = new Uint8Array(length);
      seed.set(privateKey, length - privateKey.length);
      // No borrow: the last byte of both keys is not zero.
      seed[length - 1] = (seed[length - 1] ?? 0) - 1;
      return seed;
    };
  }
});

/** The ways in which this runtime can do a curve's arithmetic. */
function platformCurves(name: string, secretBytes: number) {
  const web = name as WebCurveName;
  return [
    ["WebCrypto", createWebCurve(web, secretBytes)],
    ...(web === "X25519" || web === "P-256"
      ? [["node:crypto", createNodeCurve(web)] as const]
      : []),
  ] as const;
}

/** The share is refused by both sides, with the code that the peer is to see. */
async function refuses(agreement: KeyAgreement, share: Uint8Array, random: RandomSource) {
  const isRefusal = (error: unknown) =>
    error instanceof ProtocolError && error.code === DisconnectCode.KEY_EXCHANGE_FAILED &&
    error.message.startsWith("Cannot agree on a key with ");
  const client = await agreement.start(random);
  await assert.rejects(async () => await client.finish(share), isRefusal);
  await assert.rejects(async () => await agreement.respond(share, random), isRefusal);
}
