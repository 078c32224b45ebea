/**
 * What every flow has to do, whatever it runs over.
 *
 * @module
 */

import { Eof, type Flow, FlowClosedError } from "../../flow/mod.ts";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";

/** What is known of the medium that is tested. */
export interface Medium {
  /** Makes two flows, each the other's peer. */
  connect(): Promise<[Flow, Flow]>;
  /** Whether one direction can go on when the other has ended. */
  halfClose: boolean;
  /** Whether a write ever waits for the peer's reader: yes, unless given. */
  backpressure?: boolean;
  /** Whether the peer of a flow that aborts finds it broken; or ended, where it is not told. */
  tellsAbort: boolean;
  /**
   * Whether a flow that is aborted after it has closed its direction rejects the peer's writes:
   * yes, unless given. Otherwise they are discarded.
   */
  abortsHalfClosed?: boolean;
  /** How many cases of each property to try. */
  runs: number;
}

/** How long something is waited for that is not to happen. */
const QUIET_MS = 15;

/** Whether a promise stays as it is for a while. */
export async function staysPending(promise: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const quiet = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), QUIET_MS);
  });
  const settled = promise.then(() => false, () => false);
  const pending = await Promise.race([settled, quiet]);
  clearTimeout(timer);
  return pending;
}

/** Bytes that count up from `first`. */
export function bytes(length: number, first = 0): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => first + i);
}

/** All that a flow gives until its end. */
export async function readAll(flow: Flow): Promise<Uint8Array> {
  return join(await readChunks(flow));
}

/** The next `length` bytes of a flow, however they are cut; fails if the cut is not there. */
export async function readBytes(flow: Flow, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let rest = length; rest > 0;) {
    const chunk = await readChunk(flow);
    assert.ok(chunk.length > 0 && chunk.length <= rest);
    chunks.push(chunk);
    rest -= chunk.length;
  }
  return join(chunks);
}

/** The next chunk of a flow, which must not be at its end. */
export async function readChunk(flow: Flow): Promise<Uint8Array> {
  const chunk = await flow.read();
  assert.ok(chunk !== Eof, "more input");
  return chunk;
}

async function readChunks(flow: Flow): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await flow.read(); chunk !== Eof; chunk = await flow.read()) {
    assert.ok(chunk.length > 0, "a chunk of at least one byte");
    chunks.push(chunk);
  }
  return chunks;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** Registers the tests. */
export function describeConformance(name: string, medium: Medium): void {
  const { connect, halfClose, tellsAbort, runs } = medium;
  const { abortsHalfClosed = true, backpressure = true } = medium;

  /** Runs a test with a new pair, and leaves nothing of it open. */
  function withPair(test: (here: Flow, there: Flow) => Promise<void>): () => Promise<void> {
    return async () => {
      const [here, there] = await connect();
      try {
        await test(here, there);
        const signal = AbortSignal.timeout(1000);
        await Promise.allSettled([here.close({ signal }), there.close({ signal })]);
      } finally {
        here.abort();
        there.abort();
      }
    };
  }

  /** Writes until a write has to wait, and gives that write and the count of bytes written. */
  async function fill(flow: Flow): Promise<{ waiting: Promise<void>; length: number }> {
    for (let length = 0;;) {
      assert.ok(length < 64 << 20, "a write that waits");
      const waiting = flow.write(new Uint8Array(65536).fill(length >> 16));
      length += 65536;
      if (await staysPending(waiting)) return { waiting, length };
    }
  }

  describe(`${name}: reading and writing`, () => {
    it(
      "gives what was written, both ways",
      withPair(async (here, there) => {
        await Promise.all([here.write(bytes(3)), readBytes(there, 3)]);
        const [, got] = await Promise.all([there.write(bytes(4, 10)), readBytes(here, 4)]);
        assert.deepEqual(got, bytes(4, 10));
      }),
    );

    it(
      "makes a read wait for input",
      withPair(async (here, there) => {
        const reading = there.read();
        assert.ok(await staysPending(reading));
        await here.write(bytes(3));
        assert.deepEqual(await reading, bytes(3));
      }),
    );

    it(
      "gives chunks that stay as they are",
      withPair(async (here, there) => {
        const writes = [here.write(bytes(100))];
        const first = await readChunk(there);
        const copy = first.slice();
        writes.push(here.write(bytes(100, 100)));
        await readBytes(there, 200 - first.length);
        assert.deepEqual(first, copy);
        await Promise.all(writes);
      }),
    );

    it(
      "answers reads in the order in which they were made",
      withPair(async (here, there) => {
        const reads = [there.read(), there.read(), there.read()];
        for (const [i, read] of reads.entries()) {
          await here.write(bytes(1, i));
          assert.deepEqual(await read, bytes(1, i));
        }
      }),
    );

    it(
      "keeps the order of writes that nobody waits for",
      withPair(async (here, there) => {
        const writes = Array.from({ length: 100 }, (_, i) => here.write(bytes(1, i)));
        assert.deepEqual(await readBytes(there, 100), bytes(100));
        await Promise.all(writes);
      }),
    );

    it(
      "takes an empty write for nothing",
      withPair(async (here, there) => {
        await here.write(new Uint8Array());
        await here.writev([]);
        await here.writev([new Uint8Array(), new Uint8Array()]);
        const reading = there.read();
        assert.ok(await staysPending(reading));
        await here.writev([new Uint8Array(), bytes(2), new Uint8Array()]);
        assert.deepEqual(await reading, bytes(2));
      }),
    );

    it(
      "keeps the buffers of one writev together, against other writers",
      withPair(async (here, there) => {
        const writers = Array.from({ length: 20 }, async (_, i) => {
          for (let j = 0; j < 10; j++) {
            await here.writev([bytes(1, i), bytes(1, i), new Uint8Array(500).fill(i)]);
            if (j % 3 === 0) await here.write(new Uint8Array(502).fill(i));
          }
        });
        const got = await readBytes(there, 20 * 14 * 502);
        await Promise.all(writers);
        for (let start = 0; start < got.length; start += 502) {
          const record = got.subarray(start, start + 502);
          assert.ok(record.every((byte) => byte === record[0]), `record at ${start}`);
        }
      }),
    );

    itWhere(backpressure)(
      "makes a writer wait for a reader, and loses nothing",
      withPair(async (here, there) => {
        const { waiting, length } = await fill(here);
        const got = await readBytes(there, length);
        await waiting;
        for (let i = 0; i < length; i += 4096) assert.equal(got[i], i >> 16 & 0xff);
      }),
    );

    it("gives the same bytes, however they are cut", async () => {
      const chunks = fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 20 }),
          fc.integer({ min: 1, max: 70_000 }).map((length) => bytes(length)),
        ),
        { maxLength: 12 },
      );
      await fc.assert(
        fc.asyncProperty(chunks, fc.boolean(), async (input, together) => {
          await withPair(async (here, there) => {
            const expected = join(input);
            const writing = (async () => {
              if (together) await here.writev(input.map((chunk) => chunk.slice()));
              else for (const chunk of input) await here.write(chunk.slice());
              await here.closeWrite();
            })();
            const got = await readAll(there);
            assert.equal(got.length, expected.length);
            assert.ok(got.every((byte, i) => byte === expected[i]));
            if (halfClose) {
              await Promise.all([there.write(bytes(5)), readBytes(here, 5)]);
            }
            await there.closeWrite();
            await writing;
          })();
        }),
        { numRuns: runs },
      );
    });
  });

  describe(`${name}: closing one direction`, () => {
    it(
      "ends the peer's input after what was in flight, for good",
      withPair(async (here, there) => {
        const writing = here.write(bytes(10)).then(() => here.closeWrite());
        assert.deepEqual(await readBytes(there, 10), bytes(10));
        assert.equal(await there.read(), Eof);
        assert.equal(await there.read(), Eof);
        await writing;
      }),
    );

    it(
      "ends reads that wait",
      withPair(async (here, there) => {
        const reads = Promise.all([there.read(), there.read()]);
        assert.ok(await staysPending(reads));
        await here.closeWrite();
        assert.deepEqual(await reads, [Eof, Eof]);
      }),
    );

    it(
      "rejects writes that come later, unless they are empty",
      withPair(async (here) => {
        await here.closeWrite();
        await assert.rejects(here.write(bytes(1)), FlowClosedError);
        await assert.rejects(here.writev([bytes(1), bytes(1)]), FlowClosedError);
        await here.write(new Uint8Array());
      }),
    );

    it(
      "can be done twice",
      withPair(async (here, there) => {
        await Promise.all([here.closeWrite(), here.closeWrite()]);
        await here.closeWrite();
        assert.equal(await there.read(), Eof);
      }),
    );

    itWhere(backpressure)(
      "waits for what was written before",
      withPair(async (here, there) => {
        const { waiting, length } = await fill(here);
        const closing = here.closeWrite();
        await assert.rejects(here.write(bytes(1)), FlowClosedError);
        assert.equal((await readAll(there)).length, length);
        await Promise.all([waiting, closing]);
      }),
    );

    itWhere(halfClose)(
      "lets the other direction go on",
      withPair(async (here, there) => {
        await here.closeWrite();
        assert.equal(await there.read(), Eof);
        for (let i = 0; i < 3; i++) {
          await Promise.all([there.write(bytes(9, i)), readBytes(here, 9)]);
        }
        await there.closeWrite();
        assert.equal(await here.read(), Eof);
      }),
    );
  });

  describe(`${name}: closing`, () => {
    itWhere(halfClose)(
      "waits until the peer has closed too",
      withPair(async (here, there) => {
        const closing = here.close();
        assert.equal(await there.read(), Eof);
        assert.ok(await staysPending(closing));
        await there.closeWrite();
        await closing;
      }),
    );

    it(
      "is done at once when the peer has closed",
      withPair(async (here, there) => {
        await there.closeWrite();
        assert.equal(await here.read(), Eof);
        await here.close();
        await there.close();
      }),
    );

    itWhere(backpressure)(
      "discards what nobody reads, so that two that close cannot hold each other up",
      withPair(async (here, there) => {
        const writing = [await fill(here), await fill(there)];
        await Promise.all([here.close(), there.close()]);
        await Promise.all(writing.map(({ waiting }) => waiting));
      }),
    );

    it(
      "keeps what waits for the peer",
      withPair(async (here, there) => {
        const writing = here.write(bytes(50));
        const closing = here.close();
        assert.deepEqual(await readAll(there), bytes(50));
        await Promise.all([there.close(), closing, writing]);
      }),
    );

    itWhere(halfClose)(
      "leaves input to a read that waits already, and then only the end",
      withPair(async (here, there) => {
        const reading = here.read();
        const closing = here.close();
        const later = here.read();
        assert.equal(await there.read(), Eof);
        await there.write(bytes(5));
        assert.deepEqual(await reading, bytes(5));
        for (let i = 0; i < 3; i++) {
          await there.write(bytes(5));
          assert.ok(await staysPending(later));
        }
        await there.close();
        assert.equal(await later, Eof);
        await closing;
        assert.equal(await here.read(), Eof);
      }),
    );

    it(
      "rejects later writes",
      withPair(async (here, there) => {
        const closing = here.close();
        await assert.rejects(here.write(bytes(1)), FlowClosedError);
        await there.close();
        await closing;
        await assert.rejects(here.write(bytes(1)), FlowClosedError);
      }),
    );

    it(
      "a second time waits for the first, and does nothing afterwards",
      withPair(async (here, there) => {
        const first = here.close();
        const second = here.close();
        if (halfClose) assert.ok(await staysPending(second));
        await there.close();
        await Promise.all([first, second]);
        await here.close();
        here.abort(new Error("too late"));
        assert.equal(await here.read(), Eof);
        await assert.rejects(here.write(bytes(1)), FlowClosedError);
      }),
    );

    itWhere(halfClose)(
      "gives up with the signal's reason, and drops the flow",
      withPair(async (here, there) => {
        const controller = new AbortController();
        const closing = here.close({ signal: controller.signal });
        assert.ok(await staysPending(closing));
        const reason = new Error("waited enough");
        controller.abort(reason);
        await assert.rejects(closing, reason);
        await assert.rejects(here.read(), reason);
        await here.close();
        if (abortsHalfClosed) await rejectsWritesSoon(there);
      }),
    );

    it(
      "does not wait at all for a signal that has fired",
      withPair(async (here) => {
        const reason = new Error("never");
        await assert.rejects(here.close({ signal: AbortSignal.abort(reason) }), reason);
      }),
    );

    it(
      "is what disposing does",
      withPair(async (here, there) => {
        await Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()]);
        await assert.rejects(here.write(bytes(1)), FlowClosedError);
      }),
    );
  });

  /** Until the peer is told, its writes are accepted. */
  async function rejectsWritesSoon(flow: Flow): Promise<void> {
    await assert.rejects(async () => {
      for (let i = 0; i < 1000; i++) {
        await flow.write(bytes(1000));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }, FlowClosedError);
  }

  describe(`${name}: aborting`, () => {
    itWhere(halfClose)(
      "leaves an end that has been read as it is",
      withPair(async (here, there) => {
        await there.closeWrite();
        assert.equal(await here.read(), Eof);
        here.abort(new Error("enough"));
        assert.equal(await here.read(), Eof);
      }),
    );

    itWhere(backpressure)(
      "rejects what is pending with the reason",
      withPair(async (here) => {
        const reason = new Error("enough");
        const { waiting } = await fill(here);
        const pending = [waiting, here.read(), here.read(), here.closeWrite(), here.close()];
        const settled = Promise.allSettled(pending);
        here.abort(reason);
        assert.deepEqual(
          await settled,
          pending.map(() => ({ status: "rejected", reason })),
        );
      }),
    );

    it(
      "rejects what comes later with the reason, but for a close",
      withPair(async (here) => {
        const reason = new Error("enough");
        here.abort(reason);
        here.abort(new Error("again"));
        await assert.rejects(here.read(), reason);
        await assert.rejects(here.write(bytes(1)), reason);
        await assert.rejects(here.closeWrite(), reason);
        await here.close();
        await assert.rejects(here.read(), reason);
      }),
    );

    it(
      "needs no reason",
      withPair(async (here) => {
        const reading = here.read();
        here.abort();
        await assert.rejects(reading, FlowClosedError);
      }),
    );

    it(
      "is not taken for an end by the peer, and rejects its writes",
      withPair(async (here, there) => {
        here.write(bytes(10)).catch(() => {});
        here.abort(new Error("enough"));
        if (tellsAbort) await assert.rejects(readAll(there));
        else await readAll(there).catch(() => {});
        await rejectsWritesSoon(there);
      }),
    );

    it(
      "of the peer ends a close that waits",
      withPair(async (here, there) => {
        const closing = here.close();
        there.abort(new Error("enough"));
        const [result] = await Promise.allSettled([closing]);
        if (tellsAbort && halfClose) assert.equal(result.status, "rejected");
        await here.close();
      }),
    );
  });
}

/** Registers a test only where the medium has what it is about: what cannot be is not skipped. */
function itWhere(has: boolean): (name: string, test: () => Promise<void>) => void {
  return has ? (name, test) => void it(name, test) : () => {};
}
