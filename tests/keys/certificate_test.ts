import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { authenticatorOf } from "../../keys/authenticator.ts";
import { Certificate, plainKey } from "../../keys/certificate.ts";
import {
  certificateAlgorithm,
  isCertificateAlgorithm,
  plainAlgorithm,
} from "../../keys/certificate_algorithms.ts";
import { describeKey, fingerprint } from "../../keys/fingerprint.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import {
  formatPublicKeyLine,
  parsePublicKey,
  parsePublicKeyLine,
  samePublicKey,
} from "../../keys/public_key.ts";
import { withCertificate } from "../../keys/with_certificate.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { certificates, securityKeys } from "./certificate_fixtures.ts";
import { privateKeys, publicKeys } from "./fixtures.ts";

const keyLines = { ...publicKeys, ...securityKeys };
const kinds = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"] as const;
const data = utf8("what is signed");

function certificateOf(line: string): Certificate {
  const key = parsePublicKeyLine(line);
  assert.ok(key instanceof Certificate);
  return key;
}

/** The fields of a certificate of an Ed25519 key, to be changed one by one. */
interface Fields {
  readonly type: string;
  readonly key: Uint8Array;
  readonly role: number;
  readonly keyId: Uint8Array;
  readonly principals: Uint8Array;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: Uint8Array;
  readonly extensions: Uint8Array;
  readonly reserved: Uint8Array;
  readonly ca: Uint8Array;
  readonly signature: Uint8Array;
}

const ed25519 = parsePublicKeyLine(publicKeys.ed25519);
const valid: Fields = {
  type: "ssh-ed25519-cert-v01@openssh.com",
  key: ed25519.blob.subarray(-32),
  role: 1,
  keyId: utf8("id"),
  principals: strings("ada"),
  validAfter: 0n,
  validBefore: 2n ** 64n - 1n,
  criticalOptions: strings(),
  extensions: strings("permit-pty", ""),
  reserved: utf8("whatever"),
  ca: ed25519.blob,
  signature: strings("ssh-ed25519", "x".repeat(64)),
};

function strings(...texts: readonly (string | Uint8Array)[]): Uint8Array {
  const writer = new Writer();
  for (const text of texts) writer.string(text);
  return writer.finish();
}

function blobOf(changes: Partial<Fields>): Uint8Array {
  const fields = { ...valid, ...changes };
  return new Writer().string(fields.type).string("nonce").string(fields.key).uint64(5n)
    .uint32(fields.role).string(fields.keyId).string(fields.principals)
    .uint64(fields.validAfter).uint64(fields.validBefore).string(fields.criticalOptions)
    .string(fields.extensions).string(fields.reserved).string(fields.ca)
    .string(fields.signature).finish();
}

describe("certificates", () => {
  for (const [name, line] of Object.entries(certificates)) {
    it(`${name}: a line comes out as it went in`, () => {
      const certificate = certificateOf(line);
      assert.equal(formatPublicKeyLine(certificate), line);
      assert.deepEqual(parsePublicKey(certificate.blob).blob, certificate.blob);
      assert.equal(certificate.comment, line.split(" ").slice(2).join(" "));
    });

    it(`${name}: cut anywhere, or with a byte too many, it is refused with the place`, () => {
      const { blob } = certificateOf(line);
      for (let length = 0; length < blob.length; length += 1 + (length >> 6)) {
        assert.throws(() => parsePublicKey(blob.subarray(0, length)), {
          name: "KeyFormatError",
          message: /^Cannot read .* \(at byte \d+\)$/,
        });
      }
      assert.throws(() => parsePublicKey(new Writer().raw(blob).uint8(0).finish()), {
        message: /^Cannot read certificate: 1 bytes too many/,
      });
    });
  }

  for (const kind of [...kinds, "skEd25519", "skEcdsa"] as const) {
    it(`${kind}: the key is that which was certified, and the authority that which signed`, async () => {
      const certificate = certificateOf(certificates[kind]);
      const key = parsePublicKeyLine(keyLines[kind]);
      assert.equal(samePublicKey(certificate.publicKey, key), true);
      assert.equal(certificate.publicKey.comment, key.comment);
      assert.equal(plainKey(certificate), certificate.publicKey);
      assert.equal(plainKey(key), key);
      assert.equal(fingerprint(certificate), fingerprint(key));
      const { kind: name, bits } = describeKey(key);
      assert.deepEqual(describeKey(certificate), { kind: `${name}-CERT`, bits });
      assert.equal(certificate.type, certificateAlgorithm(key.type));
      assert.equal(samePublicKey(certificate.ca, ed25519), true);
      assert.equal(await certificate.isSigned(), true);
      assert.deepEqual(certificate.principals, ["ada", "bob"]);
      assert.equal(certificate.keyId, kind);
      assert.equal(certificate.serial, 7n);
    });
  }

  for (const kind of kinds) {
    it(`${kind}: what its key signs is verified, by the certificate's algorithms`, async () => {
      const certificate = certificateOf(certificates[kind]);
      const key = await parsePrivateKey(privateKeys[kind]);
      const signer = withCertificate(key, certificate);
      assert.equal(signer.publicKey, certificate);
      assert.equal(signer.plain, key);
      assert.equal(withCertificate(signer, certificate).plain, key);
      for (const algorithm of certificate.algorithms) {
        assert.ok(isCertificateAlgorithm(algorithm));
        const signature = await signer.sign(algorithm, data);
        // PROTOCOL.certkeys: the signature itself is the plain key's.
        const name = new Reader(signature, "signature").name();
        assert.equal(name, plainAlgorithm(algorithm));
        assert.equal(await certificate.verify(algorithm, data, signature), true);
        assert.equal(await certificate.publicKey.verify(name, data, signature), true);
        assert.equal(await certificate.verify(name, data, signature), false);
        assert.equal(await certificate.verify(algorithm, utf8("other"), signature), false);
        assert.throws(() => signer.sign(name, data), RangeError);
      }
    });
  }

  it("a key does not sign with the certificate of another", async () => {
    const key = await parsePrivateKey(privateKeys.ecdsa256);
    assert.throws(() => withCertificate(key, certificateOf(certificates.ed25519)), {
      name: "TypeError",
      message: "Cannot sign with a certificate: it is that of another key",
    });
  });

  it("an RSA key's are used with SHA-2, by names of their own", () => {
    assert.deepEqual(certificateOf(certificates.rsa).algorithms, [
      "rsa-sha2-512-cert-v01@openssh.com",
      "rsa-sha2-256-cert-v01@openssh.com",
    ]);
    assert.equal(certificateOf(certificates.rsa).type, "ssh-rsa-cert-v01@openssh.com");
  });

  it("a security key's are not for browsers", () => {
    const { algorithms } = certificateOf(certificates.skEcdsa);
    assert.deepEqual(algorithms, ["sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"]);
  });

  it("all fields are read", () => {
    const certificate = certificateOf(certificates.restricted);
    assert.equal(certificate.role, "user");
    assert.equal(certificate.serial, 2n ** 64n - 1n);
    assert.equal(certificate.keyId, "ada's laptop");
    assert.deepEqual(certificate.validAfter, new Date("2024-01-01T00:00:00Z"));
    assert.deepEqual(certificate.validBefore, new Date("2034-01-01T00:00:00Z"));
    assert.deepEqual([...certificate.criticalOptions], [
      ["force-command", strings("echo forced")],
      ["source-address", strings("192.0.2.0/24,2001:db8::/32")],
      ["verify-required", new Uint8Array(0)],
    ]);
    assert.deepEqual([...certificate.extensions.keys()], ["no-touch-required", "permit-pty"]);
    assert.equal(certificate.signatureAlgorithm, "ssh-ed25519");
    assert.equal(certificateOf(certificates.byRsaSha256).signatureAlgorithm, "rsa-sha2-256");
    assert.equal(certificateOf(certificates.byRsaSha1).signatureAlgorithm, "ssh-rsa");
    const host = certificateOf(certificates.host);
    assert.equal(host.role, "host");
    assert.deepEqual(host.principals, ["db.example.com", "*.example.org"]);
    const { validAfter, validBefore } = certificateOf(certificates.unlimited);
    assert.deepEqual([validAfter, validBefore], [null, null]);
  });

  it("times beyond what there is of dates are the last of them", () => {
    const { validAfter, validBefore } = new Certificate(
      blobOf({ validAfter: 2n ** 63n, validBefore: 2n ** 64n - 2n }),
    );
    assert.deepEqual([validAfter, validBefore], [new Date(8.64e15), new Date(8.64e15)]);
  });

  it("a change anywhere in what is signed, or in the signature, is noticed", async () => {
    const { blob } = certificateOf(certificates.byEcdsa256);
    for (let at = 0; at < blob.length; at += 3) {
      const changed = blob.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      let certificate: Certificate;
      try {
        certificate = new Certificate(changed);
      } catch (error) {
        assert.ok(error instanceof KeyFormatError);
        continue;
      }
      assert.equal(await certificate.isSigned(), false, `byte ${at}`);
    }
  });

  it("SHA-1 signs no certificate", async () => {
    assert.equal(await certificateOf(certificates.byRsaSha1).isSigned(), false);
    assert.equal(await certificateOf(certificates.byRsaSha256).isSigned(), true);
  });

  const certificate = certificateOf(certificates.ed25519);
  const weak = new Writer().string("ssh-rsa").mpint(Uint8Array.of(1, 0, 1))
    .mpint(new Uint8Array(64).fill(0xff)).finish();
  const wrong: readonly (readonly [string, Partial<Fields>, RegExp])[] = [
    ["of an unknown type", { type: "ssh-dss-cert-v01@openssh.com" }, /type ssh-dss-cert.* is not/],
    ["of a plain type", { type: "ssh-ed25519" }, /type ssh-ed25519 is not one of ssh-ed25519-cert/],
    ["of a key that is none", { key: utf8("x") }, /key of 1 bytes instead of 32/],
    ["with a role of 0", { role: 0 }, /role 0 is not 1 \(user\) or 2 \(host\)/],
    ["with a role of 3", { role: 3 }, /role 3 is not/],
    ["with a NUL in its id", { keyId: utf8("a\0b") }, /key id has a NUL in it/],
    ["with an id that is not UTF-8", { keyId: Uint8Array.of(0xff) }, /key id is not UTF-8/],
    ["with a NUL in a principal", { principals: strings("a\0") }, /principal has a NUL in it/],
    [
      "with a principal cut short",
      { principals: Uint8Array.of(0, 0, 0, 9) },
      /principal of 9 byte/,
    ],
    [
      "with 257 principals",
      { principals: strings(...Array.from({ length: 257 }, (_, i) => `${i}`)) },
      /there are more than 256 principals/,
    ],
    [
      "with an option twice",
      { criticalOptions: strings("force-command", "", "force-command", "") },
      /critical options: force-command is there twice/,
    ],
    ["with an extension twice", { extensions: strings("a", "", "a", "") }, /a is there twice/],
    ["with an option cut short", { criticalOptions: strings("x") }, /critical options: data/],
    ["by an authority of no known type", { ca: strings("ssh-dss") }, /authority: type ssh-dss/],
    ["by a certificate", { ca: certificate.blob }, /authority: type ssh-ed25519-cert-v01@open/],
    ["by an authority that is too weak", { ca: weak }, /authority: its modulus has 512 bits/],
    ["with an empty signature", { signature: new Uint8Array(0) }, /signature: algorithm/],
  ];
  for (const [what, changes, message] of wrong) {
    it(`one ${what} is refused, with the place`, () => {
      assert.throws(() => new Certificate(blobOf(changes)), (error) => {
        assert.ok(error instanceof KeyFormatError);
        assert.match(error.message, /^Cannot read .* \(at byte \d+\)$/);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("one with 256 principals, or a reserved field that is not empty, is taken", () => {
    const principals = strings(...Array.from({ length: 256 }, (_, i) => `${i}`));
    assert.equal(new Certificate(blobOf({ principals })).principals.length, 256);
  });

  it("any bytes give a certificate or a KeyFormatError, and nothing else", () => {
    const fields = fc.record({
      principals: fc.uint8Array({ maxLength: 30 }),
      criticalOptions: fc.uint8Array({ maxLength: 30 }),
      extensions: fc.uint8Array({ maxLength: 30 }),
      ca: fc.uint8Array({ maxLength: 60 }),
      signature: fc.uint8Array({ maxLength: 30 }),
      keyId: fc.uint8Array({ maxLength: 5 }),
    }, { requiredKeys: [] });
    fc.assert(fc.property(fields, (changes) => {
      const blob = blobOf(changes);
      try {
        assert.deepEqual(parsePublicKey(blob).blob, blob);
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
      }
    }));
  });

  it("one does not change when the bytes that it was read from do", () => {
    const blob = blobOf({});
    const read = new Certificate(blob);
    blob.fill(0);
    assert.deepEqual(read.blob, blobOf({}));
    assert.deepEqual([...read.extensions], [["permit-pty", new Uint8Array(0)]]);
  });

  it("a server that shows one is known by its key as before", async () => {
    for (const known of [fingerprint(ed25519), ed25519, certificate, publicKeys.ed25519]) {
      const judge = authenticatorOf(known);
      assert.equal(await judge(certificate, {}), true);
      assert.equal(await judge(ed25519, {}), true);
      assert.equal(await judge(certificateOf(certificates.rsa), {}), false);
    }
    const digest = fingerprint(ed25519).slice("SHA256:".length);
    for (const known of [`ed25519:${digest}`, fingerprint(ed25519, "md5")]) {
      assert.equal(await authenticatorOf(known)(certificate, {}), true);
    }
    assert.equal(await authenticatorOf(`rsa:${digest}`)(certificate, {}), false);
  });
});

describe("algorithms of certificates", () => {
  const names = [
    ["ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"],
    ["rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"],
    ["sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"],
    ["sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"],
  ] as const;
  for (const [plain, certified] of names) {
    it(`${plain} is ${certified}`, () => {
      assert.equal(certificateAlgorithm(plain), certified);
      assert.equal(plainAlgorithm(certified), plain);
      assert.equal(plainAlgorithm(plain), plain);
      assert.deepEqual([plain, certified].map(isCertificateAlgorithm), [false, true]);
      assert.equal(certificateAlgorithm(certified), null);
    });
  }
});
