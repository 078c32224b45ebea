import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  derBits,
  derInteger,
  derNull,
  derOctets,
  derOid,
  DerReader,
  derSequence,
  derTagged,
} from "../../keys/der.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { fromHex, toHex } from "../helpers/hex.ts";

const read = (hex: string) => new DerReader(fromHex(hex), "test");

describe("DER", () => {
  it("encodes as X.690 says", () => {
    assert.equal(toHex(derInteger(0)), "020100");
    assert.equal(toHex(derInteger(127)), "02017f");
    assert.equal(toHex(derInteger(128)), "02020080");
    assert.equal(toHex(derInteger(fromHex("0000ff"))), "020200ff");
    assert.equal(toHex(derNull()), "0500");
    assert.equal(toHex(derBits(fromHex("aa"))), "030200aa");
    assert.equal(toHex(derOid("1.2.840.113549.1.1.1")), "06092a864886f70d010101");
    assert.equal(toHex(derOid("2.16.840.1.101.3.4.1.42")), "060960864801650304012a");
    assert.equal(toHex(derTagged(1, derSequence())), "a1023000");
    assert.equal(toHex(derOctets(new Uint8Array(127))).slice(0, 4), "047f");
    assert.equal(toHex(derOctets(new Uint8Array(128))).slice(0, 6), "048180");
    assert.equal(toHex(derOctets(new Uint8Array(256))).slice(0, 8), "04820100");
  });

  it("what is written is read again", () => {
    const numbers = fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 8 });
    fc.assert(fc.property(fc.uint8Array(), numbers, fc.boolean(), (bytes, oid, withNull) => {
      const dotted = ["1.3", ...oid].join(".");
      const der = derSequence(
        derInteger(bytes),
        derOctets(bytes),
        derOid(dotted),
        ...(withNull ? [derNull()] : []),
        derTagged(3, derBits(bytes)),
      );
      const outer = new DerReader(der, "test");
      const reader = outer.sequence("all");
      outer.end();
      const firstDigit = bytes.findIndex((byte) => byte !== 0);
      const magnitude = firstDigit < 0 ? new Uint8Array(0) : bytes.slice(firstDigit);
      assert.deepEqual(reader.integer("integer").slice(), magnitude);
      assert.deepEqual(reader.octets("octets").slice(), bytes);
      assert.equal(reader.oid("oid"), dotted);
      reader.optionalNull("null");
      assert.equal(reader.tagged(2, "other"), null);
      assert.deepEqual(reader.tagged(3, "tagged")?.bits("bits").slice(), bytes);
      assert.equal(reader.done, true);
      reader.end();
    }));
  });

  const refused: readonly (readonly [string, string, (reader: DerReader) => unknown, RegExp])[] = [
    ["another tag", "0400", (r) => r.integer("x"), /x has the tag 0x4, not 0x2/],
    ["an empty integer", "0200", (r) => r.integer("x"), /empty INTEGER/],
    ["a negative integer", "0201ff", (r) => r.integer("x"), /negative/],
    ["an integer with leading zeros", "02020001", (r) => r.integer("x"), /leading zeros/],
    ["a large small integer", "02050080000000", (r) => r.smallInteger("x"), /too large/],
    ["a length without end", "3080", (r) => r.sequence("x"), /length of x in 0 bytes/],
    ["a length of five bytes", "30850000000001", (r) => r.sequence("x"), /in 5 bytes/],
    ["a length that could be shorter", "04810100", (r) => r.octets("x"), /shortest form/],
    ["a length with a zero", "04820080", (r) => r.octets("x"), /shortest form/],
    ["a length of 2^32 - 1", "0484ffffffff", (r) => r.octets("x"), /4294967295 bytes, but 0 are/],
    ["bits that are not bytes", "030204f0", (r) => r.bits("x"), /whole bytes/],
    ["bits without a count", "0300", (r) => r.bits("x"), /whole bytes/],
    ["an identifier that is cut", "060181", (r) => r.oid("x"), /is cut/],
    ["an empty identifier", "0600", (r) => r.oid("x"), /is cut/],
    ["an identifier too large", "0607ffffffffffff7f", (r) => r.oid("x"), /too large/],
    ["NULL with a content", "050100", (r) => r.optionalNull("x"), /is not NULL/],
    ["something behind the end", "0500", (r) => r.end(), /2 bytes too many/],
  ];
  for (const [what, hex, body, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => body(read(hex)), (error) => {
        assert.ok(error instanceof KeyFormatError);
        assert.match(error.message, /^Cannot read test: .* \(at byte \d+\)$/);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
