import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import {
  type Certificate,
  formatKrl,
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  parseKrl,
  parsePublicKeyLine,
  parseRevokedKeys,
  type PrivateKey,
  RevocationList,
  revocationOf,
  type SerialRange,
  verifyCertificate,
} from "../../keys/mod.ts";
import { Writer } from "../../wire/writer.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { publicKeys } from "./fixtures.ts";

const LAST = 2n ** 64n - 1n;
const [ca, otherCa, key, otherKey] = await Promise.all(
  [0, 1, 2, 3].map(() => generateKey("ed25519")),
) as [PrivateKey, PrivateKey, PrivateKey, PrivateKey];

function certify(
  fields: { serial?: bigint; keyId?: string; by?: PrivateKey; of?: PrivateKey } = {},
): Promise<Certificate> {
  const { serial = 0n, keyId = "ada", by = ca, of = key } = fields;
  return issueCertificate({
    key: of.publicKey,
    ca: by,
    role: "user",
    keyId,
    serial,
    principals: ["ada"],
    validBefore: null,
  });
}

/** A list with sections as they are given. */
function krl(...sections: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new Writer().raw(utf8("SSHKRL\n\0")).uint32(1).uint64(3n).uint64(1_750_000_000n)
    .uint64(0n).string("").string("a comment");
  for (const [type, body] of sections) writer.uint8(type).string(body);
  return writer.finish();
}

function certificates(
  authority: PrivateKey | null,
  ...parts: readonly (readonly [number, Uint8Array])[]
): readonly [number, Uint8Array] {
  const writer = new Writer().string(authority?.publicKey.blob ?? "").string("");
  for (const [type, body] of parts) writer.uint8(type).string(body);
  return [1, writer.finish()];
}

function serials(...numbers: readonly bigint[]): Uint8Array {
  const writer = new Writer();
  for (const number of numbers) writer.uint64(number);
  return writer.finish();
}

function strings(...values: readonly (string | Uint8Array)[]): Uint8Array {
  const writer = new Writer();
  for (const value of values) writer.string(value);
  return writer.finish();
}

function bitmap(offset: bigint, bits: readonly number[]): readonly [number, Uint8Array] {
  const bytes = new Uint8Array(Math.floor(Math.max(...bits) / 8) + 1);
  for (const bit of bits) {
    const at = bytes.length - 1 - (bit >> 3);
    bytes[at] = (bytes[at] ?? 0) | 1 << (bit & 7);
  }
  return [0x22, new Writer().uint64(offset).mpint(bytes).finish()];
}

function rangesOf(bytes: Uint8Array): (readonly [bigint, bigint])[] {
  const [first] = parseKrl(bytes).certificates;
  return [...first?.serials ?? []].map(({ first, last }) => [first, last]);
}

describe("a key revocation list", () => {
  it("has a version, a time and a comment", () => {
    const list = parseKrl(krl());
    assert.equal(list.version, 3n);
    assert.deepEqual(list.generatedAt, new Date(1_750_000_000_000));
    assert.equal(list.comment, "a comment");
    assert.equal(list.isRevoked(key.publicKey), false);
  });

  it("revokes keys, and with them their certificates and what they have certified", async () => {
    const list = parseKrl(krl([2, strings(key.publicKey.blob)]));
    assert.equal(list.isRevoked(key.publicKey), true);
    assert.equal(list.isRevoked(otherKey.publicKey), false);
    assert.equal(list.isRevoked(await certify()), true);
    assert.equal(list.isRevoked(await certify({ by: key, of: otherKey })), true);
    assert.equal(list.isRevoked(await certify({ of: otherKey })), false);
  });

  it("revokes keys by fingerprints, of either hash", async () => {
    for (const [section, hash] of [[3, sha1], [5, sha256]] as const) {
      const list = parseKrl(krl([section, strings(hash(key.publicKey.blob))]));
      assert.equal(list.isRevoked(key.publicKey), true);
      assert.equal(list.isRevoked(await certify()), true);
      assert.equal(list.isRevoked(otherKey.publicKey), false);
    }
  });

  it("revokes certificates by serial number, of one authority and of all", async () => {
    const list = parseKrl(krl(
      certificates(ca, [0x20, serials(5n, 7n)], [0x21, serials(100n, 200n)], bitmap(1000n, [0, 9])),
      certificates(null, [0x20, serials(300n)]),
    ));
    const revoked = [5n, 7n, 100n, 150n, 200n, 300n, 1000n, 1009n];
    const good = [0n, 4n, 6n, 8n, 99n, 201n, 299n, 301n, 999n, 1001n, 1008n, 1010n, LAST];
    for (const serial of [...revoked, ...good]) {
      const is = list.isRevoked(await certify({ serial }));
      assert.equal(is, revoked.includes(serial), `${serial}`);
      assert.equal(
        list.isRevoked(await certify({ serial, by: otherCa })),
        serial === 300n,
        `${serial}, by another authority`,
      );
    }
    assert.equal(list.isRevoked(key.publicKey), false);
  });

  it("revokes certificates by key id", async () => {
    const list = parseKrl(krl(
      certificates(ca, [0x23, strings("ada", "bob")]),
      certificates(null, [0x23, strings("eve")]),
    ));
    for (
      const [keyId, by, is] of [
        ["ada", ca, true],
        ["bob", ca, true],
        ["bo", ca, false],
        ["ada", otherCa, false],
        ["eve", otherCa, true],
      ] as const
    ) {
      assert.equal(list.isRevoked(await certify({ keyId, by })), is, keyId);
    }
  });

  it("has the sections of one authority together, whatever their order and overlap", () => {
    const list = parseKrl(krl(
      certificates(ca, [0x21, serials(50n, 60n)], [0x20, serials(9n, 5n, 61n, 5n)]),
      certificates(otherCa, [0x20, serials(1n)]),
      certificates(ca, [0x21, serials(55n, 70n)], bitmap(6n, [0, 1, 2]), [0x23, strings("x")]),
    ));
    assert.equal(list.certificates.length, 2);
    const [first] = list.certificates;
    assert.deepEqual([...first?.serials ?? []], [
      { first: 5n, last: 9n },
      { first: 50n, last: 70n },
    ]);
    assert.deepEqual([...first?.keyIds ?? []], ["x"]);
  });

  it("goes up to the last serial number", () => {
    assert.deepEqual(rangesOf(krl(certificates(ca, [0x21, serials(LAST - 1n, LAST)]))), [
      [LAST - 1n, LAST],
    ]);
    assert.deepEqual(rangesOf(krl(certificates(ca, bitmap(LAST - 8n, [0, 8])))), [
      [LAST - 8n, LAST - 8n],
      [LAST, LAST],
    ]);
    assert.deepEqual(
      rangesOf(krl(certificates(ca, [0x20, serials(LAST, 1n)], [0x21, serials(1n, LAST)]))),
      [[1n, LAST]],
    );
  });

  it("passes over extensions, unless they are critical", () => {
    const extension = (critical: number) =>
      new Writer().string("x@example").uint8(critical).string("?").finish();
    const list = parseKrl(krl(
      [255, extension(0)],
      certificates(ca, [0x39, extension(0)], [0x20, serials(7n)]),
    ));
    assert.equal(list.certificates.length, 1);
    for (
      const critical of [
        krl([255, extension(1)]),
        krl(certificates(ca, [0x39, extension(1)])),
      ]
    ) {
      assert.throws(() => parseKrl(critical), /the critical extension x@example is not known/);
    }
  });

  const damaged: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
    "nothing": [new Uint8Array(0), /does not begin with SSHKRL/],
    "another beginning": [utf8("SSHKRM\n\0"), /does not begin with SSHKRL/],
    "another format": [
      new Writer().raw(utf8("SSHKRL\n\0")).uint32(2).finish(),
      /format 2 is not 1/,
    ],
    "an end in the head": [krl().subarray(0, 20), /but \d+ are left/],
    "an end in a section": [krl([2, strings(key.publicKey.blob)]).subarray(0, -1), /are left/],
    "a section that is not known": [krl([6, new Uint8Array(0)]), /section 6 is not known/],
    "a signature": [krl([4, key.publicKey.blob]), /it is signed/],
    "a short SHA-1": [krl([3, strings(new Uint8Array(19))]), /19 bytes instead of 20/],
    "a short SHA-256": [krl([5, strings(new Uint8Array(20))]), /20 bytes instead of 32/],
    "a comment with a NUL": [
      new Writer().raw(utf8("SSHKRL\n\0")).uint32(1).raw(new Uint8Array(24)).string("")
        .string("a\0").finish(),
      /the comment has a NUL/,
    ],
    "serial 0 in a list": [krl(certificates(ca, [0x20, serials(0n)])), /no range in 1 to/],
    "serial 0 in a range": [krl(certificates(ca, [0x21, serials(0n, 9n)])), /no range in 1 to/],
    "serial 0 in a bitmap": [krl(certificates(ca, bitmap(0n, [0]))), /no range in 1 to/],
    "a range backwards": [krl(certificates(ca, [0x21, serials(9n, 8n)])), /no range in 1 to/],
    "more than a range": [krl(certificates(ca, [0x21, serials(8n, 9n, 10n)])), /8 bytes too many/],
    "a bitmap beyond the last serial": [krl(certificates(ca, bitmap(LAST, [1]))), /no range/],
    "a bitmap that is negative": [
      krl(certificates(ca, [0x22, new Writer().uint64(1n).string(Uint8Array.of(0x80)).finish()])),
      /is negative/,
    ],
    "a bitmap of 2^24 and some bits": [
      krl(certificates(ca, bitmap(1n, [2 ** 24 + 8]))),
      /at most 2097153 are allowed/,
    ],
    "a key id with a NUL": [krl(certificates(ca, [0x23, strings("a\0")])), /has a NUL/],
    "a section of certificates that is not known": [
      krl(certificates(ca, [0x24, new Uint8Array(0)])),
      /section 36 of certificates is not known/,
    ],
  };
  for (const [name, [bytes, message]] of Object.entries(damaged)) {
    it(`with ${name} is refused as a whole`, () => {
      assert.throws(() => parseKrl(bytes), { name: "KeyFormatError", message });
    });
  }

  it("makes no more ranges of its bits than it may", () => {
    // Every second number: four ranges of each byte.
    const bytes = new Uint8Array(2 ** 18).fill(0x55);
    const part = [0x22, new Writer().uint64(1n).mpint(bytes).finish()] as const;
    assert.equal(rangesOf(krl(certificates(ca, part))).length, 2 ** 20);
    assert.throws(
      () => parseKrl(krl(certificates(ca, part), certificates(otherCa, [0x20, serials(5n)]))),
      /more than 1048576 ranges/,
    );
  });
});

describe("a key revocation list that is written", () => {
  const range = fc.tuple(
    fc.bigInt({ min: 1n, max: LAST }),
    fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 2n ** 40n })),
  ).map(([first, length]): SerialRange => {
    const last = first + length;
    return { first, last: last > LAST ? LAST : last };
  });
  const near = fc.array(
    fc.tuple(fc.bigInt({ min: 1n, max: 40n }), fc.bigInt({ min: 0n, max: 5n }))
      .map(([first, length]) => ({ first, last: first + length })),
  );
  const blob = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((blob) => ({ blob }));
  const keyId = fc.string({ unit: "grapheme", maxLength: 10 })
    .filter((text) => !text.includes("\0"));
  const contents = fc.record({
    version: fc.bigInt({ min: 0n, max: LAST }),
    generatedAt: fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => new Date(s * 1000)),
    comment: keyId,
    keys: fc.array(blob, { maxLength: 5 }),
    fingerprints: fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
      ),
      { maxLength: 5 },
    ),
    certificates: fc.array(
      fc.record({
        ca: fc.option(fc.constantFrom(ca, otherCa).map(({ publicKey }) => publicKey)),
        serials: fc.oneof(fc.array(range, { maxLength: 5 }), near),
        keyIds: fc.array(keyId, { maxLength: 3 }),
      }),
      { maxLength: 4 },
    ),
  });

  function plain(list: RevocationList): unknown {
    const bytes = (some: Uint8Array): string => some.toString();
    return {
      head: [list.version, list.generatedAt, list.comment],
      keys: list.keys.map(({ blob }) => bytes(blob)),
      fingerprints: list.fingerprints.map(bytes).sort(),
      certificates: list.certificates.map(({ ca, serials, keyIds }) => ({
        ca: ca && bytes(ca.blob),
        serials: [...serials],
        keyIds: [...keyIds],
      })),
    };
  }

  it("says the same when it is read", () => {
    fc.assert(
      fc.property(contents, (contents) => {
        const list = new RevocationList(contents);
        const written = formatKrl(contents);
        assert.deepEqual(plain(parseKrl(written)), plain(list));
        assert.deepEqual(formatKrl(parseKrl(written)), written);
      }),
      { numRuns: 300 },
    );
  });

  it("has exactly the serials that were given", () => {
    fc.assert(
      fc.property(near, fc.bigInt({ min: 1n, max: 50n }), (ranges, serial) => {
        const list = new RevocationList({
          certificates: [{ ca: ca.publicKey, serials: ranges, keyIds: [] }],
        });
        const [set] = list.certificates;
        const wanted = ranges.some(({ first, last }) => first <= serial && serial <= last);
        const found = [...set?.serials ?? []];
        assert.equal(found.some(({ first, last }) => first <= serial && serial <= last), wanted);
        assert.ok(
          found.every(({ first }, i) => i === 0 || (found[i - 1]?.last ?? first) + 1n < first),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("does not take what cannot stand in it", () => {
    const one = (first: bigint, last: bigint) => ({
      certificates: [{ ca: null, serials: [{ first, last }], keyIds: [] }],
    });
    assert.throws(() => formatKrl(one(0n, 1n)), RangeError);
    assert.throws(() => formatKrl(one(2n, 1n)), RangeError);
    assert.throws(() => formatKrl(one(1n, LAST + 1n)), RangeError);
    assert.throws(() => formatKrl({ fingerprints: [new Uint8Array(16)] }), RangeError);
    assert.throws(() => formatKrl({ comment: "\0" }), RangeError);
    const keyIds = ["\0"];
    assert.throws(
      () => formatKrl({ certificates: [{ ca: null, serials: [], keyIds }] }),
      RangeError,
    );
  });

  it("may have one certificate in it, by its number, or by its id where it has none", async () => {
    for (const serial of [0n, 7n]) {
      const certificate = await certify({ serial });
      const list = new RevocationList({ certificates: [revocationOf(certificate)] });
      assert.equal(list.isRevoked(certificate), true);
      assert.equal(list.isRevoked(key.publicKey), false);
      assert.equal(list.isRevoked(await certify({ serial, by: otherCa })), false);
      assert.equal(list.isRevoked(await certify({ serial: 8n, keyId: "bob" })), false);
    }
  });

  it("takes the key of a certificate, so that it is not passed by", async () => {
    const list = new RevocationList({ keys: [await certify()] });
    assert.equal(list.isRevoked(key.publicKey), true);
  });
});

describe("a file of revoked keys", () => {
  const line = formatPublicKeyLine(key.publicKey);

  it("is a text of public keys, with comments", async () => {
    const text = `# lost\n\n  ${line} of ada\r\n\t${formatPublicKeyLine(otherKey.publicKey)}`;
    for (const file of [text, utf8(text)]) {
      const list = parseRevokedKeys(file);
      assert.equal(list.isRevoked(key.publicKey), true);
      assert.equal(list.isRevoked(otherKey.publicKey), true);
      assert.equal(list.isRevoked(ca.publicKey), false);
      assert.equal(list.isRevoked(await certify()), true);
      assert.equal(list.isRevoked(await certify({ by: otherKey, of: ca })), true);
    }
    assert.equal(parseRevokedKeys("").isRevoked(key.publicKey), false);
  });

  it("is a key revocation list, if it begins as one", () => {
    assert.equal(parseRevokedKeys(formatKrl({ keys: [key.publicKey] })).keys.length, 1);
    assert.throws(() => parseRevokedKeys(utf8("SSHKRL\n\0")), { name: "KeyFormatError" });
    assert.throws(() => parseRevokedKeys("SSHKRL\n\0"), /has to be read as bytes$/);
  });

  it("revokes the key of a certificate that stands in it", async () => {
    const list = parseRevokedKeys(formatPublicKeyLine(await certify()));
    assert.equal(list.isRevoked(key.publicKey), true);
    assert.equal(list.isRevoked(ca.publicKey), false);
  });

  it("may have keys that are too weak, or of types that are not supported", () => {
    const weak = strings(
      "ssh-rsa",
      Uint8Array.of(1, 0, 1),
      Uint8Array.of(0x40, ...new Uint8Array(127)),
    );
    const old = strings("ssh-dss", "p", "q", "g", "y");
    const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
    const list = parseRevokedKeys(`ssh-rsa ${base64(weak)}\nssh-dss ${base64(old)}\n${line}\n`);
    assert.equal(list.keys.length, 3);
    assert.deepEqual(list.keys[0]?.blob, new Uint8Array(weak));
  });

  const blobText = line.split(" ")[1] ?? "";
  const wrong: Readonly<Record<string, string>> = {
    "a line that is no key": "nonsense",
    "a key that is cut short": line.slice(0, -8),
    "a key of another type than it says": line.replace("ssh-ed25519 ", "ssh-rsa "),
    "an Ed25519 key that is none": `ssh-ed25519 ${
      btoa(String.fromCharCode(...strings("ssh-ed25519", new Uint8Array(31))))
    }`,
    "an RSA key that is cut short": publicKeys.rsa.slice(0, 60),
    "options before a key": `no-pty ${line}`,
    "a certificate that is cut short": `ssh-ed25519-cert-v01@openssh.com ${blobText}`,
  };
  for (const [name, text] of Object.entries(wrong)) {
    it(`with ${name} is refused as a whole, and the line is told`, () => {
      assert.throws(() => parseRevokedKeys(`${line}\n${text}\n`), {
        name: "KeyFormatError",
        message: /^Cannot read revoked keys, line 2: /,
      });
    });
  }
});

describe("certificates that a list revokes", () => {
  it("do not hold, and those of revoked authorities do not", async () => {
    const certificate = await certify({ serial: 7n });
    const expected = { role: "user", principals: "ada", trustedCas: [ca.publicKey] } as const;
    const lists: readonly (readonly [RevocationList, string | null])[] = [
      [new RevocationList(), null],
      [new RevocationList({ keys: [ca.publicKey] }), "its authority has been revoked"],
      [new RevocationList({ keys: [key.publicKey] }), "it has been revoked"],
      [
        new RevocationList({
          certificates: [{ ca: ca.publicKey, serials: [{ first: 7n, last: 7n }], keyIds: [] }],
        }),
        "it has been revoked",
      ],
      [parseRevokedKeys(publicKeys.ed25519), null],
    ];
    for (const [revoked, reason] of lists) {
      const verdict = await verifyCertificate(certificate, { ...expected, revoked });
      assert.equal(verdict.accepted ? null : verdict.reason, reason);
    }
    const unsure = { isRevoked: () => undefined as unknown as boolean };
    const verdict = await verifyCertificate(certificate, { ...expected, revoked: unsure });
    assert.equal(verdict.accepted, false, "what is not a clear no is none");
  });

  it("include one that was parsed from its line", () => {
    const parsed = parsePublicKeyLine(publicKeys.ed25519);
    assert.equal(parseRevokedKeys(concat([utf8(publicKeys.ed25519)])).isRevoked(parsed), true);
  });
});
