import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { type EngineChannel, type IncomingChannelOpen, Multiplexer } from "../../protocol/mod.ts";
import { ReceiveWindow, SendWindow } from "../../protocol/connection/window.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { data, EMPTY, withChannel } from "../helpers/channel_messages.ts";
import { ChannelLog } from "../helpers/channel_log.ts";
import { type Cut, enginePair, settle } from "../helpers/engine_pair.ts";
import { quickAlgorithms } from "../helpers/raw_channel_peer.ts";

const MAX = 2 ** 32 - 1;

describe("connection: a window that we give", () => {
  it("is refilled by what is taken, a quarter of it at a time", () => {
    const window = windowOf(1000, 100);
    for (let i = 0; i < 10; i++) window.receive(100);
    assert.equal(window.remainingBytes, 0);
    assert.equal(window.take(249), 0);
    assert.equal(window.remainingBytes, 0);
    assert.equal(window.take(1), 250);
    assert.equal(window.remainingBytes, 250);
    assert.equal(window.take(750), 750);
    assert.equal(window.remainingBytes, 1000);
  });

  it("of one byte is refilled by one byte", () => {
    const window = windowOf(1, 1);
    for (let i = 0; i < 10; i++) {
      window.receive(1);
      assert.equal(window.take(1), 1);
    }
  });

  it("of nothing takes nothing until it grows", () => {
    const window = windowOf(0, 100);
    assert.throws(() => window.receive(1), ProtocolError);
    assert.equal(window.take(0), 0);
    window.grow(10);
    window.receive(10);
    assert.equal(window.take(5), 5);
  });

  it("is not refilled by what has not arrived", () => {
    const window = windowOf(1000, 100);
    assert.throws(() => window.take(1), RangeError);
    window.receive(100);
    window.take(60);
    for (const bytes of [41, -1, 0.5, NaN]) assert.throws(() => window.take(bytes), RangeError);
    assert.equal(window.remainingBytes, 900);
  });

  it("does not grow past 2^32 - 1, nor come to it by what is taken later", () => {
    const window = windowOf(MAX - 10, 100);
    window.receive(100);
    assert.throws(() => window.grow(11), RangeError);
    window.grow(10);
    assert.throws(() => window.grow(1), RangeError);
    for (const bytes of [-1, 0.5, NaN]) assert.throws(() => window.grow(bytes), RangeError);
  });
});

describe("connection: a window that we are given", () => {
  it("is spent and adjusted, and never below 0 or past 2^32 - 1", () => {
    const window = new SendWindow(10);
    assert.throws(() => window.spend(11), RangeError);
    window.spend(10);
    assert.throws(() => window.spend(1), RangeError);
    window.adjust(MAX);
    assert.throws(() => window.adjust(1), ProtocolError);
    assert.equal(window.remainingBytes, MAX);
  });
});

describe("connection: the peer is told of room", () => {
  it("never by what arrives, only by what is taken, in batches", async () => {
    const connection = await withChannel();
    const { channel } = connection;
    const packets = Array.from({ length: 10 }, () => data(0, 100));
    assert.deepEqual(await connection.exchange(packets), []);
    assert.equal(channel.receiveWindowBytes, 0);
    for (let i = 0; i < 249; i++) channel.take(1);
    assert.deepEqual(await connection.settle(), []);
    channel.take(1);
    const [adjust, ...rest] = await connection.settle();
    assert.deepEqual(
      adjust,
      Uint8Array.of(Msg.CHANNEL_WINDOW_ADJUST, 0, 0, 0, 7, 0, 0, 0, 250),
    );
    assert.deepEqual(rest, []);
    assert.equal(channel.receiveWindowBytes, 250);
  });

  it("when it is widened by hand", async () => {
    const connection = await withChannel();
    connection.channel.growWindow(256);
    assert.deepEqual(await connection.settle(), [
      Uint8Array.of(Msg.CHANNEL_WINDOW_ADJUST, 0, 0, 0, 7, 0, 0, 1, 0),
    ]);
    assert.equal(connection.channel.receiveWindowBytes, 1256);
  });

  it("no more once it will send nothing, or we have closed", async () => {
    for (const closing of [true, false]) {
      const connection = await withChannel();
      const packets = Array.from({ length: 10 }, () => data(0, 100));
      await connection.exchange(packets);
      if (closing) connection.channel.sendClose();
      else await connection.exchange([Uint8Array.of(Msg.CHANNEL_EOF, 0, 0, 0, 0)]);
      connection.channel.take(1000);
      const replies = await connection.settle();
      assert.deepEqual(replies.map(([number]) => number), closing ? [Msg.CHANNEL_CLOSE] : []);
    }
  });
});

/** Two ends of the connection protocol with nothing between them but queues. */
class Ends {
  readonly queues: [Uint8Array[], Uint8Array[]] = [[], []];
  readonly opens: IncomingChannelOpen[] = [];
  readonly ends: readonly [Multiplexer, Multiplexer];
  sendable = true;
  adjusts = 0;
  largestPacketBytes = 0;

  constructor() {
    this.ends = [this.#end(0), this.#end(1)];
  }

  /** Delivers one message of an end to the other. */
  deliver(from: 0 | 1): boolean {
    const message = this.queues[from].shift();
    if (message === undefined) return false;
    this.ends[from === 0 ? 1 : 0].handle(message[0] ?? 0, message);
    return true;
  }

  #end(index: 0 | 1): Multiplexer {
    const queue = this.queues[index];
    return new Multiplexer({
      now: () => 0,
      maxChannels: 10,
      sendable: () => this.sendable,
      send: (payload) => {
        if (payload[0] === Msg.CHANNEL_WINDOW_ADJUST) this.adjusts++;
        queue.push(payload);
      },
      sendData: (head, body) => {
        this.largestPacketBytes = Math.max(this.largestPacketBytes, body.length);
        queue.push(Uint8Array.of(...head, ...body));
      },
      onChannelOpen: (open) => this.opens.push(open),
      onGlobalRequest: () => {},
    });
  }
}

/** What is written: its type, and how many bytes. */
const writes = fc.array(
  fc.record({ type: fc.constantFrom(0, 1), length: fc.nat(400) }),
  { maxLength: 20 },
);
const limits = fc.record({
  windowBytes: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1000 })),
  maxPacketBytes: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 2000 })),
});

describe("connection: flow control", () => {
  it("bytes in are bytes out under every window, packet size and order of events", () => {
    fc.assert(
      fc.property(
        writes,
        limits,
        fc.infiniteStream(fc.nat(4)),
        fc.infiniteStream(fc.integer({ min: 1, max: 300 })),
        (written, receiveLimits, steps, amounts) => {
          const ends = new Ends();
          const log = new ChannelLog();
          const sender = ends.ends[0].open("session", EMPTY, {
            windowBytes: 0,
            maxPacketBytes: 1,
          }, new ChannelLog());
          ends.deliver(0);
          const receiver = ends.opens[0]?.accept(log, receiveLimits);
          assert.ok(receiver !== undefined);
          ends.deliver(1);

          let next = 0;
          const expected: [number[], number[]] = [[], []];
          const pending = written.map(({ type, length }) => {
            const bytes = Uint8Array.from({ length }, () => next++ & 0xff);
            expected[type]?.push(...bytes);
            return { type, bytes };
          });
          let taken = 0;
          let idle = 0;
          // No step for a while on which anything could have been done: then all is done.
          while (idle < 200) {
            const acted = step(ends, sender, receiver, steps.next().value ?? 0, () => {
              const current = pending[0];
              if (current === undefined) return false;
              const wanted = Math.min(amounts.next().value ?? 1, current.bytes.length);
              const length = Math.min(wanted, sender.sendableBytes);
              if (length === 0 && current.bytes.length > 0) return false;
              sender.sendData(current.bytes.subarray(0, length), current.type);
              current.bytes = current.bytes.subarray(length);
              if (current.bytes.length === 0) pending.shift();
              return true;
            }, () => {
              const waiting = log.bytes[0].length + log.bytes[1].length - taken;
              const bytes = Math.min(amounts.next().value ?? 1, waiting);
              if (bytes === 0) return false;
              receiver.take(bytes);
              taken += bytes;
              return true;
            });
            idle = acted ? 0 : idle + 1;
            // What may come, is on its way, or waits, is never more than the window.
            const { windowBytes } = receiveLimits;
            const arrived = log.bytes[0].length + log.bytes[1].length;
            assert.ok(receiver.receiveWindowBytes >= 0);
            assert.ok(sender.sendWindowBytes >= 0);
            assert.ok(sender.sendWindowBytes <= receiver.receiveWindowBytes);
            assert.ok(receiver.receiveWindowBytes + arrived - taken <= windowBytes);
          }
          assert.deepEqual(pending, []);
          assert.deepEqual(log.bytes, expected);
          assert.ok(ends.largestPacketBytes <= receiveLimits.maxPacketBytes);
          // A message for every quarter of the window that was taken, and no more.
          assert.ok(ends.adjusts <= (4 * taken) / receiveLimits.windowBytes);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("any chunking of the bytes between engines gives the same", async () => {
    await fc.assert(
      fc.asyncProperty(
        writes,
        limits,
        fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
        async (written, receiveLimits, sizes) => {
          const cut: Cut = function* (chunk) {
            for (let start = 0; start < chunk.length;) {
              const end = start + (sizes.next().value ?? 1);
              yield chunk.subarray(start, end);
              start = end;
            }
          };
          const { client, server } = await enginePair({
            client: { algorithms: quickAlgorithms },
            server: { algorithms: quickAlgorithms },
          });
          const run = () => settle(client.engine, server.engine, cut);
          await run();
          const log = new ChannelLog();
          const sender = client.engine.openChannel("session", EMPTY, {
            windowBytes: 0,
            maxPacketBytes: 1,
          }, new ChannelLog());
          await run();
          const receiver = server.sink.opens[0]?.accept(log, receiveLimits);
          assert.ok(receiver !== undefined);
          log.onEvent = (event) => {
            const [, bytes] = event.split(" ");
            if (bytes !== undefined) receiver.take(Number(bytes));
          };
          await run();
          const expected: [number[], number[]] = [[], []];
          for (const { type, length } of written) {
            let bytes: Uint8Array = Uint8Array.from({ length }, (_, i) => i & 0xff);
            expected[type]?.push(...bytes);
            while (bytes.length > 0) {
              const count = Math.min(bytes.length, sender.sendableBytes);
              sender.sendData(bytes.subarray(0, count), type);
              bytes = bytes.subarray(count);
              if (sender.sendableBytes === 0) await run();
            }
          }
          await run();
          assert.deepEqual(log.bytes, expected);
        },
      ),
      { numRuns: 20 },
    );
  });
});

/** Does one of the things that can happen next; says whether there was anything to do. */
function step(
  ends: Ends,
  sender: EngineChannel,
  receiver: EngineChannel,
  which: number,
  write: () => boolean,
  take: () => boolean,
): boolean {
  switch (which) {
    case 0:
      return ends.deliver(0);
    case 1:
      return ends.deliver(1);
    case 2:
      return write();
    case 3:
      return take();
    default: {
      // A key exchange in between: nothing can be sent, and nothing is lost.
      ends.sendable = false;
      assert.equal(sender.sendableBytes, 0);
      assert.equal(receiver.sendableBytes, 0);
      ends.sendable = true;
      return false;
    }
  }
}

function windowOf(sizeBytes: number, maxPacketBytes: number): ReceiveWindow {
  return new ReceiveWindow({ sizeBytes, maxSizeBytes: sizeBytes, maxPacketBytes }, () => 0);
}

describe("connection: a window that may grow", () => {
  const KIB = 1024;

  /** Sends over a way of some length to a reader that takes at once; gives the bytes a second. */
  function throughput(maxSizeBytes: number, roundTripMs: number, takes = true): number {
    let now = 0;
    const sizeBytes = 64 * KIB;
    const packet = KIB;
    const window = new ReceiveWindow(
      { sizeBytes, maxSizeBytes, maxPacketBytes: packet },
      () => now,
    );
    // A link that carries a KiB every tenth of a millisecond.
    let allowed = sizeBytes;
    const onTheWay: { at: number; bytes: number }[] = [];
    const refills: { at: number; bytes: number }[] = [];
    let arrived = 0;
    for (; now < 5000; now += 0.1) {
      while (refills[0] !== undefined && refills[0].at <= now) {
        allowed += refills.shift()?.bytes ?? 0;
      }
      if (allowed >= packet) {
        allowed -= packet;
        onTheWay.push({ at: now + roundTripMs / 2, bytes: packet });
      }
      while (onTheWay[0] !== undefined && onTheWay[0].at <= now) {
        const { bytes } = onTheWay.shift() ?? { bytes: 0 };
        window.receive(bytes);
        arrived += bytes;
        const refill = takes ? window.take(bytes) : 0;
        if (refill > 0) refills.push({ at: now + roundTripMs / 2, bytes: refill });
      }
    }
    return arrived / 5;
  }

  it("lets a peer far away send as fast as the link carries", () => {
    const fixed = throughput(64 * KIB, 100);
    const growing = throughput(4096 * KIB, 100);
    assert.ok(growing > fixed * 8, `${growing} against ${fixed} bytes a second`);
  });

  it("stays as it is where nobody waits", () => {
    const window = new ReceiveWindow(
      { sizeBytes: 1000, maxSizeBytes: 100_000, maxPacketBytes: 1000 },
      () => 0,
    );
    for (let i = 0; i < 1000; i++) {
      window.receive(100);
      window.take(100);
      assert.ok(window.remainingBytes <= 1000);
    }
  });

  it("takes back nothing of what the application has widened beyond the bound", () => {
    let now = 0;
    const window = new ReceiveWindow(
      { sizeBytes: 1000, maxSizeBytes: 2000, maxPacketBytes: 1000 },
      () => now,
    );
    let allowed = 1000;
    for (let turn = 0; turn < 20; turn++) {
      if (turn === 5) {
        window.grow(5000);
        allowed += 5000;
      }
      // The peer is far away: what it is allowed now, it hears of in the next turn.
      now += 100;
      let refills = 0;
      for (let bytes = 0; allowed > 0; allowed -= bytes) {
        bytes = Math.min(allowed, 1000);
        window.receive(bytes);
        const refill = window.take(bytes);
        assert.ok(refill >= 0, `${refill} bytes are taken back`);
        refills += refill;
      }
      allowed = refills;
      assert.equal(window.remainingBytes, allowed);
    }
  });

  it("passes no bound, and does not grow for an application that takes nothing", () => {
    assert.equal(throughput(4096 * KIB, 100, false) * 5, 64 * KIB);
    const bounded = throughput(128 * KIB, 100);
    assert.ok(bounded * 0.1 <= 128 * KIB);
  });
});
