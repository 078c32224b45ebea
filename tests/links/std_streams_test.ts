import { concatReadableStreams } from "@std/streams/concat-readable-streams";
import { mergeReadableStreams } from "@std/streams/merge-readable-streams";
import { TextLineStream } from "@std/streams/text-line-stream";
import { toBytes } from "@std/streams/to-bytes";
import { toText } from "@std/streams/to-text";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";

function failing<T>(...chunks: T[]): ReadableStream<T> {
  return ReadableStream.from((async function* () {
    yield* chunks;
    throw new Error("failed");
  })());
}

describe("toBytes", () => {
  it("gives all bytes in order", async () => {
    const stream = ReadableStream.from([
      new Uint8Array([1, 2]),
      new Uint8Array(),
      new Uint8Array([3]),
    ]);
    assert.deepEqual(await toBytes(stream), new Uint8Array([1, 2, 3]));
  });

  it("fails as the stream fails", async () => {
    await assert.rejects(toBytes(failing(new Uint8Array(1))), /failed/);
  });
});

describe("toText", () => {
  it("reads a letter that is split between chunks", async () => {
    const bytes = new TextEncoder().encode("ä€😀");
    const stream = ReadableStream.from(Array.from(bytes, (byte) => new Uint8Array([byte])));
    assert.equal(await toText(stream), "ä€😀");
  });

  it("takes strings as they are", async () => {
    assert.equal(await toText(ReadableStream.from(["a", "b"])), "ab");
  });

  it("shows where a letter was cut off", async () => {
    assert.equal(
      await toText(ReadableStream.from([new Uint8Array([0x61, 0xe2, 0x82])])),
      "a\ufffd",
    );
  });
});

describe("concatReadableStreams", () => {
  it("reads one stream after the other", async () => {
    const stream = concatReadableStreams(
      ReadableStream.from([1, 2]),
      ReadableStream.from<number>([]),
      ReadableStream.from([3]),
    );
    assert.deepEqual(await Array.fromAsync(stream), [1, 2, 3]);
  });

  it("ends with the error of the first that fails", async () => {
    const got: number[] = [];
    const stream = concatReadableStreams(failing(1), ReadableStream.from([2]));
    await assert.rejects(async () => {
      for await (const chunk of stream) got.push(chunk);
    }, /failed/);
    assert.deepEqual(got, [1]);
  });

  it("cancels all that have not been read", async () => {
    const cancelled: string[] = [];
    const stream = (name: string) =>
      new ReadableStream({ cancel: (reason) => void cancelled.push(`${name} ${reason}`) });
    await concatReadableStreams(stream("a"), stream("b")).cancel("over");
    assert.deepEqual(cancelled, ["a over", "b over"]);
  });
});

describe("mergeReadableStreams", () => {
  it("gives the chunks of all", async () => {
    const stream = mergeReadableStreams(
      ReadableStream.from([1, 2, 3]),
      ReadableStream.from([4, 5]),
    );
    assert.deepEqual((await Array.fromAsync(stream)).sort(), [1, 2, 3, 4, 5]);
  });

  it("does not wait for one that is silent", async () => {
    const silent = new ReadableStream<number>();
    const reader = mergeReadableStreams(silent, ReadableStream.from([1])).getReader();
    assert.deepEqual(await reader.read(), { value: 1, done: false });
    await reader.cancel();
  });

  it("ends with an error", async () => {
    await assert.rejects(
      Array.fromAsync(mergeReadableStreams(ReadableStream.from([1]), failing(2))),
      /failed/,
    );
  });

  it("cancels all of them", async () => {
    const cancelled: unknown[] = [];
    const stream = () => new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
    await mergeReadableStreams(stream(), stream()).cancel("over");
    assert.deepEqual(cancelled, ["over", "over"]);
  });
});

describe("TextLineStream", () => {
  const lines = (chunks: string[], options?: { allowCR: boolean }) =>
    Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new TextLineStream(options)));

  it("ends a line at LF and at CR LF, wherever the chunks end", async () => {
    assert.deepEqual(await lines(["a\nb", "c\r", "\nd\r\n", "\n", "e"]), ["a", "bc", "d", "", "e"]);
  });

  it("has no empty line at the end", async () => {
    assert.deepEqual(await lines(["a\n"]), ["a"]);
    assert.deepEqual(await lines([]), []);
  });

  it("keeps a CR that stands alone", async () => {
    assert.deepEqual(await lines(["a\rb\n", "c\r"]), ["a\rb", "c\r"]);
  });

  it("ends a line at CR where that is allowed", async () => {
    const options = { allowCR: true };
    assert.deepEqual(await lines(["a\rb\r", "c\r", "\nd\r\r\n", "e\r"], options), [
      "a",
      "b",
      "c",
      "d",
      "",
      "e",
    ]);
  });

  it("gives the same lines however the text is cut", async () => {
    const text = fc.array(fc.constantFrom("a", "\r", "\n", "\r\n")).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(text, fc.nat(), fc.boolean(), async (whole, cut, allowCR) => {
        const at = cut % (whole.length + 1);
        assert.deepEqual(
          await lines([whole.slice(0, at), whole.slice(at)], { allowCR }),
          await lines([whole], { allowCR }),
        );
      }),
    );
  });
});
