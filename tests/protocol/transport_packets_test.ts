import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { PacketSealer } from "../../crypto/types.ts";
import { PacketWriter } from "../../protocol/transport/packet_writer.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { concat } from "../helpers/bytes.ts";
import {
  craft,
  plain,
  type Protection,
  protections,
  readerOf,
  sealed,
} from "../helpers/protections.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

const PAYLOADS = [1, 2, 3, 7, 8, 11, 12, 15, 16, 17, 100, 1000, 32768].map((length) =>
  new Uint8Array(length).fill(length)
);

describe("packets", () => {
  for (const protection of [plain, ...protections]) {
    it(`${protection.name}: come out as they went in, however they are cut`, () => {
      const packets = sealed(protection, PAYLOADS);
      for (const cut of [1, 7, 1000, Infinity]) {
        const bytes = concat(packets);
        const { queue, reader } = readerOf(protection);
        const step = Math.min(cut, bytes.length);
        const payloads: Uint8Array[] = [];
        for (let start = 0; start < bytes.length; start += step) {
          queue.push(bytes.slice(start, start + step));
          for (let next = reader.next(); next !== null; next = reader.next()) {
            payloads.push(next.slice());
          }
        }
        assert.deepEqual(payloads, PAYLOADS);
        assert.equal(reader.sequence, PAYLOADS.length);
        assert.equal(reader.bytes, bytes.length);
      }
    });

    it(`${protection.name}: have payloads of their own, which nothing changes afterwards`, () => {
      const bytes = concat(sealed(protection, PAYLOADS));
      const payloads: Uint8Array[] = [];
      for (let time = 0; time < 2; time++) {
        const chunk = bytes.slice();
        const { queue, reader } = readerOf(protection);
        queue.push(chunk);
        for (let next = reader.next(); next !== null; next = reader.next()) payloads.push(next);
        chunk.fill(0xff);
      }
      assert.deepEqual(payloads.map((payload) => payload.slice()), [...PAYLOADS, ...PAYLOADS]);
      assert.equal(new Set(payloads.map(({ buffer }) => buffer)).size, payloads.length);
    });

    it(`${protection.name}: are padded to whole blocks, at random`, () => {
      const { blockBytes, tagBytes, padsLength } = protection.sealer();
      for (const payload of PAYLOADS) {
        const [packet] = sealed(protection, [payload]);
        const length = (packet?.length ?? 0) - tagBytes;
        assert.equal((padsLength ? length : length - 4) % blockBytes, 0);
        assert.ok(length >= Math.max(16, blockBytes), `${length}`);
        assert.ok(length - 5 - payload.length >= 4 && length - 5 - payload.length < 256);
      }
      const writer = new PacketWriter(
        () => new Uint8Array(4096).fill(0xaa),
        protection.sealer(),
        { onOutput() {}, onError() {} },
      );
      writer.writePacket(Uint8Array.of(2));
      const packet = concat(writer.takeOutput());
      const opener = protection.opener();
      opener.openLength(packet.subarray(0, opener.headBytes), 0);
      const body = opener.open(packet, 0);
      // Behind the padding's length and the payload there is what the source of randomness gave.
      assert.ok(body instanceof Uint8Array);
      assert.deepEqual(body.slice(2), new Uint8Array(body.length - 2).fill(0xaa));
    });

    it(`${protection.name}: are refused if their length cannot be`, () => {
      for (const length of [0, 1, 4, 5, 35001, 2 ** 31, 2 ** 32 - 1]) {
        const { queue, reader } = readerOf(protection);
        queue.push(craft(protection.sealer(), { length, paddingLength: 4, rest: 27 }));
        assert.throws(() => reader.next(), isProtocolError(/^Cannot read packet 0: /));
      }
    });

    it(`${protection.name}: are refused if they are no whole blocks`, () => {
      for (const off of [-4, -1, 1, 4]) {
        const { queue, reader } = readerOf(protection);
        const { blockBytes, padsLength } = protection.sealer();
        const rest = blockBytes * 3 - (padsLength ? 5 : 1);
        const length = rest + 1 + off;
        queue.push(craft(protection.sealer(), { length, paddingLength: 10, rest }));
        queue.push(new Uint8Array(40_000));
        assert.throws(() => reader.next(), isProtocolError(/does not fit blocks of/));
      }
    });

    it(`${protection.name}: are refused if their padding is too short, or longer than they`, () => {
      const { blockBytes, padsLength } = protection.sealer();
      const rest = blockBytes * 2 - (padsLength ? 5 : 1);
      for (const paddingLength of [0, 1, 2, 3, rest, rest + 1, 255]) {
        const { queue, reader } = readerOf(protection);
        queue.push(craft(protection.sealer(), { paddingLength, rest }));
        assert.throws(
          () => reader.next(),
          isProtocolError(new RegExp(`^Cannot read packet 0: ${paddingLength} bytes of padding`)),
        );
      }
      const { queue, reader } = readerOf(protection);
      queue.push(craft(protection.sealer(), { paddingLength: rest - 1, rest }));
      assert.equal(reader.next()?.length, 1);
    });
  }

  for (const protection of protections) {
    it(`${protection.name}: are refused if a bit of them is flipped`, () => {
      const [first = new Uint8Array(0)] = sealed(protection, [new Uint8Array(20).fill(7)]);
      for (let i = 0; i < first.length; i++) {
        for (const bit of i < 5 ? [0, 1, 2, 3, 4, 5, 6, 7] : [i % 8]) {
          const flipped = first.slice();
          flipped[i] = (flipped[i] ?? 0) ^ (1 << bit);
          assertNeverOpens(protection, [flipped]);
        }
      }
    });

    it(`${protection.name}: are refused if one is dropped, doubled, or out of its place`, () => {
      const [a, b, c] = sealed(protection, [1, 2, 3].map((n) => new Uint8Array(20).fill(n)));
      assert.ok(a && b && c);
      assertNeverOpens(protection, [b]);
      assertNeverOpens(protection, [a, c], 1);
      assertNeverOpens(protection, [a, a], 1);
      assertNeverOpens(protection, [b, a]);
    });

    it(`${protection.name}: are refused with the code of a wrong MAC`, () => {
      const [packet = new Uint8Array(0)] = sealed(protection, [new Uint8Array(20)]);
      const { tagBytes } = protection.sealer();
      assert.ok(tagBytes >= 16);
      for (let i = packet.length - tagBytes; i < packet.length; i++) {
        const flipped = packet.slice();
        flipped[i] = (flipped[i] ?? 0) ^ 0x80;
        const { queue, reader } = readerOf(protection);
        queue.push(flipped);
        assert.throws(() => reader.next(), (error) => {
          assert.ok(error instanceof ProtocolError);
          assert.equal(error.code, DisconnectCode.MAC_ERROR);
          return /^Cannot open packet 0: its authentication tag is wrong/.test(error.message);
        });
      }
    });
  }

  it("are not waited for without end: the largest is refused by its head", () => {
    const { queue, reader } = readerOf(plain);
    queue.push(Uint8Array.of(0, 0, 0x88, 0xb4));
    assert.equal(reader.next(), null);
    reader.maxPacketBytes = 100_000;
    const other = readerOf(plain);
    other.reader.maxPacketBytes = 100_000;
    other.queue.push(Uint8Array.of(0, 1, 0x86, 0xa4));
    assert.throws(() => other.reader.next(), isProtocolError(/at most 100000 are allowed/));
  });

  it("are counted, and too many under the same keys are refused", () => {
    const { queue, reader } = readerOf(plain);
    reader.maxPackets = 3;
    for (const packet of sealed(plain, [1, 2, 3, 4].map((n) => Uint8Array.of(n)))) {
      queue.push(packet);
    }
    for (let n = 1; n <= 3; n++) assert.deepEqual(reader.next(), Uint8Array.of(n));
    assert.throws(() => reader.next(), isProtocolError(/the keys have opened 3 packets/));
    reader.rekey(plain.opener(), false);
    assert.deepEqual(reader.next(), Uint8Array.of(4));
    assert.equal(readerOf(plain).reader.maxPackets, 2 ** 32);
  });

  it("keep their numbers when keys are changed, unless these are to begin anew", () => {
    for (const reset of [false, true]) {
      const { queue, reader } = readerOf(plain);
      const writer = new PacketWriter(seededRandom(1), plain.sealer(), {
        onOutput() {},
        onError() {},
      });
      const pass = (): void => {
        writer.writePacket(Uint8Array.of(2));
        for (const chunk of writer.takeOutput()) queue.push(chunk);
        reader.next();
      };
      pass();
      pass();
      reader.rekey(plain.opener(), reset);
      writer.rekey(plain.sealer(), reset);
      assert.deepEqual([reader.packets, writer.packets, reader.bytes, writer.bytes], [0, 0, 0, 0]);
      pass();
      assert.deepEqual([reader.sequence, writer.sequence], reset ? [1, 1] : [3, 3]);
    }
  });
});

describe("output", () => {
  it("is told of once it is there, sealed, and not again before it is taken", () => {
    const [protection] = protections;
    assert.ok(protection);
    const outputs: Uint8Array[] = [];
    const writer: PacketWriter = new PacketWriter(seededRandom(0), protection.sealer(), {
      onOutput() {
        assert.ok(writer.outputBytes > 0);
        outputs.push(concat(writer.takeOutput()));
      },
      onError() {},
    });
    const payloads = [new Uint8Array(50).fill(1), new Uint8Array(60).fill(2)];
    for (const payload of payloads) writer.writePacket(payload);
    assert.deepEqual(outputs, sealed(protection, payloads));

    let told = 0;
    const other = new PacketWriter(seededRandom(0), plain.sealer(), {
      onOutput: () => told++,
      onError() {},
    });
    other.writeRaw(new Uint8Array(10));
    other.writePacket(new Uint8Array(10));
    other.writePacket(new Uint8Array(10));
    assert.equal(told, 1);
    other.takeOutput();
    assert.equal(other.outputBytes, 0);
    other.writePacket(new Uint8Array(10));
    assert.equal(told, 2);
  });

  it("has small buffers used again that come back, and those of two writers apart", () => {
    const writers = [1, 2].map(() =>
      new PacketWriter(seededRandom(0), plain.sealer(), { onOutput() {}, onError() {} })
    );
    const seen = new Set<ArrayBufferLike>();
    const last = writers.map((writer, index) => {
      let kept = new Uint8Array(0);
      for (let n = 0; n < 50; n++) {
        writer.writePacket(new Uint8Array(20).fill(index + n));
        const output = writer.takeOutput();
        for (const { buffer } of output) seen.add(buffer);
        kept = concat(output);
        if (n < 49) writer.takeBack(output);
      }
      return kept;
    });
    assert.ok(seen.size <= 4, `${seen.size}`);
    const payloads = [49, 50].map((byte) => new Uint8Array(20).fill(byte));
    assert.deepEqual(last.map((packet) => packet.slice(5, 25)), payloads);
  });

  it("is in order and whole, however much there is", () => {
    const writer = new PacketWriter(seededRandom(0), plain.sealer(), {
      onOutput() {},
      onError() {},
    });
    const { queue, reader } = readerOf(plain);
    const lengths = [1, 500, 2000, 32768, 3, 32768, 32768, 32768, 32768, 32768, 1, 32768, 32768, 9];
    for (const length of lengths) {
      writer.writePacket(new Uint8Array(length).fill(length));
    }
    const { outputBytes } = writer;
    const chunks = writer.takeOutput();
    assert.equal(concat(chunks).length, outputBytes);
    for (const chunk of chunks) queue.push(chunk);
    for (const length of lengths) {
      assert.deepEqual(reader.next(), new Uint8Array(length).fill(length));
    }
  });

  it("is the taker's: later packets do not touch it", () => {
    const writer = new PacketWriter(seededRandom(0), plain.sealer(), {
      onOutput() {},
      onError() {},
    });
    writer.writePacket(Uint8Array.of(1));
    const first = writer.takeOutput();
    const copy = concat(first);
    writer.writePacket(Uint8Array.of(2));
    assert.deepEqual(concat(first), copy);
  });
});

describe("channel data", () => {
  const stream = { maxSendBytes: 100 };
  const other = { maxSendBytes: 100 };

  /** A head of CHANNEL_DATA, for a channel and a length. */
  function head(channel: number, length: number): Uint8Array {
    return Uint8Array.of(94, 0, 0, 0, channel, 0, 0, length >> 8, length);
  }

  function written(
    protection: Protection,
    write: (writer: PacketWriter) => void,
  ): Uint8Array[] {
    const writer = new PacketWriter(seededRandom(0), protection.sealer(), {
      onOutput() {},
      onError: (reason) => assert.fail(`${reason}`),
    });
    const { queue, reader } = readerOf(protection);
    reader.maxPacketBytes = 256 * 1024;
    const read: Uint8Array[] = [];
    const take = (): void => {
      for (const chunk of writer.takeOutput()) queue.push(chunk);
      for (let next = reader.next(); next !== null; next = reader.next()) read.push(next.slice());
    };
    write(writer);
    take();
    take();
    assert.equal(writer.outputBytes, 0);
    return read;
  }

  function payload(channel: number, ...parts: number[]): Uint8Array {
    const data = concat(parts.map((length) => new Uint8Array(length).fill(length)));
    return concat([head(channel, data.length), data]);
  }

  function write(writer: PacketWriter, channel: number, length: number, of = stream): void {
    writer.writeData(head(channel, length), new Uint8Array(length).fill(length), of);
  }

  for (const protection of [plain, ...protections]) {
    it(`${protection.name}: goes into one packet, as long as that is not taken`, () => {
      const read = written(protection, (writer) => {
        for (const length of [1, 20, 30]) write(writer, 1, length);
      });
      assert.deepEqual(read, [payload(1, 1, 20, 30)]);
    });

    it(`${protection.name}: fills packets, and no more than that`, () => {
      const read = written(protection, (writer) => {
        for (const length of [60, 40, 100, 99, 2, 50, 49]) write(writer, 1, length);
      });
      assert.deepEqual(read, [
        payload(1, 60, 40),
        payload(1, 100),
        payload(1, 99),
        payload(1, 2, 50),
        payload(1, 49),
      ]);
    });

    it(`${protection.name}: stays in order with other packets, and apart from other streams`, () => {
      const read = written(protection, (writer) => {
        write(writer, 1, 10);
        write(writer, 2, 20, other);
        write(writer, 2, 21, other);
        write(writer, 1, 11);
        writer.writePacket(Uint8Array.of(80, 1));
        write(writer, 1, 12);
        writer.writeData(head(1, 1), Uint8Array.of(1), null);
        writer.writeData(head(1, 1), Uint8Array.of(1), null);
        write(writer, 1, 13);
      });
      assert.deepEqual(read, [
        payload(1, 10),
        payload(2, 20, 21),
        payload(1, 11),
        Uint8Array.of(80, 1),
        payload(1, 12),
        payload(1, 1),
        payload(1, 1),
        payload(1, 13),
      ]);
    });
  }

  it("counts toward a new key before it is sealed", () => {
    const writer = new PacketWriter(seededRandom(0), plain.sealer(), {
      onOutput() {},
      onError() {},
    });
    write(writer, 1, 10);
    const before = writer.bytes;
    write(writer, 1, 20);
    assert.equal(writer.bytes, before + 20);
    writer.takeOutput();
    assert.ok(writer.bytes >= before + 20);
  });

  it("is as much as a flow of small writes has room for, whatever the chunks of output are", () => {
    const large = { maxSendBytes: 128 * 1024 };
    const read = written(plain, (writer) => {
      for (let round = 0; round < 40; round++) {
        for (const length of [3, 200, 40_000, 65_000, 65_536]) write(writer, 1, length, large);
      }
    });
    const sizes = read.map((packet) => packet.length - 9);
    assert.ok(sizes.every((size) => size <= large.maxSendBytes));
    assert.equal(sizes.reduce((sum, size) => sum + size, 0), 40 * 170_739);
    assert.ok(sizes.length <= 40 * 3, `${sizes.length} packets`);
    const data = concat(read.map((packet) => packet.subarray(9)));
    const expected = [3, 200, 40_000, 65_000, 65_536].map((length) =>
      new Uint8Array(length).fill(length)
    );
    assert.deepEqual(data.subarray(0, 170_739), concat(expected));
  });
});

describe("a cipher that seals into buffers of its own", () => {
  const lengths = [1, 8000, 32_768, 20, 8192, 262_144, 5, 300_000, 32_768];
  /** What it gives for each packet: its bytes turned round, and a tag that tells its number. */
  const pieces: Uint8Array[] = [];
  const sealer: PacketSealer = {
    blockBytes: 8,
    tagBytes: 4,
    padsLength: false,
    seal(packet, sequence) {
      packet.set(sealedApart(packet.subarray(0, -4), sequence).flatMap((piece) => [...piece]));
    },
    sealApart(packet, sequence) {
      const made = sealedApart(packet, sequence);
      pieces.push(...made);
      // Nobody may look at it again.
      packet.fill(0xee);
      return made;
    },
  };

  function sealedApart(packet: Uint8Array, sequence: number): Uint8Array[] {
    return [packet.slice(0, 4), packet.slice(4).reverse(), new Uint8Array(4).fill(sequence)];
  }

  function output(sealer: PacketSealer, gathers: boolean): { told: number; chunks: Uint8Array[] } {
    let told = 0;
    const handlers = { onOutput: () => told++, onError: assert.fail };
    const writer = new PacketWriter(seededRandom(0), sealer, handlers, { gathers });
    for (const length of lengths) writer.writePacket(new Uint8Array(length).fill(length));
    const { outputBytes } = writer;
    const chunks = writer.takeOutput();
    assert.equal(concat(chunks).length, outputBytes);
    assert.equal(writer.outputBytes, 0);
    assert.equal(writer.bytes, outputBytes);
    return { told, chunks };
  }

  const { sealApart: _, ...inPlace } = sealer;

  it("has them sent as they are, to where many are as good as one", () => {
    pieces.length = 0;
    const { told, chunks } = output(sealer, true);
    assert.equal(told, 1);
    // Those of large packets, but for one that is longer than any data.
    assert.equal(pieces.length, 3 * 4);
    const buffers = chunks.map(({ buffer }) => buffer);
    for (const { buffer } of pieces) assert.ok(buffers.includes(buffer));
    assert.deepEqual(concat(chunks), concat(output(inPlace, true).chunks));
  });

  it("seals in place otherwise", () => {
    pieces.length = 0;
    const { chunks } = output(sealer, false);
    assert.equal(pieces.length, 0);
    assert.deepEqual(concat(chunks), concat(output(inPlace, true).chunks));
  });

  it("may have its buffers back for other packets once they are sent", () => {
    const writer = new PacketWriter(seededRandom(0), sealer, { onOutput() {}, onError() {} }, {
      gathers: true,
    });
    const expected: Uint8Array[] = [];
    const sent: Uint8Array[] = [];
    const again = new PacketWriter(seededRandom(0), inPlace, { onOutput() {}, onError() {} });
    for (let round = 0; round < 20; round++) {
      for (const length of lengths) {
        const payload = new Uint8Array(length).fill(round);
        writer.writePacket(payload);
        again.writePacket(payload);
      }
      const chunks = writer.takeOutput();
      sent.push(concat(chunks));
      expected.push(concat(again.takeOutput()));
      writer.takeBack(chunks);
    }
    assert.deepEqual(sent, expected);
  });
});

/** The packets after the first `opens` give no payload, whatever comes behind them. */
function assertNeverOpens(
  protection: Protection,
  packets: readonly Uint8Array[],
  opens = 0,
): void {
  const { queue, reader } = readerOf(protection);
  queue.push(concat([...packets, new Uint8Array(36_000)]));
  for (let i = 0; i < opens; i++) assert.notEqual(reader.next(), null);
  assert.throws(() => reader.next(), ProtocolError);
}

function isProtocolError(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ProtocolError, String(error));
    assert.equal(error.code, DisconnectCode.PROTOCOL_ERROR);
    assert.match(error.message, message);
    return true;
  };
}
