import assert from "node:assert/strict";
import { constants, deflateSync, inflateSync } from "node:zlib";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  type CompressionAlgorithm,
  noCompression,
  zlibDelayed,
  zlibWithLevel,
} from "../../protocol/transport/compression.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const MAX = 1 << 20;

describe("compression", () => {
  for (const algorithm of [noCompression, zlibDelayed, zlibWithLevel(1), zlibWithLevel(9)]) {
    it(`${algorithm.name}: gives back every payload, packet after packet`, () => {
      fc.assert(
        fc.property(
          fc.array(payloads(), { minLength: 1, maxLength: 6 }),
          (sequence) => {
            const compressor = algorithm.createCompressor();
            const decompressor = algorithm.createDecompressor();
            for (const payload of sequence) {
              const copy = payload.slice();
              const compressed = compressor.compress(payload);
              assert.deepEqual(payload, copy);
              assert.deepEqual(decompressor.decompress(compressed, MAX), payload);
            }
          },
        ),
        { numRuns: 20 },
      );
    });
  }

  it("is negotiated by name, and zlib starts after authentication", () => {
    assert.deepEqual([noCompression.name, noCompression.delayed], ["none", false]);
    assert.deepEqual([zlibDelayed.name, zlibDelayed.delayed], ["zlib@openssh.com", true]);
  });

  it("remembers earlier payloads", () => {
    const compressor = zlibDelayed.createCompressor();
    const payload = seededRandom(1)(1000);
    const first = compressor.compress(payload);
    const second = compressor.compress(payload);
    assert.ok(first.length > 1000);
    assert.ok(second.length < 50);
  });

  it("gives payloads that stay as they are when the next one is handled", () => {
    const compressor = zlibDelayed.createCompressor();
    const decompressor = zlibDelayed.createDecompressor();
    const one = compressor.compress(new Uint8Array(100).fill(1));
    const copy = one.slice();
    const two = compressor.compress(new Uint8Array(100).fill(2));
    assert.deepEqual(one, copy);
    const first = decompressor.decompress(one, MAX);
    decompressor.decompress(two, MAX);
    assert.deepEqual(first, new Uint8Array(100).fill(1));
  });

  it("is smaller at higher levels, which are 1 to 9", () => {
    const payload = text(50_000);
    const sizes = [1, 6, 9].map((level) =>
      zlibWithLevel(level).createCompressor().compress(payload).length
    );
    assert.ok((sizes[0] ?? 0) > (sizes[1] ?? 0) && (sizes[1] ?? 0) >= (sizes[2] ?? 0), `${sizes}`);
    assert.equal(zlibDelayed.createCompressor(9).compress(payload).length, sizes[2]);
    for (const level of [0, 10, -1, 1.5, NaN]) {
      assert.throws(() => zlibWithLevel(level), RangeError);
      assert.throws(() => zlibDelayed.createCompressor(level), RangeError);
    }
  });

  it("is read by zlib itself", () => {
    const compressor = zlibDelayed.createCompressor();
    const parts = [text(10), text(100_000), new Uint8Array(1)];
    const stream = Uint8Array.from(parts.flatMap((part) => [...compressor.compress(part)]));
    const inflated = inflateSync(stream, { finishFlush: constants.Z_SYNC_FLUSH });
    assert.deepEqual(
      new Uint8Array(inflated),
      Uint8Array.from(parts.flatMap((part) => [...part])),
    );
  });

  it("reads what zlib itself flushes, partially or wholly", () => {
    for (const finishFlush of [constants.Z_PARTIAL_FLUSH, constants.Z_SYNC_FLUSH]) {
      for (const length of [0, 1, 1000, 36 * 1024, 100_000]) {
        const compressed = new Uint8Array(deflateSync(text(length), { finishFlush }));
        const decompressor = zlibDelayed.createDecompressor();
        assert.deepEqual(decompressor.decompress(compressed, MAX), text(length));
      }
    }
  });

  it("takes a payload of exactly the limit", () => {
    for (const length of [0, 1, 36 * 1024, 36 * 1024 + 1, 100_000]) {
      const compressed = zlibDelayed.createCompressor().compress(new Uint8Array(length));
      const decompressor = zlibDelayed.createDecompressor();
      assert.equal(decompressor.decompress(compressed, length).length, length);
    }
  });

  it("refuses a bomb while it inflates, before it comes to what is beyond the limit", () => {
    for (const limit of [1, 100_000, 1_000_000]) {
      const bomb = bombWithDamage(limit + 40_000);
      const decompressor = zlibDelayed.createDecompressor();
      assert.throws(() => decompressor.decompress(bomb, limit), {
        name: "ProtocolError",
        message: `Cannot decompress a payload: it has more than ${limit} bytes`,
        code: DisconnectCode.COMPRESSION_ERROR,
      });
      assert.throws(() => zlibDelayed.createDecompressor().decompress(bomb, 1e9), {
        message: "Cannot decompress a payload: it is not the next part of a zlib stream",
      });
    }
  });

  it("refuses what is no zlib stream, what is damaged, and a stream that ends", () => {
    const wrong: Uint8Array[] = [
      Uint8Array.of(0),
      new Uint8Array(100).fill(0xff),
      // A preset dictionary, and gzip.
      Uint8Array.of(0x78, 0xbb, 1, 2, 3, 4, 0),
      Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0),
      new Uint8Array(deflateSync(text(100))),
      damaged(zlibDelayed),
    ];
    for (const payload of wrong) {
      const decompressor = zlibDelayed.createDecompressor();
      assert.throws(() => {
        decompressor.decompress(payload, MAX);
        // Some are found out only when more comes.
        decompressor.decompress(payload, MAX);
      }, isCompressionError);
    }
  });

  it("throws nothing but protocol errors, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, size: "max" }),
        fc.boolean(),
        (garbage, inStream) => {
          const decompressor = zlibDelayed.createDecompressor();
          if (inStream) {
            decompressor.decompress(zlibDelayed.createCompressor().compress(text(100)), MAX);
          }
          try {
            assert.ok(decompressor.decompress(garbage, 1000).length <= 1000);
          } catch (error) {
            assert.ok(isCompressionError(error), String(error));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Payloads that compress well, badly, and over more than one chunk. */
function payloads(): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 200, size: "max" }),
    fc.nat(60_000).map((length) => text(length)),
    fc.nat(60_000).map((length) => seededRandom(length)(length)),
    fc.constantFrom(36 * 1024 - 1, 36 * 1024, 36 * 1024 + 1).map((length) =>
      new Uint8Array(length)
    ),
  );
}

function text(length: number): Uint8Array {
  const words = ["alpha ", "beta ", "gamma ", "delta ", "epsilon ", "zeta ", "eta ", "theta\n"];
  const picks = seededRandom(length)(length);
  let result = "";
  for (let i = 0; result.length < length; i++) result += words[(picks[i] ?? 0) % words.length];
  return new TextEncoder().encode(result.slice(0, length));
}

/** So many zeros, compressed, and then what is no part of a stream. */
function bombWithDamage(bytes: number): Uint8Array {
  const zeros = deflateSync(new Uint8Array(bytes), { finishFlush: constants.Z_SYNC_FLUSH });
  const bomb = new Uint8Array(zeros.length + 100).fill(0xff);
  bomb.set(zeros);
  return bomb;
}

function damaged(algorithm: CompressionAlgorithm): Uint8Array {
  const compressed = algorithm.createCompressor().compress(text(5000));
  return compressed.fill(0xff, 100, 200);
}

function isCompressionError(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === DisconnectCode.COMPRESSION_ERROR &&
    error.message.startsWith("Cannot decompress a payload: ");
}
