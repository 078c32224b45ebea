import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  encodeChannelOpenConfirmation,
  encodeChannelOpenFailure,
  encodeDataHead,
  encodeGlobalRequest,
  encodeWindowAdjust,
} from "../../wire/connection_messages.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { ChannelLog } from "../helpers/channel_log.ts";
import {
  close,
  data,
  EMPTY,
  eof,
  failure,
  LIMITS,
  open,
  request,
  success,
  withChannel,
} from "../helpers/channel_messages.ts";
import { rawClientLetIn, type RawConnection, rawServerLetIn } from "../helpers/raw_channel_peer.ts";

function confirmation(id: number, maxPacketBytes = 100): Uint8Array {
  return encodeChannelOpenConfirmation({
    recipientChannel: id,
    senderChannel: 7,
    windowBytes: 1000,
    maxPacketBytes,
    extra: EMPTY,
  });
}

function refusal(id: number): Uint8Array {
  return encodeChannelOpenFailure({ recipientChannel: id, reason: 2, description: "" });
}

/** Every message that is for one channel. */
function allMessages(id: number): Uint8Array[] {
  return [
    encodeWindowAdjust(id, 1),
    data(id, 1),
    data(id, 1, 1),
    eof(id),
    close(id),
    request(id),
    success(id),
    failure(id),
  ];
}

/** Holds an engine to having ended for what the peer did, and to having told it. */
function assertEnded(
  { engine, sink, peer }: RawConnection,
  why: RegExp,
  code: number = DisconnectCode.PROTOCOL_ERROR,
): void {
  assert.ok(engine.closed instanceof ProtocolError, `closed: ${engine.closed}`);
  assert.match(engine.closed.message, why);
  assert.equal(sink.closed, engine.closed);
  assert.equal(peer.disconnect?.code, code);
  assert.equal(engine.channelCount, 0);
}

const repeat = (count: number, payload: Uint8Array): Uint8Array[] => Array(count).fill(payload);

/** What a peer does to an open channel, what is told of it before the end, and why that came. */
const crimes: [string, readonly Uint8Array[], readonly string[], RegExp][] = [
  ["sends more data in a packet than it may", [data(0, 101)], [], /maximum is 100/],
  ["sends more stderr in a packet than it may", [data(0, 101, 1)], [], /maximum is 100/],
  [
    "sends more data than the window",
    repeat(11, data(0, 100)),
    Array(10).fill("data 100"),
    /window is 0/,
  ],
  [
    "sends one byte more than the window",
    [
      ...repeat(10, data(0, 99)),
      data(0, 11),
    ],
    Array(10).fill("data 99"),
    /11 bytes of channel data: the window is 10/,
  ],
  [
    "sends more on stderr than the window, which data has used up",
    [...repeat(10, data(0, 100)), data(0, 1, 1)],
    Array(10).fill("data 100"),
    /window is 0/,
  ],
  ["sends data after its EOF", [eof(0), data(0, 1)], ["eof"], /after its EOF/],
  ["sends no data after its EOF", [eof(0), data(0, 0)], ["eof"], /after its EOF/],
  ["sends stderr after its EOF", [eof(0), data(0, 1, 1)], ["eof"], /after its EOF/],
  ["sends EOF twice", [eof(0), eof(0)], ["eof"], /second EOF/],
  ["adjusts the window past 2^32 - 1", [encodeWindowAdjust(0, 2 ** 32 - 1)], [], /2\^32 - 1/],
  [
    "adjusts the window past 2^32 - 1 bit by bit",
    [encodeWindowAdjust(0, 2 ** 31), encodeWindowAdjust(0, 2 ** 31)],
    ["window"],
    /2\^32 - 1/,
  ],
  ...[0, 2, 2 ** 32 - 1].map((type): typeof crimes[number] => [
    `sends data of the type ${type}`,
    [new Writer().uint8(Msg.CHANNEL_EXTENDED_DATA).uint32(0).uint32(type).string("x").finish()],
    [],
    /no extended data type/,
  ]),
  ["replies to nothing, with success", [success(0)], [], /no request waits/],
  ["replies to nothing, with failure", [failure(0)], [], /no request waits/],
  ["confirms its own channel", [confirmation(0)], [], /open already/],
  ["refuses its own channel", [refusal(0)], [], /open already/],
  ...allMessages(0).map((payload): typeof crimes[number] => [
    `sends ${messageName(payload[0] ?? 0)} after CLOSE`,
    [close(0), payload],
    ["closed"],
    /there is no channel 0/,
  ]),
  ...allMessages(1).map((payload): typeof crimes[number] => [
    `sends ${messageName(payload[0] ?? 0)} to a channel that never was`,
    [payload],
    [],
    /there is no channel 1/,
  ]),
  ...allMessages(0).map((payload): typeof crimes[number] => [
    `sends ${messageName(payload[0] ?? 0)} a byte short`,
    [payload.slice(0, -1)],
    [],
    /^Cannot read/,
  ]),
  ...allMessages(0).filter(([number]) => number !== Msg.CHANNEL_REQUEST)
    .map((payload): typeof crimes[number] => [
      `sends ${messageName(payload[0] ?? 0)} a byte long`,
      [Uint8Array.of(...payload, 0)],
      [],
      /1 bytes too many/,
    ]),
  ...allMessages(0).map(([number = 0]): typeof crimes[number] => [
    `sends ${messageName(number)} without anything`,
    [Uint8Array.of(number)],
    [],
    /recipient channel/,
  ]),
  [
    "sends data whose length lies",
    [new Writer().raw(encodeDataHead(0, 0, 2 ** 32 - 1)).raw(new Uint8Array(50)).finish()],
    [],
    /4294967295 bytes, but 50 are left/,
  ],
  ["makes a request with a control character", [request(0, "e\nv")], [], /US-ASCII/],
  ["makes a request in UTF-8", [request(0, "énv")], [], /US-ASCII/],
  ["makes a request with a long name", [request(0, "x".repeat(257))], [], /at most 256/],
  ["opens a channel whose maximum packet is 0", [open({ maxPacketBytes: 0 })], [], /size is 0/],
  ["opens a channel of a type with NUL", [open({ type: "a\0b" })], [], /US-ASCII/],
  ["opens a channel of a long type", [open({ type: "x".repeat(257) })], [], /at most 256/],
  ["opens a channel and says no more", [open().slice(0, 20)], [], /^Cannot read CHANNEL_OPEN/],
  [
    "replies to a global request that was not made",
    [Uint8Array.of(Msg.REQUEST_SUCCESS)],
    [],
    /no request waits/,
  ],
  [
    "refuses a global request that was not made",
    [Uint8Array.of(Msg.REQUEST_FAILURE)],
    [],
    /no request waits/,
  ],
  [
    "makes a global request with a long name",
    [encodeGlobalRequest({ name: "x".repeat(257), wantReply: true, payload: EMPTY })],
    [],
    /at most 256/,
  ],
  ["makes a global request of nothing", [Uint8Array.of(Msg.GLOBAL_REQUEST)], [], /request name/],
];

for (const [role, connect] of [["server", rawClientLetIn], ["client", rawServerLetIn]] as const) {
  describe(`connection: a ${role} whose peer`, () => {
    for (const [what, payloads, told, why] of crimes) {
      it(what, async () => {
        const connection = await withChannel({ connect });
        const { log } = connection;
        await connection.exchange(payloads);
        assertEnded(connection, why);
        const ends = told.includes("closed") ? [] : ["closed"];
        assert.deepEqual(log.events, [...told, ...ends]);
        assert.deepEqual(log.ends, [told.includes("closed") ? null : connection.engine.closed]);
      });
    }
  });
}

describe("connection: a channel that is pending", () => {
  /** A connection that has asked for channel 0. */
  async function withPending(): Promise<RawConnection & { log: ChannelLog }> {
    const connection = await rawServerLetIn();
    const log = new ChannelLog();
    connection.engine.openChannel("session", EMPTY, LIMITS, log);
    await connection.settle();
    return Object.assign(connection, { log });
  }

  for (const payload of allMessages(0)) {
    it(`cannot be sent ${messageName(payload[0] ?? 0)}`, async () => {
      const connection = await withPending();
      await connection.exchange([payload]);
      assertEnded(connection, /there is no channel 0/);
      assert.deepEqual(connection.log.events, ["closed"]);
    });
  }

  const answers: [string, readonly Uint8Array[], readonly string[], RegExp][] = [
    ["cannot be confirmed twice", repeat(2, confirmation(0)), ["open"], /open already/],
    ["cannot be confirmed and refused", [confirmation(0), refusal(0)], ["open"], /open already/],
    ["cannot be refused twice", repeat(2, refusal(0)), ["refused 2 "], /no channel 0/],
    [
      "cannot be confirmed once it is refused",
      [
        refusal(0),
        confirmation(0),
      ],
      ["refused 2 "],
      /no channel 0/,
    ],
    [
      "cannot be sent data once it is refused",
      [
        refusal(0),
        data(0, 1),
      ],
      ["refused 2 "],
      /no channel 0/,
    ],
    ["cannot be confirmed with packets of 0", [confirmation(0, 0)], [], /size is 0/],
    ["cannot be confirmed in part", [confirmation(0).slice(0, -1)], [], /CONFIRMATION/],
    ["cannot be refused without a reason", [refusal(0).slice(0, 8)], [], /reason code/],
  ];
  for (const [what, payloads, told, why] of answers) {
    it(what, async () => {
      const connection = await withPending();
      const { log } = connection;
      await connection.exchange(payloads);
      assertEnded(connection, why);
      const wasRefused = told[0]?.startsWith("refused") ?? false;
      assert.deepEqual(log.events, [...told, ...wasRefused ? [] : ["closed"]]);
    });
  }

  it("is not confirmed by the confirmation of another", async () => {
    for (const answer of [confirmation(1), refusal(1)]) {
      const connection = await withPending();
      await connection.exchange([answer]);
      assertEnded(connection, /there is no channel 1/);
    }
  });

  it("may be refused without texts, as some peers do", async () => {
    const connection = await withPending();
    await connection.exchange([refusal(0).slice(0, 9)]);
    assert.deepEqual(connection.log.events, ["refused 2 "]);
    assert.equal(connection.sink.closed, null);
    assert.equal(connection.engine.channelCount, 0);
  });

  it("that we refused cannot be sent anything", async () => {
    for (const payload of allMessages(0)) {
      const connection = await rawClientLetIn();
      await connection.exchange([open()]);
      connection.sink.opens[0]?.reject(1, "no");
      await connection.exchange([payload]);
      assertEnded(connection, /there is no channel 0/);
    }
  });

  it("that nobody has decided on cannot be sent anything", async () => {
    for (const payload of allMessages(0)) {
      const connection = await rawClientLetIn();
      await connection.exchange([open(), payload]);
      assertEnded(connection, /there is no channel 0/);
    }
  });
});

describe("connection: what does no harm", () => {
  it("adjusting the window by 0", async () => {
    const connection = await withChannel();
    await connection.exchange(repeat(100, encodeWindowAdjust(0, 0)));
    assert.deepEqual(connection.log.events, []);
    assert.equal(connection.channel.sendableBytes, 100);
    assert.equal(connection.sink.closed, null);
  });

  it("adjusting the window to exactly 2^32 - 1", async () => {
    const connection = await withChannel();
    await connection.exchange([encodeWindowAdjust(0, 2 ** 32 - 1 - 1000)]);
    assert.equal(connection.channel.sendWindowBytes, 2 ** 32 - 1);
    assert.equal(connection.sink.closed, null);
  });

  it("data of no bytes, which is not told", async () => {
    const connection = await withChannel();
    await connection.exchange([data(0, 0), data(0, 0, 1), ...repeat(10, data(0, 100)), data(0, 0)]);
    assert.deepEqual(connection.log.events, Array(10).fill("data 100"));
  });

  it("data after we have closed, which is dropped, up to the window", async () => {
    const connection = await withChannel();
    connection.channel.sendClose();
    await connection.exchange([data(0, 100), data(0, 100, 1), request(0), eof(0)]);
    assert.deepEqual(connection.log.events, []);
    assert.equal(connection.sink.closed, null);
    await connection.exchange([close(0)]);
    assert.deepEqual(connection.log.events, ["closed"]);
    assert.deepEqual(connection.log.ends, [null]);
    assert.equal(connection.engine.channelCount, 0);

    const greedy = await withChannel();
    greedy.channel.sendClose();
    await greedy.exchange(repeat(11, data(0, 100)));
    assertEnded(greedy, /window is 0/);
  });

  it("closing at both ends at once", async () => {
    const connection = await withChannel();
    connection.channel.sendClose();
    const replies = await connection.exchange([close(0)]);
    assert.deepEqual(replies, [close(7)]);
    assert.deepEqual(connection.log.ends, [null]);
    assert.equal(connection.sink.closed, null);
  });

  it("closing without EOF", async () => {
    const connection = await withChannel();
    assert.deepEqual(await connection.exchange([data(0, 5), close(0)]), [close(7)]);
    assert.deepEqual(connection.log.events, ["data 5", "closed"]);
  });

  it("unknown requests, with a reply wanted or not, and any payload", async () => {
    const connection = await withChannel();
    await connection.exchange([
      request(0, "", false),
      request(0, "what@example.com"),
      Uint8Array.of(...request(0, "what@example.com"), 1, 2, 3),
      encodeGlobalRequest({ name: "what@example.com", wantReply: true, payload: EMPTY }),
      encodeGlobalRequest({ name: "what@example.com", wantReply: false, payload: EMPTY }),
    ]);
    for (const { reply } of connection.log.requests) reply(false);
    for (const { fail } of connection.sink.globalRequests) fail();
    assert.deepEqual(await connection.settle(), [
      failure(7),
      failure(7),
      Uint8Array.of(Msg.REQUEST_FAILURE),
    ]);
    assert.equal(connection.sink.closed, null);
  });

  it("channels of unknown types, which the application refuses", async () => {
    const connection = await rawClientLetIn();
    const types = ["", "what@example.com", "x".repeat(256)];
    await connection.exchange(types.map((type) => open({ type })));
    assert.deepEqual(connection.sink.opens.map(({ type }) => type), types);
    for (const { reject } of connection.sink.opens) reject(3, "no such type");
    const refused = encodeChannelOpenFailure({
      recipientChannel: 7,
      reason: 3,
      description: "no such type",
    });
    assert.deepEqual(await connection.settle(), [refused, refused, refused]);
    assert.equal(connection.engine.channelCount, 0);
    assert.equal(connection.sink.closed, null);
  });
});
