import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { ed25519KeyType } from "../../keys/ed25519.ts";
import {
  formatPublicKeyLine,
  keyTypes,
  parsePublicKey,
  parsePublicKeyLine,
  samePublicKey,
} from "../../keys/public_key.ts";
import { formatRfc4716, parseRfc4716 } from "../../keys/rfc4716.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { publicKeys } from "./fixtures.ts";

const lines = Object.entries(publicKeys);
const ed25519 = parsePublicKeyLine(publicKeys.ed25519);
const rsa = parsePublicKeyLine(publicKeys.rsa);
const e65537 = new Uint8Array([1, 0, 1]);

describe("public keys", () => {
  for (const [name, line] of lines) {
    it(`${name}: a line comes out as it went in`, () => {
      const key = parsePublicKeyLine(line);
      assert.equal(formatPublicKeyLine(key), line);
      assert.deepEqual(parsePublicKey(key.blob).blob, key.blob);
      assert.equal(parsePublicKeyLine(`  ${line.replaceAll(" ", "\t")}\r\n`).type, key.type);
    });

    it(`${name}: cut anywhere, or with a byte too many, it is refused with the place`, () => {
      const { blob } = parsePublicKeyLine(line);
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

  it("a key does not change when the bytes that it was read from do", () => {
    const blob = ed25519.blob.slice();
    const key = parsePublicKey(blob);
    blob.fill(0);
    assert.equal(samePublicKey(key, ed25519), true);
  });

  it("a comment may hold several words, or be missing", () => {
    const [type, base64] = publicKeys.ed25519.split(" ");
    assert.equal(parsePublicKeyLine(`${type} ${base64} Ada, at home`).comment, "Ada, at home");
    // Unicode's own separator of lines separates none here.
    assert.equal(parsePublicKeyLine(`${type} ${base64} Ada\u2028home`).comment, "Ada\u2028home");
    const bare = parsePublicKeyLine(`${type} ${base64}`);
    assert.equal(bare.comment, "");
    assert.equal(formatPublicKeyLine(bare), `${type} ${base64}`);
  });

  it("a comment that would begin another line is not written", () => {
    const key = parsePublicKey(ed25519.blob, { comment: "ada\nssh-rsa AAAA" });
    assert.throws(() => formatPublicKeyLine(key), RangeError);
    assert.throws(() => formatRfc4716(key), RangeError);
  });

  const badLines: readonly (readonly [string, string, RegExp])[] = [
    ["an empty line", " \n", /it is empty/],
    ["a type alone", "ssh-ed25519", /there is no key after the type/],
    ["what is not base64", "ssh-ed25519 AA*A", /not base64/],
    ["base64 of a bad length", "ssh-ed25519 AAAAA", /not base64/],
    ["base64 padded wrongly", "ssh-ed25519 AAA==", /not base64/],
    ["two lines", `${publicKeys.ed25519}\n${publicKeys.rsa}`, /more than one line/],
    [
      "a type that the key does not have",
      publicKeys.ed25519.replace("ssh-ed25519", "ssh-rsa"),
      /it begins with ssh-rsa, but the key is of type ssh-ed25519/,
    ],
    ["a key that says nothing", "ssh-ed25519 AAAA", /uint32|type/],
  ];
  for (const [what, line, message] of badLines) {
    it(`${what} is refused`, () => {
      assert.throws(() => parsePublicKeyLine(line), (error) => {
        assert.ok(error instanceof KeyFormatError);
        assert.match(error.message, /^Cannot read public key/);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("an unknown type is refused with those that there are, and fit for a terminal", () => {
    const blob = new Writer().string("ssh-dss").string("x").finish();
    assert.throws(() => parsePublicKey(blob), {
      name: "KeyFormatError",
      message: "Cannot read public key: type ssh-dss is not one of " +
        `${keyTypes.flatMap(({ names }) => names).join(", ")} (at byte 11)`,
    });
    const hostile = new Writer().string("\x1b[2J").finish();
    assert.throws(() => parsePublicKey(hostile), /type is not printable US-ASCII/);
  });

  it("the types that are supported can be chosen", () => {
    assert.equal(parsePublicKey(ed25519.blob, { types: [ed25519KeyType] }).type, "ssh-ed25519");
    assert.throws(
      () => parsePublicKey(rsa.blob, { types: [ed25519KeyType] }),
      /type ssh-rsa is not one of ssh-ed25519 /,
    );
  });

  const rsaKeys: readonly (readonly [string, Uint8Array, Uint8Array, RegExp | null])[] = [
    ["an exponent of 1", new Uint8Array([1]), modulus(2048), /exponent is below 3/],
    ["an exponent of 0", new Uint8Array(0), modulus(2048), /exponent is below 3/],
    ["an exponent of 2", new Uint8Array([2]), modulus(2048), /exponent is even/],
    ["an exponent of 3", new Uint8Array([3]), modulus(2048), null],
    ["an exponent of 64 bits", new Uint8Array(8).fill(255), modulus(2048), null],
    ["an exponent of 65 bits", big(65), modulus(2048), /exponent has 65 bits, and at most 64/],
    ["an exponent as long as the modulus", big(2048), modulus(2048), /exponent has 2048 bits/],
    ["512 bits", e65537, modulus(512), /modulus has 512 bits, and 2048 to 16384 are allowed/],
    ["2047 bits", e65537, modulus(2047), /modulus has 2047 bits/],
    ["16384 bits", e65537, modulus(16384), null],
    ["16385 bits", e65537, modulus(16385), /modulus has 16385 bits/],
    ["100,000 bits", e65537, modulus(100_000), /modulus has 100000 bits/],
    ["an even modulus", e65537, even(2048), /modulus is even/],
  ];
  for (const [what, exponent, n, why] of rsaKeys) {
    it(`an RSA key with ${what} is ${why ? "refused, with the reason" : "taken"}`, () => {
      const blob = new Writer().string("ssh-rsa").mpint(exponent).mpint(n).finish();
      if (why === null) return assert.deepEqual(parsePublicKey(blob).blob, blob);
      assert.throws(() => parsePublicKey(blob), { name: "KeyFormatError", message: why });
    });
  }

  it("RSA keys that differ in the exponent only are different keys", () => {
    const n = modulus(2048);
    const [a, b] = [e65537, new Uint8Array([3])].map((e) =>
      parsePublicKey(new Writer().string("ssh-rsa").mpint(e).mpint(n).finish())
    );
    assert.ok(a && b);
    assert.equal(samePublicKey(a, b), false);
    assert.equal(samePublicKey(a, parsePublicKey(a.blob, { comment: "x" })), true);
  });

  it("there is one encoding of a key: negative numbers and leading zeros are refused", () => {
    const n = modulus(2048);
    const encodings = [
      new Writer().string("ssh-rsa").string(new Uint8Array([0, 1, 0, 1])).mpint(n),
      new Writer().string("ssh-rsa").mpint(e65537).string(n),
      new Writer().string("ssh-rsa").mpint(e65537).string(new Writer().uint8(0).raw(n).finish()),
    ].map((writer) => writer.finish());
    assert.throws(() => parsePublicKey(encodings[0] as Uint8Array), /unnecessary leading zeros/);
    assert.throws(() => parsePublicKey(encodings[1] as Uint8Array), /modulus n is negative/);
    assert.equal(parsePublicKey(encodings[2] as Uint8Array).type, "ssh-rsa");
  });

  const ecdsa = parsePublicKeyLine(publicKeys.ecdsa256);
  const point = ecdsa.blob.subarray(-65);
  const points: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["a point that is not on the curve", flipped(point), /point that is not on nistp256/],
    ["a compressed point", new Uint8Array([2, ...point.subarray(1, 33)]), /33 bytes instead of 65/],
    ["the point at infinity", new Uint8Array([0]), /1 bytes instead of 65/],
    ["coordinates of zero", new Uint8Array([4, ...new Uint8Array(64)]), /not on nistp256/],
    ["coordinates too large", new Uint8Array([4, ...new Uint8Array(64).fill(255)]), /not on/],
    ["a hybrid point", new Uint8Array([6, ...point.subarray(1)]), /not on nistp256/],
  ];
  for (const [what, bytes, why] of points) {
    it(`an ECDSA key with ${what} is refused`, () => {
      const blob = new Writer().string(ecdsa.type).string("nistp256").string(bytes).finish();
      assert.throws(() => parsePublicKey(blob), { name: "KeyFormatError", message: why });
    });
  }

  it("an ECDSA key that names another curve than its type is refused", () => {
    const blob = new Writer().string(ecdsa.type).string("nistp384").string(point).finish();
    assert.throws(
      () => parsePublicKey(blob),
      /curve nistp384 in a key of type ecdsa-sha2-nistp256/,
    );
  });

  it("any bytes and any text give a key or a KeyFormatError, and nothing else", () => {
    const names = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp521", "x"];
    fc.assert(fc.property(
      fc.constantFrom(...names),
      fc.uint8Array({ maxLength: 200 }),
      fc.string(),
      (name, bytes, text) => {
        onlyKeyFormatError(() => parsePublicKey(bytes));
        onlyKeyFormatError(() => parsePublicKey(new Writer().string(name).raw(bytes).finish()));
        onlyKeyFormatError(() => parsePublicKeyLine(text));
        onlyKeyFormatError(() => parsePublicKeyLine(`${name} ${text}`));
        onlyKeyFormatError(() => parseRfc4716(text));
      },
    ));
  });
});

describe("RFC 4716", () => {
  it("a key comes out as it went in, with any comment, in lines of at most 72 bytes", () => {
    const comments = fc.string({ unit: "grapheme", maxLength: 100 })
      .filter((text) => !/[\r\n\0]/.test(text) && text.isWellFormed());
    const roundTrip = fc.property(comments, (comment) => {
      const text = formatRfc4716(parsePublicKey(ed25519.blob, { comment }));
      for (const line of text.split("\n")) {
        assert.ok(new TextEncoder().encode(line).length <= 72, line);
      }
      const key = parseRfc4716(text.replaceAll("\n", "\r\n"));
      assert.equal(key.comment, comment);
      assert.deepEqual(key.blob, ed25519.blob);
    });
    fc.assert(roundTrip, { examples: [["\u2028"]] });
  });

  it("other headers are skipped, also those of several lines", () => {
    const [begin, ...rest] = formatRfc4716(parsePublicKey(ed25519.blob)).split("\n");
    const text = [begin, "Subject: ada", "x-long: a\\", "b: c\\", "d", "COMMENT: home", ...rest];
    assert.equal(parseRfc4716(text.join("\n")).comment, "home");
  });

  it("what is not in the format is refused", () => {
    const text = formatRfc4716(ed25519);
    assert.throws(() => parseRfc4716(text.slice(1)), /does not begin with "---- BEGIN SSH2/);
    assert.throws(() => parseRfc4716(text.slice(0, -10)), /does not end with "---- END SSH2/);
    assert.throws(() => parseRfc4716(text.replace("AAAA", "A*AA")), /is not base64/);
    assert.throws(() => parseRfc4716("-".repeat(1 << 17)), /131072 characters, and at most 65536/);
  });
});

function onlyKeyFormatError(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof KeyFormatError)) throw error;
  }
}

/** An odd number of exactly `bits` bits. */
function modulus(bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
  bytes[0] = 0xff >> (bytes.length * 8 - bits);
  return bytes;
}

function big(bits: number): Uint8Array {
  return modulus(bits);
}

function even(bits: number): Uint8Array {
  const bytes = modulus(bits);
  bytes[bytes.length - 1] = 0xfe;
  return bytes;
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
  return copy;
}
