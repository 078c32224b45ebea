import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AgentStore,
  decodeAgentRequest,
  encodeAgentRequest,
  formatPkcs8,
  formatPpk,
  formatPrivateKey,
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  KeyFormatError,
  parsePrivateKey,
  type PrivateKey,
  SecurityKeyPrivateKey,
  SecurityKeyPublicKey,
  securityKeySigner,
  signMessage,
  SshError,
  verifyMessage,
} from "../../keys/mod.ts";
import { EcdsaPublicKey, Ed25519PublicKey, parseAllowedSigners } from "../../keys/mod.ts";
import type { AssertionRequest } from "../../keys/mod.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { softwareDevice } from "../helpers/software_security_key.ts";

const secrets = {
  "sk-ssh-ed25519@openssh.com": await generateKey("ed25519"),
  "sk-ecdsa-sha2-nistp256@openssh.com": await generateKey("ecdsa", { bits: 256 }),
} as const;
const types = Object.keys(secrets) as (keyof typeof secrets)[];
const DATA = utf8("a message");

function fileKey(
  secret: PrivateKey,
  { flags = 1, application = "ssh:", comment = "ada's key" } = {},
): SecurityKeyPrivateKey {
  const { publicKey: key } = secret;
  assert.ok(key instanceof Ed25519PublicKey || key instanceof EcdsaPublicKey);
  const { blob } = new SecurityKeyPublicKey(key, application);
  const parts = { publicKey: blob, flags, keyHandle: utf8("handle") };
  return new SecurityKeyPrivateKey(parts, { comment });
}

for (const type of types) {
  const secret = secrets[type];
  describe(`the private key of a security key, ${type}`, () => {
    it("is what it was when it is written and read, with a passphrase too", async () => {
      const key = fileKey(secret, { flags: 0x25, application: "ssh:work" });
      for (const passphrase of [undefined, "sesame"]) {
        const options = passphrase === undefined ? {} : { passphrase, rounds: 1 };
        const again = await parsePrivateKey(await formatPrivateKey(key, options), options);
        assert.ok(again instanceof SecurityKeyPrivateKey);
        assert.deepEqual(again.parts(), key.parts());
        assert.equal(formatPublicKeyLine(again.publicKey), formatPublicKeyLine(key.publicKey));
        assert.equal(again.publicKey.application, "ssh:work");
        assert.deepEqual([again.touchRequired, again.verifyRequired], [true, true]);
        assert.deepEqual(again.keyHandle, utf8("handle"));
        assert.equal(again.comment, "ada's key");
      }
    });

    it("keeps whatever stands in it", () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 255 }),
          fc.uint8Array(),
          fc.uint8Array(),
          fc.string({ unit: "grapheme" }),
          async (flags, keyHandle, reserved, comment) => {
            const publicKey = fileKey(secret).publicKey.blob;
            const key = new SecurityKeyPrivateKey({ publicKey, flags, keyHandle, reserved }, {
              comment,
            });
            const again = await parsePrivateKey(await formatPrivateKey(key));
            assert.deepEqual(again.parts(), key.parts());
            assert.equal(again.comment, comment);
            assert.equal((again as SecurityKeyPrivateKey).touchRequired, (flags & 1) !== 0);
          },
        ),
        { numRuns: 30 },
      ));

    it("does not sign by itself, and says what it takes", async () => {
      await assert.rejects(fileKey(secret).sign(type, DATA), {
        name: "TypeError",
        message: `Cannot sign with a key of type ${type}: its secret is on a device; ` +
          "use securityKeySigner, with a function that asks the device",
      });
    });

    it("signs with the device, which is told what it needs to know", async () => {
      const key = fileKey(secret, { flags: 0x05, application: "ssh:work" });
      const heard: AssertionRequest[] = [];
      const signer = securityKeySigner(key, softwareDevice(secret, { flags: 5 }, heard));
      const signature = await signer.sign(type, DATA);
      assert.deepEqual(heard, [{
        application: "ssh:work",
        keyHandle: utf8("handle"),
        clientDataHash: sha256(DATA),
        touchRequired: true,
        verifyRequired: true,
      }]);
      assert.deepEqual(await key.publicKey.inspect(type, DATA, signature), {
        userPresent: true,
        userVerified: true,
        counter: 7,
      });
      assert.equal(await signer.publicKey.verify(type, DATA, signature), true);
      const untouched = securityKeySigner(
        fileKey(secret, { flags: 0 }),
        softwareDevice(secret, { flags: 0 }, heard),
      );
      await untouched.sign(type, DATA);
      assert.deepEqual([heard[1]?.touchRequired, heard[1]?.verifyRequired], [false, false]);
    });

    it("makes signatures that ECDSA gives in every length", async () => {
      const signer = securityKeySigner(fileKey(secret), softwareDevice(secret));
      for (let i = 0; i < 30; i++) {
        const data = Uint8Array.of(i);
        assert.equal(
          await signer.publicKey.verify(type, data, await signer.sign(type, data)),
          true,
        );
      }
    });

    it("gives no signature that is not right, and passes on why the device made none", async () => {
      const other = await generateKey(type.includes("ecdsa") ? "ecdsa" : "ed25519");
      const key = fileKey(secret);
      const wrong = securityKeySigner(key, softwareDevice(other));
      await assert.rejects(async () => await wrong.sign(type, DATA), (error) => {
        assert.ok(error instanceof SshError);
        assert.match(error.message, /the device signed wrongly$/);
        return true;
      });
      const garbage = securityKeySigner(key, () => ({
        flags: 1,
        counter: 0,
        signature: new Uint8Array(64),
      }));
      await assert.rejects(async () => await garbage.sign(type, DATA), SshError);
      const gone = securityKeySigner(key, () => Promise.reject(new Error("nobody touched it")));
      await assert.rejects(async () => await gone.sign(type, DATA), {
        message: "nobody touched it",
      });
      const device = securityKeySigner(key, softwareDevice(secret));
      await assert.rejects(async () => await device.sign("ssh-ed25519", DATA), RangeError);
    });

    it("signs messages and certificates", async () => {
      const signer = securityKeySigner(fileKey(secret), softwareDevice(secret));
      const signature = await signMessage(signer, "news", { namespace: "file" });
      const allowedSigners = parseAllowedSigners(`ada ${formatPublicKeyLine(signer.publicKey)}\n`);
      const expected = { namespace: "file", identity: "ada", allowedSigners };
      assert.equal((await verifyMessage(signature, "news", expected)).accepted, true);
      const certificate = await issueCertificate({
        key: secret.publicKey,
        ca: signer,
        role: "user",
        keyId: "",
        principals: ["ada"],
        validBefore: null,
      });
      assert.equal(await certificate.isSigned(), true);
    });

    it("cannot be written where its secret would have to stand", async () => {
      const key = fileKey(secret);
      await assert.rejects(formatPkcs8(key), RangeError);
      await assert.rejects(async () => await formatPpk(key), RangeError);
    });

    it("goes to an agent with its certificate, but ours has no way to the device", async () => {
      const key = fileKey(secret);
      const certificate = await issueCertificate({
        key: key.publicKey,
        ca: secrets["sk-ssh-ed25519@openssh.com"],
        role: "user",
        keyId: "",
        principals: ["ada"],
        validBefore: null,
      });
      for (const its of [null, certificate]) {
        const add = {
          type: "add",
          key,
          certificate: its,
          comment: "ada",
          constraints: {},
        } as const;
        const request = decodeAgentRequest(encodeAgentRequest(add));
        assert.ok(request.type === "add");
        assert.deepEqual(request.key.parts(), key.parts());
        assert.deepEqual(request.certificate?.blob, its?.blob);
        const store = new AgentStore();
        assert.equal((await store.respond(request)).type, "failure");
        assert.deepEqual(store.keys, []);
      }
      const store = new AgentStore();
      store.add(securityKeySigner(key, softwareDevice(secret)));
      const sign = { type: "sign", key: key.publicKey.blob, data: DATA, flags: 0 } as const;
      const response = await store.respond(sign);
      assert.ok(response.type === "signature");
      assert.equal(await key.publicKey.verify(type, DATA, response.signature), true);
    });
  });
}

describe("files of security keys that are not as they should be", () => {
  it("are refused where they are cut, or have other halves", () => {
    const { publicKey } = fileKey(secrets["sk-ssh-ed25519@openssh.com"]);
    const plain = secrets["sk-ssh-ed25519@openssh.com"].publicKey;
    const parts = { flags: 1, keyHandle: utf8("handle") };
    for (const blob of [plain.blob, publicKey.blob.subarray(0, -1), utf8("no key")]) {
      assert.throws(
        () => new SecurityKeyPrivateKey({ ...parts, publicKey: blob }),
        KeyFormatError,
      );
    }
    const more = new Writer().raw(publicKey.blob).uint8(0).finish();
    assert.throws(() => new SecurityKeyPrivateKey({ ...parts, publicKey: more }), KeyFormatError);
  });
});
