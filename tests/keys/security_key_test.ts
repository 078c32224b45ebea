import { beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { EcdsaPublicKey } from "../../keys/ecdsa.ts";
import { Ed25519PublicKey } from "../../keys/ed25519.ts";
import { describeKey, fingerprint } from "../../keys/fingerprint.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import {
  formatPublicKeyLine,
  parsePublicKey,
  parsePublicKeyLine,
  samePublicKey,
} from "../../keys/public_key.ts";
import { SecurityKeyPublicKey } from "../../keys/security_key.ts";
import type { PrivateKey } from "../../keys/types.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { securityKeys } from "./certificate_fixtures.ts";
import { privateKeys, publicKeys } from "./fixtures.ts";

const ED25519 = "sk-ssh-ed25519@openssh.com";
const ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com";
const WEBAUTHN = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
const data = utf8("what is signed");

describe("security keys", () => {
  let secrets: Readonly<Record<string, PrivateKey>>;
  beforeAll(async () => {
    secrets = {
      [ED25519]: await parsePrivateKey(privateKeys.ed25519),
      [ECDSA]: await parsePrivateKey(privateKeys.ecdsa256),
      other: await parsePrivateKey(privateKeys.ecdsa384),
    };
  });
  const secret = (name: string): PrivateKey => secrets[name] as PrivateKey;

  for (const [type, line] of [[ED25519, securityKeys.skEd25519], [ECDSA, securityKeys.skEcdsa]]) {
    it(`${type}: a line comes out as it went in`, () => {
      const key = parsePublicKeyLine(line as string);
      assert.ok(key instanceof SecurityKeyPublicKey);
      assert.equal(key.type, type);
      assert.equal(key.application, "ssh:");
      assert.equal(key.comment, "sk");
      assert.equal(formatPublicKeyLine(key), line);
      assert.deepEqual(parsePublicKey(key.blob).blob, key.blob);
      const kind = type === ED25519 ? "ED25519-SK" : "ECDSA-SK";
      assert.deepEqual(describeKey(key), { kind, bits: 256 });
    });

    it(`${type}: cut anywhere, or with a byte too many, it is refused with the place`, () => {
      const { blob } = parsePublicKeyLine(line as string);
      for (let length = 0; length < blob.length; length++) {
        assert.throws(() => parsePublicKey(blob.subarray(0, length)), {
          name: "KeyFormatError",
          message: /^Cannot read public key: .* \(at byte \d+\)$/,
        });
      }
      assert.throws(() => parsePublicKey(new Writer().raw(blob).uint8(0).finish()), {
        message: /^Cannot read public key: 1 bytes too many/,
      });
    });
  }

  it("the application is part of the key", () => {
    const [a, b] = ["ssh:", "ssh:work"].map((application) =>
      softwareSecurityKey(secret(ED25519), { application }).publicKey
    );
    assert.ok(a && b);
    assert.equal(samePublicKey(a, b), false);
    assert.notEqual(fingerprint(a), fingerprint(b));
  });

  it("is of Ed25519 or of ECDSA on nistp256", () => {
    const key = secret("other").publicKey;
    assert.ok(key instanceof EcdsaPublicKey);
    assert.throws(() => new SecurityKeyPublicKey(key, "ssh:"), {
      name: "KeyFormatError",
      message: "Cannot use security key: a key of type ecdsa-sha2-nistp384 is not Ed25519 or " +
        "ECDSA on nistp256",
    });
    const plain = parsePublicKeyLine(publicKeys.ed25519);
    assert.ok(plain instanceof Ed25519PublicKey);
    assert.equal(new SecurityKeyPublicKey(plain, "").algorithms[0], ED25519);
  });

  for (const [algorithm, type] of [[ED25519, ED25519], [ECDSA, ECDSA], [WEBAUTHN, ECDSA]]) {
    describe(`signatures of ${algorithm}`, () => {
      const name = algorithm as string;
      const ours = (): PrivateKey => secret(type as string);

      it("are verified, and tell what the key says", async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.constantFrom(0, 1, 4, 5),
            fc.integer({ min: 0, max: 2 ** 32 - 1 }),
            fc.uint8Array({ maxLength: 50 }),
            fc.constantFrom("ssh:", "ssh:work", "", "https://example.com"),
            async (flags, counter, data, application) => {
              const signer = softwareSecurityKey(ours(), { flags, counter, application });
              const signature = await signer.sign(name, data);
              assert.deepEqual(await signer.publicKey.inspect(name, data, signature), {
                userPresent: (flags & 1) !== 0,
                userVerified: (flags & 4) !== 0,
                counter,
              });
            },
          ),
          { numRuns: 30 },
        );
      });

      it("are not valid where nobody was there, unless one looks closer", async () => {
        for (const flags of [0, 4]) {
          const { publicKey, ...signer } = softwareSecurityKey(ours(), { flags });
          const signature = await signer.sign(name, data);
          assert.equal(await publicKey.verify(name, data, signature), false);
          assert.ok(await publicKey.inspect(name, data, signature));
        }
        const touched = softwareSecurityKey(ours());
        const signature = await touched.sign(name, data);
        assert.equal(await touched.publicKey.verify(name, data, signature), true);
      });

      it("are not valid with any byte changed, cut or added", async () => {
        const { publicKey, ...signer } = softwareSecurityKey(ours());
        const signature = await signer.sign(name, data);
        for (let at = 0; at < signature.length; at++) {
          const changed = signature.slice();
          changed[at] = (changed[at] ?? 0) ^ 1;
          assert.equal(await publicKey.inspect(name, data, changed), null, `byte ${at}`);
        }
        for (const cut of [0, 1, 10, signature.length - 1]) {
          assert.equal(await publicKey.inspect(name, data, signature.subarray(0, cut)), null);
        }
        const longer = new Writer().raw(signature).uint8(0).finish();
        assert.equal(await publicKey.inspect(name, data, longer), null);
      });

      it("are for one application, and for one key", async () => {
        const signature = await softwareSecurityKey(ours()).sign(name, data);
        const { publicKey } = softwareSecurityKey(ours(), { application: "ssh:other" });
        assert.equal(await publicKey.verify(name, data, signature), false);
        assert.equal(await ours().publicKey.verify(name, data, signature), false);
        assert.equal(await publicKey.verify(ours().publicKey.type, data, signature), false);
      });

      it("are not the plain key's: it signs no message as it is", async () => {
        const { publicKey } = softwareSecurityKey(ours());
        const plain = await ours().sign(ours().publicKey.type, data);
        assert.equal(await publicKey.inspect(name, data, plain), null);
        const dressed = new Writer().string(name).raw(plain.subarray(4)).uint8(1).uint32(1);
        assert.equal(await publicKey.inspect(name, data, dressed.finish()), null);
      });
    });
  }

  describe("signatures that a browser had made", () => {
    const inspect = async (settings: Parameters<typeof softwareSecurityKey>[1]) => {
      const { publicKey, ...signer } = softwareSecurityKey(secret(ECDSA), settings);
      return await publicKey.inspect(WEBAUTHN, data, await signer.sign(WEBAUTHN, data));
    };

    it("may come from any page, which they name", async () => {
      assert.ok(await inspect({ origin: "https://login.example.org:8443" }));
    });

    const wrong: Readonly<Record<string, Parameters<typeof softwareSecurityKey>[1]>> = {
      "a page whose name has a quote": { origin: 'https://a","x":"' },
      "another kind of ceremony": { clientData: (json) => json.replace(".get", ".create") },
      "another challenge": { clientData: (json) => json.replace('challenge":"d', 'challenge":"e') },
      "another page than they name": { clientData: (json) => json.replace("example", "evil") },
      "white space in the JSON": { clientData: (json) => json.replace(",", ", ") },
      "members in another order": { clientData: () => '{"challenge":"x","type":"webauthn.get"}' },
      "data of an attestation": { flags: 0x41 },
      "extensions that the flags do not tell of": { extensions: Uint8Array.of(0xa0) },
      "flags that tell of extensions without any": { flags: 0x81 },
    };
    for (const [what, settings] of Object.entries(wrong)) {
      it(`are refused with ${what}`, async () => assert.equal(await inspect(settings), null));
    }

    it("may have extensions, if they say so", async () => {
      assert.ok(await inspect({ flags: 0x81, extensions: Uint8Array.of(0xa0) }));
    });
  });
});
