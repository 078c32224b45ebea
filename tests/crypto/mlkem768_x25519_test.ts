import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "@std/testing/bdd";
import { x25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { shake128 } from "@noble/hashes/sha3.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { agreesWithItself, type PlatformKem } from "../../crypto/_kem.ts";
import { type NodeKemCrypto, nodeMlkem768 } from "../../crypto/_node_mlkem768.ts";
import { webMlkem768 } from "../../crypto/_web_mlkem768.ts";
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

  it("agrees, whichever end has the platform's and which the one in JavaScript", async () => {
    for (
      const [one, other] of [[platformRandom, seededRandom(6)], [seededRandom(6), platformRandom]]
    ) {
      assert.ok(one && other);
      const client = await mlkem768X25519.start(one);
      const server = await mlkem768X25519.respond(client.share, other);
      assert.equal(toHex(await client.finish(server.share)), toHex(server.secret));
    }
  });

  it("refuses shares on the platform's randomness as it does from a seed", async () => {
    const client = await mlkem768X25519.start(platformRandom);
    const wrongKey = client.share.slice().fill(0xff, 0, 3);
    const wrong = [wrongKey, resized(client.share, 1184), client.share.slice().fill(0, 1184)];
    for (const share of wrong) {
      await assert.rejects(
        async () => await mlkem768X25519.respond(share, platformRandom),
        isRefusal,
      );
    }
    const server = await mlkem768X25519.respond(client.share, platformRandom);
    for (const share of [resized(server.share, 1088), server.share.slice().fill(0, 1088)]) {
      await assert.rejects(async () => await client.finish(share), isRefusal);
    }
    const changed = server.share.slice();
    changed[500] = (changed[500] ?? 0) ^ 1;
    assert.notDeepEqual(await client.finish(changed), server.secret);
  });

  it("does not agree over a ciphertext that was changed", () => {
    const { client, server } = run(5);
    const share = server.share.slice();
    share[500] = (share[500] ?? 0) ^ 1;
    assert.notDeepEqual(client.finish(share), server.secret);
  });
});

describe("ML-KEM-768 of a platform", () => {
  const kems: readonly (readonly [string, PlatformKem])[] = [
    ["WebCrypto", webMlkem768],
    ["node:crypto", nodeMlkem768(nodeCryptoWithKem())],
  ];
  for (const [name, kem] of kems) {
    it(`${name}: is that of FIPS 203, in bytes that are nothing but bytes`, async () => {
      assert.ok(await agreesWithItself(kem));
      const key = await kem.generate();
      assert.equal(key.publicKey.length, 1184);
      const theirs = ml_kem768.encapsulate(key.publicKey);
      const opened = await key.decapsulate(theirs.cipherText);
      assert.deepEqual(opened, theirs.sharedSecret);

      const own = ml_kem768.keygen();
      const { ciphertext, secret } = await kem.encapsulate(own.publicKey);
      assert.deepEqual(secret, ml_kem768.decapsulate(ciphertext, own.secretKey));
      for (const bytes of [key.publicKey, opened, ciphertext, secret]) {
        assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
      }
    });
  }

  it("is not used if it does not check keys, opens nothing, or is not there", async () => {
    const good = nodeMlkem768(nodeCryptoWithKem());
    const key = await good.generate();
    const fixed = await good.encapsulate(key.publicKey);
    assert.equal(await agreesWithItself({ generate: () => key, encapsulate: () => fixed }), false);
    const other = await good.generate();
    assert.equal(
      await agreesWithItself({
        generate: () => ({ ...key, decapsulate: other.decapsulate }),
        encapsulate: good.encapsulate,
      }),
      false,
    );
    const missing = () => Promise.reject(new TypeError("is not a function"));
    assert.equal(await agreesWithItself({ generate: missing, encapsulate: missing }), false);
  });
});

/** A `node:crypto` as that of Node 24 is, which takes keys in DER and gives Buffers. */
function nodeCryptoWithKem(): NodeKemCrypto {
  interface Key {
    readonly bytes: Uint8Array;
  }
  const head = Buffer.from("308204b2300b0609608648016503040402038204a100", "hex");
  const keyOf = (bytes: Uint8Array): Key => ({ bytes });
  return {
    generateKeyPairSync(_type, { publicKeyEncoding }) {
      assert.deepEqual(publicKeyEncoding, { format: "der", type: "spki" });
      const { publicKey, secretKey } = ml_kem768.keygen();
      return { publicKey: Buffer.concat([head, publicKey]), privateKey: keyOf(secretKey) };
    },
    createPublicKey({ key }) {
      assert.deepEqual(Buffer.from(key.subarray(0, head.length)), head);
      return keyOf(key.subarray(head.length));
    },
    encapsulate(key) {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate((key as Key).bytes);
      return { ciphertext: Buffer.from(cipherText), sharedKey: Buffer.from(sharedSecret) };
    },
    decapsulate: (key, ciphertext) =>
      Buffer.from(ml_kem768.decapsulate(ciphertext, (key as Key).bytes)),
  };
}

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
