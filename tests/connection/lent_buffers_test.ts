import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type Flow, flowPair, fromConn } from "../../flow/mod.ts";
import { MemoryConn } from "../flow/media.ts";
import { concat } from "../helpers/bytes.ts";
import { channelPair, type ConnectionPair, connectionPair } from "../helpers/connection_pair.ts";

/** A socket that copies what it is given late, so that it would see what was written over it. */
class LateConn extends MemoryConn {
  /** How many turns later. */
  turns = 3;
  /** Every memory that was given to it. */
  readonly buffers: Set<ArrayBufferLike> = new Set();
  written = 0;
  /** How often it was to read into memory that it had read into before. */
  refilled = 0;
  readonly #filled: Set<ArrayBufferLike> = new Set();

  override async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#filled.has(buffer.buffer)) this.refilled++;
    this.#filled.add(buffer.buffer);
    const length = await super.read(buffer);
    // What was there before is gone in any case.
    if (length !== null) buffer.fill(0xee, length);
    return length;
  }

  override async write(data: Uint8Array): Promise<number> {
    this.buffers.add(data.buffer);
    for (let turn = 0; turn < this.turns; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const length = await super.write(data);
    this.written += length;
    return length;
  }
}

function lateFlows(): { conns: LateConn[]; flows: [Flow, Flow] } {
  const conns = flowPair().map((end) => new LateConn(end, 70_000));
  return { conns, flows: conns.map(fromConn) as [Flow, Flow] };
}

async function exchange(pair: ConnectionPair, seed: number): Promise<void> {
  const { near, far } = await channelPair(pair);
  const echoing = far.readable.pipeTo(far.writable);
  const data = new Uint8Array(3_000_000).map((_, index) => index * seed % 251);
  const writing = (async () => {
    await near.send(data);
    await near.sendEof();
  })();
  const chunks = await Array.fromAsync(near.readable);
  await Promise.all([echoing, writing]);
  // Only now: what has been handed out must not change when the buffers are used again.
  assert.deepEqual(concat(chunks), data);
}

describe("buffers of sockets", () => {
  // The first of them: nobody has left buffers behind yet.
  it("are used again by who writes a little at a time, too", async () => {
    const { conns, flows } = lateFlows();
    // What is written waits for nothing, so that it does not pile up.
    for (const conn of conns) conn.turns = 0;
    await using pair = await connectionPair({ flows });
    const { near, far } = await channelPair(pair);
    const reading = Array.fromAsync(far.readable);
    const writer = near.writable.getWriter();
    const part = new Uint8Array(40_000);
    for (let i = 0; i < 150; i++) await writer.write(part);
    await writer.close();
    assert.equal(concat(await reading).length, 6_000_000);
    const buffers = [...conns[0]?.buffers ?? []].filter(({ byteLength }) => byteLength > 8192);
    assert.ok(buffers.length <= 8, `${buffers.length} buffers for 6,000,000 bytes`);
  });

  it("are used again, by any connection, and nobody else sees them change", async () => {
    const all = [lateFlows(), lateFlows()];
    const pairs = await Promise.all(all.map(({ flows }) => connectionPair({ flows })));
    await Promise.all(pairs.map((pair, index) => exchange(pair, index * 2 + 3)));
    const conns = all.flatMap(({ conns }) => conns);
    const large = new Set(conns.flatMap((conn) => [...conn.buffers]).filter(isLarge));
    const written = conns.reduce((total, conn) => total + conn.written, 0);
    assert.ok(written > 12_000_000);
    assert.ok(large.size <= 16, `${large.size} large buffers for ${written} bytes`);
    assert.ok(conns.every(({ refilled }) => refilled > 10));
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
  });
});

function isLarge(buffer: ArrayBufferLike): boolean {
  return buffer.byteLength === 260 * 1024;
}
