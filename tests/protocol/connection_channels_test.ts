import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type ChannelLimits, type IncomingChannelOpen, Multiplexer } from "../../protocol/mod.ts";
import {
  decodeChannelOpenFailure,
  encodeChannelOpen,
  encodeChannelOpenConfirmation,
  encodeChannelOpenFailure,
  encodeWindowAdjust,
} from "../../wire/connection_messages.ts";
import { ChannelOpenReason } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { ChannelLog } from "../helpers/channel_log.ts";
import {
  close,
  data,
  EMPTY,
  eof,
  LIMITS,
  open,
  request,
  withChannel,
} from "../helpers/channel_messages.ts";
import { enginePair, settle } from "../helpers/engine_pair.ts";
import { quickAlgorithms, rawClientLetIn, rawServerLetIn } from "../helpers/raw_channel_peer.ts";

describe("connection: a channel that we open", () => {
  it("is asked for, confirmed, used, and closed by the peer", async () => {
    const connection = await rawServerLetIn();
    const log = new ChannelLog();
    const channel = connection.engine.openChannel("session", Uint8Array.of(1), LIMITS, log);
    assert.deepEqual(await connection.settle(), [
      encodeChannelOpen({
        type: "session",
        senderChannel: 0,
        ...LIMITS,
        extra: Uint8Array.of(1),
      }),
    ]);
    assert.equal(channel.isOpen, false);
    assert.equal(channel.remoteId, null);
    assert.equal(channel.sendableBytes, 0);
    assert.equal(channel.sendRequest("exec", EMPTY, null), false);
    channel.sendEof();
    channel.sendClose();
    assert.throws(() => channel.growWindow(1), TypeError);
    assert.deepEqual(await connection.settle(), []);

    const confirmation = { recipientChannel: 0, senderChannel: 7, extra: EMPTY, ...LIMITS };
    await connection.exchange([encodeChannelOpenConfirmation(confirmation)]);
    assert.deepEqual(log.events, ["open"]);
    assert.equal(channel.remoteId, 7);
    assert.equal(channel.sendableBytes, 100);
    channel.sendData(Uint8Array.of(1, 2, 3));
    channel.sendData(Uint8Array.of(4), 1);
    channel.sendEof();
    channel.sendEof();
    assert.deepEqual(await connection.exchange([data(0, Uint8Array.of(5)), eof(0), close(0)]), [
      data(7, Uint8Array.of(1, 2, 3)),
      data(7, Uint8Array.of(4), 1),
      eof(7),
      close(7),
    ]);
    assert.deepEqual(log.events, ["open", "data 1", "eof", "closed"]);
    assert.equal(channel.isOpen, false);
    assert.equal(connection.engine.channelCount, 0);
  });

  it("that is refused is told why, and freed", async () => {
    const connection = await rawServerLetIn();
    const logs = Array.from({ length: 50 }, () => new ChannelLog());
    for (const log of logs) connection.engine.openChannel("session", EMPTY, LIMITS, log);
    assert.equal(connection.engine.channelCount, 50);
    await connection.exchange(
      logs.map((_, recipientChannel) =>
        encodeChannelOpenFailure({ recipientChannel, reason: 2, description: "no way" })
      ),
    );
    for (const log of logs) assert.deepEqual(log.events, ["refused 2 no way"]);
    assert.equal(connection.engine.channelCount, 0);
  });

  it("cannot be opened before the user is authenticated, or after the end", async () => {
    const { client } = await enginePair();
    const attempt = () => client.engine.openChannel("session", EMPTY, LIMITS, new ChannelLog());
    assert.throws(attempt, /nobody is authenticated yet/);
    client.engine.disconnect();
    assert.throws(attempt, client.engine.closed ?? undefined);
  });

  const bad: [string, ChannelLimits][] = [
    ["a window of -1", { windowBytes: -1, maxPacketBytes: 100 }],
    ["a window of 2^32", { windowBytes: 2 ** 32, maxPacketBytes: 100 }],
    ["half a byte of window", { windowBytes: 0.5, maxPacketBytes: 100 }],
    ["no number for a window", { windowBytes: NaN, maxPacketBytes: 100 }],
    ["packets of 0", { windowBytes: 100, maxPacketBytes: 0 }],
    ["packets past what is read", { windowBytes: 100, maxPacketBytes: 256 * 1024 + 1 }],
  ];
  for (const [what, limits] of bad) {
    it(`cannot have ${what}`, async () => {
      const connection = await rawServerLetIn();
      const log = new ChannelLog();
      assert.throws(
        () => connection.engine.openChannel("session", EMPTY, limits, log),
        RangeError,
      );
      assert.deepEqual(await connection.exchange([open()]), []);
      const incoming = connection.sink.opens[0];
      assert.throws(() => incoming?.accept(log, limits), RangeError);
      assert.equal(connection.engine.channelCount, 1);
      // It has not been decided on by that.
      incoming?.reject(1, "no");
      assert.equal(connection.engine.channelCount, 0);
      assert.equal((await connection.settle()).length, 1);
    });
  }
});

describe("connection: what a channel sends", () => {
  it("fits the peer's window and packets", async () => {
    const connection = await withChannel({ remote: { windowBytes: 150 } });
    const { channel } = connection;
    assert.throws(() => channel.sendData(new Uint8Array(101)), /100 can be sent now/);
    channel.sendData(new Uint8Array(100));
    assert.equal(channel.sendableBytes, 50);
    channel.sendData(new Uint8Array(50), 1);
    assert.equal(channel.sendableBytes, 0);
    assert.throws(() => channel.sendData(new Uint8Array(1)), RangeError);
    await connection.exchange([encodeWindowAdjust(0, 7)]);
    assert.equal(channel.sendableBytes, 7);
    assert.deepEqual(connection.log.events, ["window"]);
  });

  for (const maxPacketBytes of [1, 2 ** 32 - 1]) {
    it(`fits packets of ${maxPacketBytes}, and never more than 128 KiB`, async () => {
      const connection = await withChannel({
        remote: { windowBytes: 2 ** 32 - 1, maxPacketBytes },
      });
      const most = Math.min(maxPacketBytes, 128 * 1024);
      assert.equal(connection.channel.sendableBytes, most);
      connection.channel.sendData(new Uint8Array(most).fill(1));
      assert.deepEqual(await connection.settle(), [data(7, new Uint8Array(most).fill(1))]);
    });
  }

  it("waits for ever where the window is 0 for ever, and harms nobody", async () => {
    const connection = await withChannel({ remote: { windowBytes: 0 } });
    await connection.exchange([open({ senderChannel: 8 })]);
    const other = connection.sink.opens.shift()?.accept(new ChannelLog(), LIMITS);
    assert.equal(connection.channel.sendableBytes, 0);
    assert.equal(other?.sendableBytes, 100);
    assert.equal(connection.channel.sendRequest("signal", EMPTY, null), true);
    connection.channel.sendEof();
    connection.channel.sendClose();
    const names = (await connection.settle()).map(([number]) => number);
    assert.deepEqual(names, [
      Msg.CHANNEL_OPEN_CONFIRMATION,
      Msg.CHANNEL_REQUEST,
      Msg.CHANNEL_EOF,
      Msg.CHANNEL_CLOSE,
    ]);
  });

  it("follows a window that opens one byte at a time", async () => {
    const connection = await withChannel({ remote: { windowBytes: 0 } });
    const { channel, log } = connection;
    let sent = 0;
    log.onEvent = () => {
      while (channel.sendableBytes > 0) {
        channel.sendData(Uint8Array.of(sent++));
      }
    };
    const replies = await connection.exchange(Array(100).fill(encodeWindowAdjust(0, 1)));
    assert.equal(sent, 100);
    assert.deepEqual(replies, [data(7, Uint8Array.from({ length: 100 }, (_, i) => i))]);
  });

  it("is nothing if there is nothing, even where nothing may be sent", async () => {
    const connection = await withChannel();
    const { channel } = connection;
    channel.sendData(EMPTY);
    channel.sendEof();
    channel.sendData(EMPTY);
    channel.sendClose();
    channel.sendData(EMPTY);
    const numbers = (await connection.settle()).map(([number]) => number);
    assert.deepEqual(numbers, [Msg.CHANNEL_EOF, Msg.CHANNEL_CLOSE]);
  });

  it("ends with EOF, but for requests", async () => {
    const connection = await withChannel();
    const { channel } = connection;
    channel.sendEof();
    assert.equal(channel.sendableBytes, 0);
    assert.throws(() => channel.sendData(Uint8Array.of(1)), RangeError);
    assert.equal(channel.sendRequest("exit-status", Uint8Array.of(0, 0, 0, 0), null), true);
    const numbers = (await connection.settle()).map(([number]) => number);
    assert.deepEqual(numbers, [Msg.CHANNEL_EOF, Msg.CHANNEL_REQUEST]);
  });

  it("ends with CLOSE altogether", async () => {
    const connection = await withChannel();
    const { channel } = connection;
    channel.sendClose();
    channel.sendClose();
    channel.sendEof();
    channel.growWindow(100);
    assert.equal(channel.sendRequest("exec", EMPTY, () => {}), false);
    assert.deepEqual(await connection.settle(), [close(7)]);
    await connection.exchange([close(0)]);
    channel.sendClose();
    assert.equal(channel.sendRequest("exec", EMPTY, () => {}), false);
    assert.throws(() => channel.sendData(Uint8Array.of(1)), RangeError);
    assert.deepEqual(await connection.settle(), []);
  });

  it("holds data back while keys are exchanged", async () => {
    const connection = await withChannel();
    const { channel, engine } = connection;
    engine.rekey();
    assert.equal(channel.sendableBytes, 0);
    assert.equal(channel.sendWindowBytes, 1000);
    channel.sendData(EMPTY);
    assert.throws(() => channel.sendData(Uint8Array.of(1)), RangeError);
    assert.equal(channel.sendRequest("window-change", EMPTY, null), true);
    const replies = await connection.settle();
    assert.deepEqual(replies.map(([number]) => number), [Msg.CHANNEL_REQUEST]);
    assert.equal(channel.sendableBytes, 100);
    assert.equal(connection.sink.closed, null);
  });
});

describe("connection: channels that the peer opens", () => {
  it("of 100,000 as many are open as may be, and the rest is refused and forgotten", () => {
    const opens: IncomingChannelOpen[] = [];
    let refused = 0;
    const multiplexer = new Multiplexer({
      now: () => 0,
      maxChannels: 10,
      sendable: () => true,
      send: (payload) => {
        assert.equal(decodeChannelOpenFailure(payload).reason, ChannelOpenReason.RESOURCE_SHORTAGE);
        refused++;
      },
      sendData: () => {},
      onChannelOpen: (incoming) => opens.push(incoming),
      onGlobalRequest: () => {},
    });
    for (let i = 0; i < 100_000; i++) {
      multiplexer.handle(Msg.CHANNEL_OPEN, open({ senderChannel: i }));
    }
    assert.equal(opens.length, 10);
    assert.equal(refused, 100_000 - 10);
    assert.equal(multiplexer.channelCount, 10);
  });

  it("past what may be open are refused, and the connection lives", async () => {
    const connection = await rawClientLetIn({ server: { maxChannels: 10 } });
    const opens = Array.from({ length: 1000 }, (_, i) => open({ senderChannel: i }));
    const replies = await connection.exchange(opens);
    assert.deepEqual(
      replies.map((reply) => decodeChannelOpenFailure(reply).reason),
      Array(990).fill(ChannelOpenReason.RESOURCE_SHORTAGE),
    );
    assert.equal(connection.sink.opens.length, 10);

    // Each that is refused, or closed at both ends, makes room for one.
    connection.sink.opens.shift()?.reject(1, "no");
    const channels = connection.sink.opens.splice(0)
      .map((incoming) => incoming.accept(new ChannelLog(), LIMITS));
    assert.equal(connection.engine.channelCount, 9);
    channels[0]?.sendClose();
    assert.equal(connection.engine.channelCount, 9);
    await connection.exchange([close(0)]);
    assert.equal(connection.engine.channelCount, 8);
    await connection.exchange(opens.slice(0, 3));
    assert.equal(connection.sink.opens.length, 2);
    assert.equal(connection.sink.closed, null);
  });

  it("with a description of a host of 200 kB are refused, and the connection lives", async () => {
    const connection = await rawClientLetIn();
    const [reply = EMPTY] = await connection.exchange([open({ extra: new Uint8Array(200_000) })]);
    assert.equal(decodeChannelOpenFailure(reply).reason, ChannelOpenReason.RESOURCE_SHORTAGE);
    assert.equal(connection.sink.opens.length, 0);
    assert.equal(connection.engine.channelCount, 0);
    await connection.exchange([open({ extra: new Uint8Array(32 * 1024) })]);
    assert.equal(connection.sink.opens[0]?.extra.length, 32 * 1024);
    assert.equal(connection.sink.closed, null);
  });

  it("are a thousand at most, unless told otherwise", async () => {
    const connection = await rawClientLetIn();
    await connection.exchange(Array.from({ length: 1001 }, (_, i) => open({ senderChannel: i })));
    assert.equal(connection.engine.channelCount, 1000);
  });

  it("and those that we open are counted together", async () => {
    const connection = await rawClientLetIn({ server: { maxChannels: 2 } });
    connection.engine.openChannel("x11", EMPTY, LIMITS, new ChannelLog());
    await connection.exchange([open(), open()]);
    assert.equal(connection.sink.opens.length, 1);
  });

  it("get numbers of their own, which are not used again at once", async () => {
    const connection = await rawClientLetIn();
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) {
      await connection.exchange([open()]);
      const channel = connection.sink.opens.shift()?.accept(new ChannelLog(), LIMITS);
      ids.push(channel?.localId ?? -1);
      await connection.exchange([close(i)]);
    }
    assert.deepEqual(ids, [0, 1, 2]);
  });

  it("are decided on once", async () => {
    const connection = await rawClientLetIn();
    await connection.exchange([open(), open()]);
    const [first, second] = connection.sink.opens;
    first?.accept(new ChannelLog(), LIMITS);
    second?.reject(1, "no");
    for (const incoming of [first, second]) {
      assert.throws(() => incoming?.accept(new ChannelLog(), LIMITS), TypeError);
      assert.throws(() => incoming?.reject(1, "no"), TypeError);
    }
    assert.equal(connection.engine.channelCount, 1);
    assert.equal((await connection.settle()).length, 2);
  });

  it("and accepted when the connection has ended are told so, once", async () => {
    const connection = await rawClientLetIn();
    await connection.exchange([open(), open()]);
    connection.engine.receiveEof();
    const log = new ChannelLog();
    const [first, second] = connection.sink.opens;
    const channel = first?.accept(log, LIMITS);
    second?.reject(1, "no");
    assert.deepEqual(log.ends, [connection.engine.closed]);
    assert.equal(channel?.isOpen, false);
    assert.equal(channel?.sendableBytes, 0);
    assert.equal(connection.engine.channelCount, 0);
  });
});

describe("connection: the end", () => {
  it("is told to every channel once, open, pending or closing, before the connection", async () => {
    const connection = await rawClientLetIn();
    const { engine, sink } = connection;
    await connection.exchange([open(), open()]);
    const logs = Array.from({ length: 4 }, () => new ChannelLog());
    const [opened, closing, pending, gone] = logs;
    assert.ok(opened && closing && pending && gone);
    sink.opens[0]?.accept(opened, LIMITS);
    sink.opens[1]?.accept(closing, LIMITS).sendClose();
    engine.openChannel("x11", EMPTY, LIMITS, pending);
    await connection.exchange([open()]);
    sink.opens[2]?.accept(gone, LIMITS);
    await connection.exchange([close(3)]);
    const told: boolean[] = [];
    for (const log of logs) log.onEvent = () => told.push(sink.closed === null);

    engine.receiveEof();
    engine.receiveEof();
    engine.disconnect();
    assert.deepEqual(told, [true, true, true]);
    for (const log of [opened, closing, pending]) {
      assert.deepEqual(log.events, ["closed"]);
      assert.deepEqual(log.ends, [engine.closed]);
    }
    assert.deepEqual(gone.ends, [null]);
    assert.equal(engine.channelCount, 0);
  });

  it("is told once, even if it comes of closing the channel", () => {
    const log = new ChannelLog();
    const opens: IncomingChannelOpen[] = [];
    const reason = new Error("nothing can be sent");
    const multiplexer = new Multiplexer({
      now: () => 0,
      maxChannels: 10,
      sendable: () => true,
      send: (payload) => {
        if (payload[0] === Msg.CHANNEL_CLOSE) multiplexer.end(reason);
      },
      sendData: () => {},
      onChannelOpen: (incoming) => opens.push(incoming),
      onGlobalRequest: () => {},
    });
    multiplexer.handle(Msg.CHANNEL_OPEN, open());
    opens[0]?.accept(log, LIMITS);
    multiplexer.handle(Msg.CHANNEL_CLOSE, close(0));
    assert.deepEqual(log.ends, [reason]);
  });

  it("may come from within whatever is told", async () => {
    for (const event of ["data 1", "request env", "eof", "window"]) {
      const connection = await withChannel();
      connection.log.onEvent = (told) => {
        if (told === event) connection.engine.disconnect();
      };
      await connection.exchange([
        data(0, Uint8Array.of(1)),
        request(0),
        encodeWindowAdjust(0, 1),
        eof(0),
        data(0, Uint8Array.of(1)),
      ]);
      assert.deepEqual(connection.log.events.slice(-2), [event, "closed"]);
      assert.equal(connection.log.ends.length, 1);
      assert.equal(connection.peer.disconnect?.code, 11);
    }
  });

  it("of a channel may come from within whatever is told", async () => {
    const connection = await withChannel();
    connection.log.onEvent = () => connection.channel.sendClose();
    const replies = await connection.exchange([
      data(0, Uint8Array.of(1)),
      data(0, Uint8Array.of(2)),
      request(0),
      close(0),
    ]);
    assert.deepEqual(replies, [close(7)]);
    assert.deepEqual(connection.log.events, ["data 1", "closed"]);
  });
});

describe("connection: a one-time execution", () => {
  it("is data, EOF, exit status and CLOSE, each seen in that order", async () => {
    const { client, server } = await enginePair({
      client: { algorithms: quickAlgorithms },
      server: { algorithms: quickAlgorithms },
    });
    await settle(client.engine, server.engine);
    const log = new ChannelLog();
    const channel = client.engine.openChannel("session", EMPTY, LIMITS, log);
    await settle(client.engine, server.engine);
    const served = new ChannelLog();
    const far = server.sink.opens[0]?.accept(served, LIMITS);
    assert.ok(far !== undefined);
    served.onEvent = (event) => {
      if (event !== "request exec") return;
      served.requests[0]?.reply(true);
      for (const line of ["one", "two"]) far.sendData(new TextEncoder().encode(line));
      far.sendData(new TextEncoder().encode("oops"), 1);
      far.sendEof();
      far.sendRequest("exit-signal", EMPTY, null);
      far.sendRequest("exit-status", Uint8Array.of(0, 0, 0, 0), null);
      far.sendClose();
    };
    await settle(client.engine, server.engine);
    let granted = false;
    channel.sendRequest("exec", new Writer().string("true").finish(), (success) => {
      granted = success;
      assert.deepEqual(log.events, ["open"]);
    });
    await settle(client.engine, server.engine);
    assert.equal(granted, true);
    assert.deepEqual(log.events, [
      "open",
      "data 6",
      "stderr 4",
      "eof",
      "request exit-signal",
      "request exit-status",
      "closed",
    ]);
    assert.deepEqual(served.events, ["request exec", "closed"]);
    assert.equal(client.engine.channelCount, 0);
    assert.equal(server.engine.channelCount, 0);
  });
});
