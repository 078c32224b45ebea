import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { ByteQueue } from "../../wire/byte_queue.ts";

describe("byte queue", () => {
  it("gives the bytes in the order in which they came, however they are cut", () => {
    fc.assert(fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 30 }),
      fc.infiniteStream(fc.nat(40)),
      (chunks, lengths) => {
        const queue = new ByteQueue();
        const expected = chunks.flatMap((chunk) => [...chunk]);
        const got: number[] = [];
        const rest = [...chunks];
        let pushed = 0;
        for (const length of lengths) {
          const chunk = rest.shift();
          if (chunk !== undefined) {
            queue.push(chunk.slice());
            pushed += chunk.length;
          }
          assert.equal(queue.length, pushed - got.length);
          const taken = Math.min(length, queue.length);
          got.push(...queue.peek(taken));
          queue.skip(taken);
          if (rest.length === 0 && queue.length === 0) break;
        }
        assert.deepEqual(got, expected);
      },
    ));
  });

  it("does not copy a chunk that finds it empty", () => {
    const queue = new ByteQueue();
    const chunk = Uint8Array.of(1, 2, 3);
    queue.push(chunk);
    assert.equal(queue.peek(3).buffer, chunk.buffer);
    queue.skip(3);
    const next = Uint8Array.of(4);
    queue.push(next);
    assert.equal(queue.peek(1).buffer, next.buffer);
  });

  it("leaves a chunk alone when more comes", () => {
    const queue = new ByteQueue();
    const [first, second] = [Uint8Array.of(1, 2), Uint8Array.of(3, 4)];
    queue.push(first);
    queue.push(second);
    assert.deepEqual(queue.peek(4), Uint8Array.of(1, 2, 3, 4));
    assert.deepEqual([first, second], [Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
  });

  it("shows what is written to its front: packets are opened in place", () => {
    const queue = new ByteQueue();
    queue.push(Uint8Array.of(1, 2, 3));
    queue.peek(2).fill(9);
    queue.push(Uint8Array.of(4));
    assert.deepEqual(queue.peek(4), Uint8Array.of(9, 9, 3, 4));
  });

  it("gives views that stay valid when they are skipped, until the next push", () => {
    const queue = new ByteQueue();
    queue.push(Uint8Array.of(1, 2, 3));
    queue.push(Uint8Array.of(4, 5));
    const view = queue.peek(2);
    queue.skip(2);
    assert.deepEqual(view, Uint8Array.of(1, 2));
    assert.deepEqual(queue.peek(3), Uint8Array.of(3, 4, 5));
  });

  it("gives what it takes off, from one chunk or from many", () => {
    fc.assert(fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000, size: "max" }), { minLength: 1 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 4000 })),
      (chunks, lengths) => {
        const queue = new ByteQueue();
        const expected = chunks.flatMap((chunk) => [...chunk]);
        for (const chunk of chunks) queue.push(chunk.slice());
        const got: number[] = [];
        for (const length of lengths) {
          if (queue.length === 0) break;
          got.push(...queue.take(Math.min(length, queue.length)));
          assert.equal(queue.length, expected.length - got.length);
        }
        assert.deepEqual(got, expected);
      },
    ));
  });

  it("puts what it takes from several chunks into a place that is used again", () => {
    const queue = new ByteQueue();
    const [one, other] = [new Uint8Array(3000).fill(1), new Uint8Array(3000).fill(2)];
    for (const chunk of [one, other, one]) queue.push(chunk);
    const first = queue.take(4000);
    assert.deepEqual(first.slice(2990, 3010), new Uint8Array(20).fill(1, 0, 10).fill(2, 10));
    const second = queue.take(4000);
    assert.equal(second.buffer, first.buffer);
    assert.ok(first.buffer !== one.buffer && one.every((byte) => byte === 1));
    queue.push(one);
    assert.throws(() => queue.take(9000), RangeError);
    assert.deepEqual(queue.take(1000).buffer, one.buffer);
  });

  it("lets go of a chunk, of which it copies a short rest", () => {
    const queue = new ByteQueue();
    const [first, second] = [new Uint8Array(2000).fill(1), new Uint8Array(2000).fill(2)];
    queue.push(first);
    queue.skip(500);
    assert.equal(queue.letGo(first), true);
    first.fill(9);
    queue.push(second);
    queue.skip(1000);
    assert.equal(queue.letGo(second), true);
    second.fill(9);
    assert.deepEqual(queue.peek(2500), new Uint8Array(2500).fill(2).fill(1, 0, 500));
    queue.skip(2500);
    assert.equal(queue.letGo(second), true);

    const long = new Uint8Array(100_000).fill(3);
    queue.push(long);
    assert.equal(queue.letGo(long), false);
    assert.equal(queue.peek(100_000).buffer, long.buffer);
  });

  it("costs time that grows with its input, byte by byte and never empty", () => {
    const copied = { bytes: 0 };
    const { set, copyWithin } = Uint8Array.prototype;
    Uint8Array.prototype.set = function (source, ...rest) {
      copied.bytes += source.length;
      set.call(this, source, ...rest);
    };
    Uint8Array.prototype.copyWithin = function (target, start, end) {
      copied.bytes += (end ?? this.length) - start;
      return copyWithin.call(this, target, start, end);
    };
    try {
      const count = 20_000;
      const queue = new ByteQueue();
      queue.push(new Uint8Array(3));
      for (let i = 0; i < count; i++) {
        queue.push(Uint8Array.of(i));
        if (i % 3 === 0) queue.skip(1);
      }
      assert.ok(copied.bytes < count * 5, `${copied.bytes}`);

      // In and out in step, so that it stays short: then it must not grow either.
      copied.bytes = 0;
      const short = new ByteQueue();
      short.push(new Uint8Array(1000));
      for (let i = 0; i < count; i++) {
        short.push(Uint8Array.of(i));
        short.skip(1);
      }
      assert.ok(copied.bytes < count * 5, `${copied.bytes}`);
      assert.ok(short.peek(1000).buffer.byteLength < 5000);
    } finally {
      Uint8Array.prototype.set = set;
      Uint8Array.prototype.copyWithin = copyWithin;
    }
  });

  it("refuses to give more than it holds", () => {
    const queue = new ByteQueue();
    queue.push(Uint8Array.of(1));
    assert.throws(() => queue.peek(2), RangeError);
    assert.throws(() => queue.skip(2), RangeError);
    queue.clear();
    assert.equal(queue.length, 0);
    assert.throws(() => queue.peek(1), RangeError);
  });

  it("goes on after it was cleared", () => {
    const queue = new ByteQueue();
    queue.push(Uint8Array.of(1));
    queue.push(Uint8Array.of(2));
    queue.clear();
    queue.push(Uint8Array.of(3));
    assert.deepEqual(queue.peek(1), Uint8Array.of(3));
  });
});
