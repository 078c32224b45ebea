import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { nodeEd25519 } from "../../crypto/node_ed25519.ts";
import {
  type Ed25519,
  ed25519PublicKey,
  findEd25519,
  findWebEd25519,
  nobleEd25519,
} from "../../keys/_ed25519.ts";
import { fromHex, toHex } from "../helpers/hex.ts";

const web = await findWebEd25519();
const node = nodeEd25519();
const providers: readonly (readonly [string, Ed25519])[] = [
  ["JavaScript", nobleEd25519],
  ...(web ? [["WebCrypto", web] as const] : []),
  ...(node ? [["node:crypto", node] as const] : []),
];

describe("Ed25519", () => {
  const seed = fromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const publicKey = ed25519PublicKey(seed);
  const data = fromHex("72");
  const signature = fromHex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );

  for (const [name, provider] of providers) {
    it(`${name}: is that of RFC 8032 section 7.1, test 2`, async () => {
      const sign = await provider.signer(seed, publicKey);
      assert.equal(toHex(await sign(data)), toHex(signature));
      const verify = await provider.verifier(publicKey);
      assert.equal(await verify(data, signature), true);
      assert.equal(await verify(new Uint8Array(1), signature), false);
    });

    it(`${name}: verifies by many keys, again and again, each by its own`, async () => {
      const seeds = Array.from({ length: 100 }, (_, index) => new Uint8Array(32).fill(index));
      const keys = seeds.map(ed25519PublicKey);
      const signatures = await Promise.all(
        seeds.map(async (seed, index) => (await provider.signer(seed, keys[index]!))(data)),
      );
      for (let round = 0; round < 2; round++) {
        for (const [index, key] of keys.entries()) {
          const verify = await provider.verifier(key.slice());
          assert.equal(await verify(data, signatures[index]!), true);
          assert.equal(await verify(data, signatures[(index + 1) % 100]!), false);
        }
      }
    });

    it(`${name}: gives bytes that are nothing but bytes, of which copies can be made`, async () => {
      const made = await (await provider.signer(seed, publicKey))(data);
      const copy = made.slice();
      made.fill(0);
      assert.equal(toHex(copy), toHex(signature));
    });

    it(`${name}: refuses an s that is not reduced, which would make a second signature`, async () => {
      const order = 2n ** 252n + 27742317777372353535851937790883648493n;
      const s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + order;
      const other = signature.slice();
      other.set(fromHex(s.toString(16).padStart(64, "0")).reverse(), 32);
      const verify = await provider.verifier(publicKey);
      assert.equal(await verify(data, other), false);
    });
  }

  it("what any of them signs all of them verify", async () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.uint8Array({ maxLength: 300 }), async (seed, data) => {
        const publicKey = ed25519PublicKey(seed);
        const made = await Promise.all(providers.map(async ([, provider]) => {
          return await (await provider.signer(seed, publicKey))(data);
        }));
        for (const signature of made) {
          assert.equal(toHex(signature), toHex(made[0] ?? new Uint8Array(0)));
          for (const [, provider] of providers) {
            assert.equal(await (await provider.verifier(publicKey))(data, signature), true);
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  it("is done by node:crypto where there is one, and at once", () => {
    assert.ok(node);
    assert.equal(findEd25519(), node);
    const sign = node.signer(seed, publicKey);
    assert.ok(!(sign instanceof Promise) && !(sign(data) instanceof Promise));
  });
});
