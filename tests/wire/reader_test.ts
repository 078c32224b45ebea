import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { KeyFormatError, ProtocolError } from "../../wire/errors.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { fromHex } from "../helpers/hex.ts";

const reader = (bytes: string): Reader => new Reader(fromHex(bytes), "test");

describe("reader", () => {
  it("reads the examples of RFC 4251 section 5", () => {
    assert.equal(reader("29b7f4aa").uint32(), 699921578);
    assert.deepEqual(reader("00000007 74657374696e67").string(), utf8("testing"));
    assert.deepEqual(reader("00000000").mpint(), fromHex(""));
    assert.deepEqual(
      reader("00000008 09a378f9b2e332a7").mpint(),
      fromHex("09a378f9b2e332a7"),
    );
    assert.deepEqual(reader("00000002 0080").mpint(), fromHex("80"));
    assert.deepEqual(reader("00000000").nameList(), []);
    assert.deepEqual(reader("00000004 7a6c6962").nameList(), ["zlib"]);
    assert.deepEqual(reader("00000009 7a6c69622c6e6f6e65").nameList(), ["zlib", "none"]);
  });

  it("reads one field behind the other, and knows where it is", () => {
    const fields = reader("01 00 02 00000003 0000000000000004 0000000161 ffff");
    assert.equal(fields.uint8(), 1);
    assert.deepEqual([fields.boolean(), fields.boolean()], [false, true]);
    assert.equal(fields.uint32(), 3);
    assert.equal(fields.uint64(), 4n);
    assert.equal(fields.text(), "a");
    assert.deepEqual([fields.offset, fields.remaining], [20, 2]);
    assert.deepEqual(fields.since(15), fromHex("0000000161"));
    assert.deepEqual(fields.rest(), fromHex("ffff"));
    fields.end();
  });

  it("reads numbers without a sign", () => {
    assert.equal(reader("ffffffff").uint32(), 2 ** 32 - 1);
    assert.equal(reader("ffffffffffffffff").uint64(), 2n ** 64n - 1n);
    assert.equal(reader("ff").uint8(), 255);
  });

  it("gives views, and copies nothing", () => {
    const bytes = fromHex("00000002 0102");
    const view = new Reader(bytes, "test").string();
    bytes[4] = 9;
    assert.deepEqual(view, fromHex("0902"));
  });

  it("never reads beyond the end", () => {
    const reads: [string, (reader: Reader) => unknown][] = [
      ["", (r) => r.uint8()],
      ["", (r) => r.boolean()],
      ["000000", (r) => r.uint32()],
      ["00000000000000", (r) => r.uint64()],
      ["00000005 01020304", (r) => r.string()],
      ["ffffffff", (r) => r.string()],
      ["80000000 00", (r) => r.text()],
      ["7fffffff 00", (r) => r.name()],
      ["00000002 61", (r) => r.nameList()],
      ["00000003 0102", (r) => r.mpint()],
      ["01", (r) => r.raw(2)],
    ];
    for (const [bytes, read] of reads) {
      assert.throws(() => read(reader(bytes)), ProtocolError, bytes);
    }
  });

  it("says what it was reading, why it could not, and where", () => {
    const fields = new Reader(fromHex("07 00000009 01"), "KEXINIT");
    fields.uint8();
    assert.throws(() => fields.string("cookie"), {
      name: "ProtocolError",
      message: "Cannot read KEXINIT: cookie of 9 bytes, but 1 are left (at byte 5)",
    });
  });

  it("throws what it is told to throw", () => {
    assert.throws(() => new Reader(fromHex(""), "key", KeyFormatError).uint8(), KeyFormatError);
  });

  it("checks a length against its limit before anything else", () => {
    assert.throws(() => reader("00000005 0102030405").string("x", 4), /at most 4 are allowed/);
    assert.throws(() => reader("ffffffff").string("x", 4), /at most 4 are allowed/);
    assert.deepEqual(reader("00000004 01020304").string("x", 4), fromHex("01020304"));
  });

  it("takes UTF-8 for text, and nothing else", () => {
    const written = (text: string): Reader =>
      new Reader(new Writer().string(text).finish(), "test");
    for (const text of ["", "ä€𝄞", "\ufeffmark", "\0"]) assert.equal(written(text).text(), text);
    for (const bytes of ["ff", "c0af", "e28282ff", "eda080", "f4908080", "c3"]) {
      const length = (bytes.length / 2).toString(16).padStart(8, "0");
      assert.throws(() => reader(length + bytes).text("name"), /name is not UTF-8/);
    }
  });

  it("takes printable US-ASCII for names, and nothing else", () => {
    assert.equal(reader("00000003 20417e").name(), " A~");
    for (const byte of ["00", "1f", "7f", "80", "0a", "ff"]) {
      assert.throws(() => reader(`00000001${byte}`).name(), /is not printable US-ASCII/);
    }
  });

  it("reads a name of any length", () => {
    for (const length of [65_536, 200_000, 1_000_000]) {
      const bytes = new Writer().string(new Uint8Array(length).fill(0x61)).finish();
      assert.equal(new Reader(bytes, "test").name().length, length);
    }
  });

  it("takes only lists without empty names, and not too many", () => {
    const list = (text: string): Reader => new Reader(new Writer().string(text).finish(), "test");
    for (const text of [",", "a,", ",a", "a,,b"]) {
      assert.throws(() => list(text).nameList(), /has an empty name/);
    }
    const many = (count: number): string => Array.from({ length: count }, () => "a").join(",");
    assert.equal(list(many(1000)).nameList().length, 1000);
    assert.throws(() => list(many(1001)).nameList(), /more than 1000 names/);
    assert.throws(() => list(many(4)).nameList("x", 3), /more than 3 names/);
    assert.throws(() => list("a".repeat(65_537)).nameList(), /at most 65536 are allowed/);
  });

  it("takes only numbers that are not negative, in their shortest form", () => {
    assert.throws(() => reader("00000002 edcc").mpint(), /is negative/);
    assert.throws(() => reader("00000001 80").mpint(), /is negative/);
    for (const bytes of ["00000001 00", "00000002 0001", "00000003 000080", "00000003 00007f"]) {
      assert.throws(() => reader(bytes).mpint(), /unnecessary leading zeros/);
    }
  });

  it("makes sure that nothing is left", () => {
    assert.throws(() => reader("0102").end(), /2 bytes too many/);
    reader("").end();
  });

  it("gives back what was written, whatever it was", () => {
    fc.assert(fc.property(
      fc.uint8Array(),
      fc.string({ unit: "grapheme" }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.boolean(),
      (bytes, text, uint32, uint64, boolean) => {
        const written = new Writer(0).string(bytes).string(text).uint32(uint32).uint64(uint64)
          .boolean(boolean).mpint(bytes).raw(bytes).finish();
        const fields = new Reader(written, "test");
        assert.deepEqual(fields.string(), bytes);
        assert.equal(fields.text(), text);
        assert.equal(fields.uint32(), uint32);
        assert.equal(fields.uint64(), uint64);
        assert.equal(fields.boolean(), boolean);
        const first = bytes.findIndex((byte) => byte !== 0);
        assert.deepEqual(fields.mpint(), first === -1 ? new Uint8Array(0) : bytes.slice(first));
        assert.deepEqual(fields.rest(), bytes);
      },
    ));
  });

  it("throws nothing but its own error, whatever it is given", () => {
    const reads: ((reader: Reader) => unknown)[] = [
      (r) => r.uint8(),
      (r) => r.boolean(),
      (r) => r.uint32(),
      (r) => r.uint64(),
      (r) => r.string(),
      (r) => r.text(),
      (r) => r.name(),
      (r) => r.nameList(),
      (r) => r.mpint(),
      (r) => r.end(),
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.infiniteStream(fc.nat(9)),
        (bytes, picks) => {
          const fields = new Reader(bytes, "test");
          try {
            for (const pick of picks) {
              reads[pick]?.(fields);
              assert.ok(fields.offset <= bytes.length);
              if (fields.remaining === 0) break;
            }
          } catch (error) {
            assert.ok(error instanceof ProtocolError, String(error));
          }
        },
      ),
    );
  });
});
