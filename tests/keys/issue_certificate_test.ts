import { beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { Certificate } from "../../keys/certificate.ts";
import {
  type CertificateRequest,
  issueCertificate,
  userCertificateExtensions,
} from "../../keys/issue_certificate.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { parsePublicKey, parsePublicKeyLine, samePublicKey } from "../../keys/public_key.ts";
import type { PrivateKey } from "../../keys/types.ts";
import { withCertificate } from "../../keys/with_certificate.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { certificates, securityKeys } from "./certificate_fixtures.ts";
import { privateKeys, publicKeys } from "./fixtures.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 })
  .filter((text) => text.isWellFormed() && !text.includes("\0"));
const name = text.filter((text) => text !== "" && !text.includes(","));

describe("issuing certificates", () => {
  const cas: PrivateKey[] = [];
  beforeAll(async () => {
    for (const kind of ["ed25519", "ecdsa256", "ecdsa521", "rsa"] as const) {
      cas.push(await parsePrivateKey(privateKeys[kind]));
    }
  });

  const issue = (changes: Partial<CertificateRequest> = {}): Promise<Certificate> =>
    issueCertificate({
      key: parsePublicKeyLine(publicKeys.ecdsa384),
      ca: cas[0] as PrivateKey,
      role: "user",
      keyId: "id",
      principals: ["ada"],
      validBefore: null,
      ...changes,
    });

  it("what is asked for is what is read, and the authority has signed it", async () => {
    const lines = [...Object.values(publicKeys), ...Object.values(securityKeys)];
    const time = fc.date({ min: new Date(0), max: new Date(8.64e15), noInvalidDate: true })
      .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));
    const request = fc.record({
      line: fc.constantFrom(...lines),
      ca: fc.nat({ max: 2 }),
      role: fc.constantFrom("user" as const, "host" as const),
      keyId: text,
      principals: fc.array(name, { minLength: 1, maxLength: 5 }),
      serial: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      times: fc.uniqueArray(time, {
        minLength: 2,
        maxLength: 2,
        selector: (date) => date.getTime(),
      }).map((dates) => dates.sort((a, b) => a.getTime() - b.getTime())),
      limited: fc.boolean(),
      criticalOptions: fc.dictionary(name, fc.oneof(text, fc.constant(true as const))),
      extensions: fc.uniqueArray(name),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ line, ca, times, limited, ...request }) => {
        const key = parsePublicKeyLine(line);
        const [validAfter = null, validBefore = null] = times;
        const certificate = await issueCertificate({
          ...request,
          key,
          ca: cas[ca] as PrivateKey,
          validAfter: limited ? validAfter : null,
          validBefore: limited ? validBefore : null,
        });
        assert.equal(await certificate.isSigned(), true);
        const read = parsePublicKey(certificate.blob, { comment: key.comment });
        assert.ok(read instanceof Certificate);
        assert.deepEqual(read.blob, certificate.blob);
        assert.equal(samePublicKey(read.publicKey, key), true);
        assert.equal(read.comment, key.comment);
        assert.equal(read.role, request.role);
        assert.equal(read.keyId, request.keyId);
        assert.deepEqual(read.principals, request.principals);
        assert.equal(read.serial, request.serial);
        if (limited && validAfter?.getTime() !== 0) assert.deepEqual(read.validAfter, validAfter);
        else assert.equal(read.validAfter, null);
        assert.deepEqual(read.validBefore, limited ? validBefore : null);
        const options = Object.entries(request.criticalOptions)
          .sort(([a], [b]) => a < b ? -1 : 1)
          .map(([name, value]) => [
            name,
            value === true ? new Uint8Array(0) : new Writer().string(value).finish(),
          ]);
        assert.deepEqual([...read.criticalOptions], options);
        assert.deepEqual([...read.extensions.keys()], [...request.extensions].sort());
      }),
      { numRuns: 60 },
    );
  });

  it("users are allowed what ssh-keygen allows, hosts nothing, unless told otherwise", async () => {
    const user = await issue();
    const theirs = parsePublicKeyLine(certificates.ed25519);
    assert.ok(theirs instanceof Certificate);
    assert.deepEqual([...user.extensions], [...theirs.extensions]);
    assert.deepEqual([...user.extensions.keys()], userCertificateExtensions);
    assert.equal((await issue({ role: "host" })).extensions.size, 0);
    assert.equal((await issue({ extensions: [] })).extensions.size, 0);
  });

  it("an authority with an RSA key signs with SHA-512, or as it is told", async () => {
    const ca = cas[3] as PrivateKey;
    assert.equal((await issue({ ca })).signatureAlgorithm, "rsa-sha2-512");
    const other = await issue({ ca, signatureAlgorithm: "rsa-sha2-256" });
    assert.equal(other.signatureAlgorithm, "rsa-sha2-256");
    assert.equal(await other.isSigned(), true);
    await assert.rejects(issue({ ca, signatureAlgorithm: "ssh-rsa" }), RangeError);
  });

  it("of a certificate the key is certified", async () => {
    const certificate = await issue({ key: parsePublicKeyLine(certificates.rsa) });
    assert.equal(samePublicKey(certificate.publicKey, parsePublicKeyLine(publicKeys.rsa)), true);
  });

  it("each has a nonce of its own", async () => {
    const [a, b] = [await issue(), await issue()];
    assert.notDeepEqual(nonceOf(a), nonceOf(b));
    assert.equal(nonceOf(a).length, 32);
    const nonce = new Uint8Array(16);
    assert.deepEqual(nonceOf(await issue({ nonce })), nonce);
    assert.deepEqual((await issue({ nonce })).blob, (await issue({ nonce })).blob);
  });

  it("an authority with a certificate is refused: there are no chains", async () => {
    const certificate = parsePublicKeyLine(certificates.ed25519);
    assert.ok(certificate instanceof Certificate);
    await assert.rejects(issue({ ca: withCertificate(cas[0] as PrivateKey, certificate) }), {
      name: "TypeError",
      message: "Cannot issue certificate: the authority's key is a certificate itself",
    });
  });

  const wrong: Readonly<Record<string, readonly [Partial<CertificateRequest>, RegExp]>> = {
    "no principal": [{ principals: [] }, /there is no principal/],
    "an empty principal": [{ principals: ["ada", ""] }, /principal "" is empty/],
    "a principal with a comma": [{ principals: ["ada,root"] }, /"ada,root" .* has a comma/],
    "a principal with a NUL": [{ principals: ["a\0"] }, /has a NUL or half a character/],
    "half a character": [{ keyId: "\ud800" }, /half a character/],
    "257 principals": [
      { principals: Array.from({ length: 257 }, (_, i) => `${i}`) },
      /257 principals, and at most 256 fit/,
    ],
    "an end that is its beginning": [
      { validAfter: new Date(5000), validBefore: new Date(5900) },
      /it would end before it begins/,
    ],
    "an end before 1970": [{ validBefore: new Date(-1) }, /before 1970/],
    "no date": [{ validBefore: new Date(NaN) }, /a time is not valid/],
    "a serial below 0": [{ serial: -1 }, /serial -1 is no uint64/],
    "a serial of 2^64": [{ serial: 2n ** 64n }, /is no uint64/],
    "a serial that is no integer": [{ serial: 1.5 }, /serial 1.5 is no uint64/],
    "an extension twice": [{ extensions: ["a", "b", "a"] }, /a is there twice in the extensions/],
    "another role": [{ role: "root" as "user" }, /role root is not user or host/],
  };
  for (const [what, [changes, message]] of Object.entries(wrong)) {
    it(`with ${what} none is issued`, async () => {
      await assert.rejects(issue(changes), (error) => {
        assert.ok(error instanceof RangeError);
        assert.match(error.message, /^Cannot issue certificate: /);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

function nonceOf({ blob }: Certificate): Uint8Array {
  const reader = new Reader(blob, "certificate");
  reader.string("type");
  return reader.string("nonce");
}
