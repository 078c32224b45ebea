import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { ReadBuffer } from "../../flow/_read_buffer.ts";

/** Does a read that finds `length` bytes, or as many as there is room for. */
function read(buffer: ReadBuffer, length: number): Uint8Array {
  const into = buffer.next();
  return buffer.filled(into.fill(1).subarray(0, length));
}

describe("ReadBuffer", () => {
  it("begins small, and grows while reads fill it", () => {
    const buffer = new ReadBuffer();
    const lengths = [1, 2, 3, 4, 5].map(() => read(buffer, Infinity).length);
    assert.deepEqual(lengths, [4096, 16384, 65536, 262144, 262144]);
  });

  it("is small again after a read that found little", () => {
    const buffer = new ReadBuffer();
    for (let i = 0; i < 4; i++) read(buffer, Infinity);
    read(buffer, 100);
    assert.equal(buffer.next().length, 4096);
  });

  it("stays as it is while reads find some", () => {
    const buffer = new ReadBuffer();
    for (let i = 0; i < 4; i++) read(buffer, Infinity);
    read(buffer, 200_000);
    read(buffer, 30_000);
    assert.equal(buffer.next().length, 262144);
  });

  it("hands over what fills most of a buffer, and uses that no more", () => {
    const buffer = new ReadBuffer();
    const into = buffer.next();
    const chunk = buffer.filled(into.subarray(0, 3000));
    assert.equal(chunk.buffer, into.buffer);
    assert.notEqual(buffer.next().buffer, into.buffer);
  });

  it("copies what fills little of a buffer, and uses that again", () => {
    const buffer = new ReadBuffer();
    const into = buffer.next();
    const chunk = buffer.filled(into.subarray(0, 1000));
    assert.equal(chunk.buffer.byteLength, 1000);
    assert.equal(buffer.next().buffer, into.buffer);
  });

  it("uses a buffer again that is given back, if it has the right length", () => {
    const buffer = new ReadBuffer();
    const small = read(buffer, Infinity);
    buffer.reuse(small);
    assert.notEqual(buffer.next().buffer, small.buffer, "buffers are larger by now");
    const chunks = [read(buffer, Infinity), read(buffer, Infinity), read(buffer, Infinity)];
    const large = chunks.at(-1) ?? assert.fail();
    assert.equal(large.length, 262144);
    buffer.reuse(large.subarray(5, 7));
    assert.equal(buffer.next().buffer, large.buffer);
    assert.notEqual(buffer.next().buffer, large.buffer, "once");
  });

  it("gives a buffer to each of two reads at once", () => {
    const buffer = new ReadBuffer();
    assert.notEqual(buffer.next().buffer, buffer.next().buffer);
  });
});
