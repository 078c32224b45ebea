import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { x25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { shake128 } from "@noble/hashes/sha3.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { mlkem768X25519 } from "../../crypto/mlkem768_x25519.ts";
import { platformRandom } from "../../crypto/random.ts";
import type { KeyAgreementStart, RandomSource } from "../../crypto/types.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { toHex } from "../helpers/hex.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

describe("ML-KEM-768", () => {
  it("gives the bytes of the Community Cryptography Test Vectors, accumulated 100 times", () => {
    const input = shake128.create({});
    const output = shake128.create({ dkLen: 32 });
    for (let i = 0; i < 100; i++) {
      const { publicKey, secretKey } = ml_kem768.keygen(input.xof(64));
      output.update(publicKey);
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, input.xof(32));
      output.update(cipherText).update(sharedSecret);
      assert.deepEqual(ml_kem768.decapsulate(cipherText, secretKey), sharedSecret);
      output.update(ml_kem768.decapsulate(input.xof(1088), secretKey));
    }
    assert.equal(
      toHex(output.digest()),
      "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415",
    );
  });
});

describe("ML-KEM-768 with X25519", () => {
  for (
    const [from, random] of [["a seed", seededRandom(1)], ["the platform", platformRandom]] as const
  ) {
    it(`both ends agree, on the randomness of ${from}`, async () => {
      const client = await mlkem768X25519.start(random);
      assert.equal(client.share.length, 1184 + 32);
      const server = await mlkem768X25519.respond(client.share, random);
      assert.equal(server.share.length, 1088 + 32);
      assert.equal(server.secret.length, 32);
      assert.equal(toHex(await client.finish(server.share)), toHex(server.secret));
    });
  }

  it("is made of the two shares in this order, and of the hash of the two secrets", () => {
    const { client, server, drawn } = run(2);
    const [kemSeed, clientKey, message, serverKey] = drawn as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const { publicKey } = ml_kem768.keygen(kemSeed);
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, message);
    assert.equal(
      toHex(client.share),
      toHex(publicKey) + toHex(x25519.getPublicKey(clientKey)),
    );
    assert.equal(
      toHex(server.share),
      toHex(cipherText) + toHex(x25519.getPublicKey(serverKey)),
    );
    const x25519Secret = x25519.getSharedSecret(serverKey, x25519.getPublicKey(clientKey));
    assert.deepEqual(server.secret, sha256(Uint8Array.of(...sharedSecret, ...x25519Secret)));
    assert.equal(mlkem768X25519.shareEncoding, "string");
    assert.equal(mlkem768X25519.secretEncoding, "string");
  });

  it("refuses a key with a coefficient out of range", () => {
    const { client } = run(3);
    for (const [index, low, high] of [[0, 0x01, 0x0d], [1149, 0xff, 0xff]] as const) {
      // The first has 3329, which is q itself; the other 4095.
      const share = client.share.slice();
      share[index] = low;
      share[index + 1] = ((share[index + 1] ?? 0) & 0xf0) | (high & 0x0f);
      assert.throws(() => mlkem768X25519.respond(share, seededRandom(1)), isRefusal);
    }
    // 3328 is the largest that is allowed.
    const share = client.share.slice();
    share[0] = 0x00;
    share[1] = ((share[1] ?? 0) & 0xf0) | 0x0d;
    assert.ok(mlkem768X25519.respond(share, seededRandom(1)));
  });

  it("refuses shares that are a byte short or long, and those of X25519 that are zero", () => {
    const { client, server } = run(4);
    for (const length of [0, 32, 1184, client.share.length - 1, client.share.length + 1]) {
      const share = resized(client.share, length);
      assert.throws(() => mlkem768X25519.respond(share, seededRandom(1)), isRefusal);
    }
    for (const length of [0, 32, 1088, server.share.length - 1, server.share.length + 1]) {
      assert.throws(() => client.finish(resized(server.share, length)), isRefusal);
    }
    assert.throws(
      () => mlkem768X25519.respond(client.share.slice().fill(0, 1184), seededRandom(1)),
      isRefusal,
    );
    assert.throws(() => client.finish(server.share.slice().fill(0, 1088)), isRefusal);
  });

  it("does not agree over a ciphertext that was changed", () => {
    const { client, server } = run(5);
    const share = server.share.slice();
    share[500] = (share[500] ?? 0) ^ 1;
    assert.notDeepEqual(client.finish(share), server.secret);
  });
});

function run(seed: number) {
  const drawn: Uint8Array[] = [];
  const source = seededRandom(seed);
  const random: RandomSource = (length) => {
    const bytes = source(length);
    drawn.push(bytes.slice());
    return bytes;
  };
  const client = mlkem768X25519.start(random) as KeyAgreementStart;
  const server = mlkem768X25519.respond(client.share, random);
  assert.ok(!(server instanceof Promise));
  return { client, server, drawn };
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === DisconnectCode.KEY_EXCHANGE_FAILED;
}
