import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createAesCtr } from "../../crypto/_aes_ctr.ts";
import { createAesGcm } from "../../crypto/_aes_gcm.ts";
import { createWebAesCtr } from "../../crypto/_web_aes_ctr.ts";
import { createWebAesGcm } from "../../crypto/_web_aes_gcm.ts";
import {
  aes128Ctr,
  aes128Gcm,
  aes256Ctr,
  aes256Gcm,
  type CipherKeys,
  hmacSha256Etm,
  type MacAlgorithm,
} from "../../crypto/mod.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

/** Small ones between large ones: the small are done at once, the large are not. */
const LENGTHS = [32_768, 16, 4096, 4080, 32, 32_768, 65_536, 48, 16, 8192];

describe("AES of WebCrypto", () => {
  it("is there, where the tests run", async () => {
    assert.ok(await createWebAesGcm(new Uint8Array(16)));
    assert.ok(await createWebAesCtr(new Uint8Array(32)));
  });

  it("in GCM gives what the synchronous one gives, and refuses what that refuses", async () => {
    const key = seededRandom(1)(32);
    const web = await createWebAesGcm(key);
    const sync = createAesGcm(key);
    const nonce = seededRandom(2)(12);
    const aad = seededRandom(3)(4);
    for (const length of [0, 1, 15, 16, 17, 1000, 32 * 1024]) {
      const data = seededRandom(length)(length);
      const expected = new Uint8Array(length + 16);
      expected.set(data);
      sync.seal(nonce, aad, expected.subarray(0, length), expected.subarray(length));
      assert.deepEqual(await web?.seal(nonce, aad, data), expected);
      assert.deepEqual(await web?.open(nonce, aad, expected), data);
      expected[0] = (expected[0] ?? 0) ^ 1;
      assert.equal(await web?.open(nonce, aad, expected), null);
    }
  });

  it("in counter mode gives what the synchronous one gives, where counters wrap too", async () => {
    for (const keyBytes of [16, 24, 32]) {
      const key = seededRandom(4)(keyBytes);
      const web = await createWebAesCtr(key);
      for (const last of [0, 0xff]) {
        const counter = new Uint8Array(16).fill(0xff);
        counter[15] = last;
        const data = seededRandom(5)(1600);
        assert.deepEqual(await web?.xor(counter, data), createAesCtr(key, counter).xor(data));
      }
    }
  });
});

describe("ciphers with WebCrypto", () => {
  for (const cipher of [aes128Gcm, aes256Gcm, aes128Ctr, aes256Ctr]) {
    const mac: MacAlgorithm | null = cipher.aead ? null : hmacSha256Etm;
    const random = seededRandom(6);
    const keys: CipherKeys = {
      key: random(cipher.keyBytes),
      // Counters wrap on the way.
      iv: new Uint8Array(cipher.ivBytes).fill(0xff, 1),
      ...(mac && { mac: { algorithm: mac, key: random(mac.keyBytes) } }),
    };

    it(`${cipher.name}: large packets in flight among small ones are sealed and opened as they are one by one`, async () => {
      // WebCrypto's keys are not ready before the next turn: these are sealed at once.
      const [sealer, opener] = [cipher.createSealer(keys), cipher.createOpener(keys)];
      const expected = packets(sealer.tagBytes);
      expected.forEach((packet, sequence) =>
        assert.equal(sealer.seal(packet, sequence), undefined)
      );
      const plain = packets(sealer.tagBytes);
      const bodies = expected.map((packet, sequence) => opener.open(packet.slice(), sequence));
      bodies.forEach((body, index) => {
        assert.deepEqual(body, plain[index]?.slice(4, 4 + (LENGTHS[index] ?? 0)));
      });

      const [later, laterOpener] = [cipher.createSealer(keys), cipher.createOpener(keys)];
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
      const sealed = packets(later.tagBytes);
      const sealing = sealed.map((packet, sequence) => later.seal(packet, sequence));
      assert.deepEqual(
        sealing.map((result) => result instanceof Promise),
        LENGTHS.map((length) => length >= 4096),
      );
      await Promise.all(sealing);
      assert.deepEqual(sealed, expected);

      const opening = sealed.map((packet, sequence) => {
        const copy = packet.slice();
        const body = laterOpener.open(copy, sequence);
        // It is another packet's place by now.
        copy.fill(0);
        return body;
      });
      assert.ok(opening.some((body) => body instanceof Promise));
      assert.deepEqual(await Promise.all(opening), bodies);
    });

    it(`${cipher.name}: a large packet that was altered is refused`, async () => {
      const [sealer, opener] = [cipher.createSealer(keys), cipher.createOpener(keys)];
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
      const packet = packets(sealer.tagBytes)[0] ?? assert.fail();
      await sealer.seal(packet, 0);
      packet[5000] = (packet[5000] ?? 0) ^ 1;
      assert.equal(await opener.open(packet, 0), null);
    });
  }
});

function packets(tagBytes: number): Uint8Array<ArrayBuffer>[] {
  return LENGTHS.map((length, index) => {
    const packet = seededRandom(index)(4 + length + tagBytes);
    new DataView(packet.buffer).setUint32(0, length);
    return packet;
  });
}
