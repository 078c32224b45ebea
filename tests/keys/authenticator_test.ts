import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { authenticatorOf, insecureAcceptAnyHostKey } from "../../keys/authenticator.ts";
import { fingerprint } from "../../keys/fingerprint.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import type { PublicKey } from "../../keys/types.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { publicKeys } from "./fixtures.ts";

const ed25519 = parsePublicKeyLine(publicKeys.ed25519);
const rsa = parsePublicKeyLine(publicKeys.rsa);
const ecdsa = parsePublicKeyLine(publicKeys.ecdsa256);
const all = Object.values(publicKeys).map((line) => parsePublicKeyLine(line));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const sha256 = (key: PublicKey) => fingerprint(key).slice("SHA256:".length);

describe("authenticators", () => {
  const forms: readonly (readonly [string, string | PublicKey, PublicKey])[] = [
    ["a SHA-256 fingerprint", fingerprint(ed25519), ed25519],
    ["one with padding, and space around it", ` ${fingerprint(rsa)}=\n`, rsa],
    ["an MD5 fingerprint", fingerprint(ecdsa, "md5"), ecdsa],
    ["one in capitals, without colons", mdWithoutColons(rsa), rsa],
    ["ed25519: and a fingerprint", `ed25519:${sha256(ed25519)}`, ed25519],
    ["ed25519: and SHA256: and a fingerprint", `ed25519:${fingerprint(ed25519)}`, ed25519],
    ["ed25519: and the key's bytes", `ed25519:${base64(ed25519.blob.subarray(-32))}`, ed25519],
    ["ed25519: and the blob", `ed25519:${base64(ed25519.blob)}`, ed25519],
    ["rsa: and a fingerprint", `rsa:${sha256(rsa)}`, rsa],
    ["rsa: and the blob", `RSA:${base64(rsa.blob)}`, rsa],
    ["ecdsa: and a fingerprint", `ecdsa:${sha256(ecdsa)}`, ecdsa],
    ["the blob", base64(ecdsa.blob), ecdsa],
    ["the line of a .pub file", publicKeys.rsa, rsa],
    ["a public key", ed25519, ed25519],
  ];
  for (const [what, known, right] of forms) {
    it(`${what} accepts that key and no other`, async () => {
      const verify = authenticatorOf(known);
      assert.equal(await verify(right, {}), true);
      for (const other of all) {
        const same = fingerprint(other) === fingerprint(right);
        assert.equal(await verify(other, {}), same, other.type);
      }
    });
  }

  it("the type before a fingerprint counts", async () => {
    assert.equal(await authenticatorOf(`rsa:${sha256(ed25519)}`)(ed25519, {}), false);
    assert.equal(await authenticatorOf(`ecdsa:${sha256(ed25519)}`)(ed25519, {}), false);
    assert.equal(await authenticatorOf(`ed25519:${sha256(rsa)}`)(rsa, {}), false);
    const raw = base64(ed25519.blob.subarray(-32));
    assert.equal(await authenticatorOf(`rsa:${raw}`)(ed25519, {}), false);
  });

  it("a function judges for itself, and sees the key and where it comes from", async () => {
    const seen: unknown[] = [];
    const verify = authenticatorOf((key, context) => {
      seen.push(key, context.hostname, context.port);
      return Promise.resolve(key.type === "ssh-rsa");
    });
    assert.equal(await verify(rsa, { hostname: "example.com", port: 22 }), true);
    assert.equal(await verify(ed25519, {}), false);
    assert.deepEqual(seen, [rsa, "example.com", 22, ed25519, undefined, undefined]);
  });

  it("accepting anything takes saying that it is insecure", async () => {
    assert.equal(await authenticatorOf(insecureAcceptAnyHostKey)(rsa, {}), true);
    assert.throws(() => authenticatorOf(""), KeyFormatError);
    assert.throws(() => authenticatorOf("  "), KeyFormatError);
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["an unknown prefix", "SHA1:abcd", /SHA1 is not one of SHA256, MD5, ed25519, ecdsa, rsa/],
    ["a short SHA-256", "SHA256:abcd", /not the base64 of 32 bytes/],
    ["an empty SHA-256", "SHA256:", /not the base64 of 32 bytes/],
    ["a SHA-256 that is not base64", `SHA256:${"*".repeat(43)}`, /not the base64 of 32 bytes/],
    ["a short MD5", "MD5:aa:bb", /not 16 bytes in hexadecimal/],
    ["a type without anything", "ed25519:", /public key/],
    ["a type with what is not base64", "rsa:!", /not base64/],
    ["a type with 31 bytes", `ed25519:${base64(new Uint8Array(31))}`, /Cannot read public key/],
    ["another type than the blob's", `rsa:${base64(ed25519.blob)}`, /another type, ssh-ed25519/],
    ["anything else", "hello", /neither a fingerprint|Cannot read public key/],
    ["a line whose type lies", publicKeys.rsa.replace("ssh-rsa", "ssh-dss"), /begins with ssh-dss/],
  ];
  for (const [what, text, message] of bad) {
    it(`${what} is refused`, () => {
      assert.throws(() => authenticatorOf(text), { name: "KeyFormatError", message });
    });
  }

  it("any text gives an authenticator or a KeyFormatError", () => {
    const prefixes = ["", "SHA256:", "MD5:", "ed25519:", "rsa:", "ssh-rsa ", "x:"];
    fc.assert(fc.property(fc.constantFrom(...prefixes), fc.string(), (prefix, text) => {
      try {
        assert.equal(typeof authenticatorOf(prefix + text), "function");
      } catch (error) {
        assert.ok(error instanceof KeyFormatError);
      }
    }));
  });
});

function mdWithoutColons(key: PublicKey): string {
  return `MD5:${fingerprint(key, "md5").slice(4).replaceAll(":", "").toUpperCase()}`;
}
