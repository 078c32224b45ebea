import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Writer } from "../../wire/writer.ts";
import { fromHex } from "../helpers/hex.ts";

describe("writer", () => {
  it("writes the examples of RFC 4251 section 5", () => {
    const written = (write: (writer: Writer) => Writer): Uint8Array => write(new Writer()).finish();
    assert.deepEqual(written((w) => w.uint32(699921578)), fromHex("29b7f4aa"));
    assert.deepEqual(written((w) => w.string("testing")), fromHex("00000007 74657374696e67"));
    assert.deepEqual(written((w) => w.mpint(fromHex(""))), fromHex("00000000"));
    assert.deepEqual(
      written((w) => w.mpint(fromHex("09a378f9b2e332a7"))),
      fromHex("00000008 09a378f9b2e332a7"),
    );
    assert.deepEqual(written((w) => w.mpint(fromHex("80"))), fromHex("00000002 0080"));
    assert.deepEqual(written((w) => w.nameList([])), fromHex("00000000"));
    assert.deepEqual(
      written((w) => w.nameList(["zlib", "none"])),
      fromHex("00000009 7a6c69622c6e6f6e65"),
    );
  });

  it("writes numbers in their shortest form, however they were given", () => {
    for (const zeros of ["", "00", "000000"]) {
      assert.deepEqual(new Writer().mpint(fromHex(`${zeros}7f`)).finish(), fromHex("00000001 7f"));
      assert.deepEqual(
        new Writer().mpint(fromHex(`${zeros}ff`)).finish(),
        fromHex("00000002 00ff"),
      );
      assert.deepEqual(new Writer().mpint(fromHex(zeros)).finish(), fromHex("00000000"));
    }
  });

  it("writes text in UTF-8, and counts its bytes", () => {
    assert.deepEqual(new Writer().string("ä€").finish(), fromHex("00000005 c3a4e282ac"));
  });

  it("grows as it has to, and keeps what was written", () => {
    const writer = new Writer(1);
    for (let i = 0; i < 1000; i++) writer.uint8(i);
    assert.equal(writer.length, 1000);
    assert.deepEqual(writer.finish(), Uint8Array.from({ length: 1000 }, (_, i) => i));
    assert.deepEqual(new Writer(0).uint32(1).raw(new Uint8Array(5000)).finish().length, 5004);
  });

  it("copies what it is given", () => {
    const bytes = fromHex("0102");
    const written = new Writer().raw(bytes).finish();
    bytes.fill(9);
    assert.deepEqual(written, fromHex("0102"));
  });

  it("keeps what several have written apart, whichever ends first and however much it is", () => {
    for (const length of [1, 100, 255, 256, 257, 3000]) {
      for (let round = 0; round < 100; round++) {
        const [one, two, three] = [new Writer(), new Writer(), new Writer()];
        for (const [index, writer] of [one, two, three].entries()) {
          writer.uint32(round).raw(new Uint8Array(length).fill(index));
        }
        const second = two.string("€").finish();
        const third = three.finish();
        const fourth = new Writer().raw(new Uint8Array(length).fill(9)).finish();
        const first = one.finish();
        const head = new Uint8Array([0, 0, 0, round]);
        assert.deepEqual(first, concat(head, new Uint8Array(length).fill(0)));
        assert.deepEqual(
          second,
          concat(head, new Uint8Array(length).fill(1), fromHex("00000003 e282ac")),
        );
        assert.deepEqual(third, concat(head, new Uint8Array(length).fill(2)));
        assert.deepEqual(fourth, new Uint8Array(length).fill(9));
      }
    }
  });

  it("has a buffer of its own where its capacity is told", () => {
    const secret = new Writer(8).uint32(1).finish();
    assert.equal(secret.buffer.byteLength, 8);
  });
});

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
