import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { EngineChannel } from "../../protocol/connection/channel.ts";
import type { Engine } from "../../protocol/engine.ts";
import { encodeWindowAdjust } from "../../wire/connection_messages.ts";
import { DisconnectCode } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { encodePing } from "../../wire/transport_messages.ts";
import { RecordingChannelSink } from "../helpers/application_sink.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { enginePair, type PairOptions, settle } from "../helpers/engine_pair.ts";
import { type HostilePeer, hostilePeer, plainAlgorithms } from "../helpers/hostile_peer.ts";
import {
  channelData,
  confirmation,
  debug,
  globalRequest,
  ignore,
  ping,
} from "../helpers/messages.ts";
import { assertEnded, assertLives } from "../helpers/script.ts";

const LIMITS = { windowBytes: 2 ** 24, maxPacketBytes: 2 ** 15 };

/** Two engines that are connected, and a channel from the client to the server. */
async function connected(options: PairOptions["client"] = {}): Promise<{
  client: Engine;
  server: Engine;
  channel: EngineChannel;
  sink: RecordingChannelSink;
  exchanges: () => number;
  /** How often the client said that a deadline has changed. */
  deadlines: () => number;
}> {
  const algorithms = plainAlgorithms;
  let random = 0;
  const { client, server } = await enginePair({
    client: {
      algorithms,
      // A cookie is drawn for each KEXINIT.
      random: (length) => {
        if (length === 16) random++;
        return crypto.getRandomValues(new Uint8Array(length));
      },
      ...options,
    },
    server: { algorithms },
  });
  let deadlines = 0;
  client.sink.onDeadline = () => deadlines++;
  await settle(client.engine, server.engine);
  const sink = new RecordingChannelSink();
  const channel = client.engine.openChannel(
    "x",
    new Uint8Array(0),
    LIMITS,
    new RecordingChannelSink(),
  );
  await settle(client.engine, server.engine);
  server.sink.opens[0]?.accept(sink, LIMITS);
  await settle(client.engine, server.engine);
  assert.ok(channel.isOpen);
  return {
    client: client.engine,
    server: server.engine,
    channel,
    sink,
    exchanges: () => random,
    deadlines: () => deadlines,
  };
}

describe("re-key", () => {
  it("comes after so many bytes sent, even if nothing comes in", async () => {
    const { client, server, channel, sink, exchanges } = await connected({
      rekey: { bytes: 50_000 },
    });
    let sent = 0;
    while (channel.sendableBytes > 0) {
      channel.sendData(new Uint8Array(1000));
      sent += 1000;
      assert.ok(sent < 60_000);
    }
    assert.equal(client.sendable, false);
    await settle(client, server);
    assert.equal(exchanges(), 2);
    assert.equal(client.sendable, true);
    assert.equal(concat(sink.data).length, sent);
  });

  it("comes after so many bytes received", async () => {
    const { client, server, exchanges } = await connected({ rekey: { bytes: 50_000 } });
    for (let i = 0; i < 60; i++) {
      server.sendGlobalRequest("x", new Uint8Array(1000), null);
      await settle(client, server);
    }
    assert.equal(exchanges(), 2);
  });

  it("comes after so many packets, sent or received", async () => {
    const sending = await connected({ rekey: { packets: 100 } });
    while (sending.channel.sendableBytes > 0) sending.channel.sendData(new Uint8Array(1));
    await settle(sending.client, sending.server);
    assert.equal(sending.exchanges(), 2);
    assert.ok(sending.sink.data.length < 100);

    const receiving = await connected({ rekey: { packets: 100 } });
    for (let i = 0; i < 110; i++) receiving.server.sendGlobalRequest("x", new Uint8Array(0), null);
    await settle(receiving.client, receiving.server);
    assert.equal(receiving.exchanges(), 2);
  });

  it("comes after so long, which is told beforehand", async () => {
    let now = 5000;
    const { client, server, exchanges } = await connected({
      now: () => now,
      rekey: { intervalMs: 1000 },
    });
    assert.equal(client.advance(now), 6000);
    now = 5999;
    assert.equal(client.advance(now), 6000);
    assert.equal(exchanges(), 1);
    now = 6000;
    assert.equal(client.advance(now), 606_000, "the peer may not be silent for ever");
    assert.equal(exchanges(), 2);
    await settle(client, server);
    assert.equal(client.advance(now), 7000);
    assert.equal(client.closed, null);
  });

  it("comes after 1 GiB, 2^31 packets or an hour, if nothing else is said", async () => {
    let now = 0;
    const { client } = await connected({ now: () => now });
    assert.equal(client.advance(now), 3_600_000);
    now = 3_599_999;
    client.advance(now);
    assert.equal(client.sendable, true);
  });

  it("is asked for by hand, and only when connected", async () => {
    const { client, server, exchanges } = await connected();
    client.rekey();
    client.rekey();
    server.rekey();
    await settle(client, server);
    assert.equal(exchanges(), 2);
    const fresh = await enginePair();
    assert.throws(() => fresh.client.engine.rekey(), TypeError);
  });

  it("keeps the session's identifier, the user, and the channels", async () => {
    const { client, server, channel, sink } = await connected();
    const before = client.info?.sessionId;
    for (const engine of [client, server, client]) {
      engine.rekey();
      await settle(client, server);
    }
    assert.deepEqual(client.info?.sessionId, before);
    assert.deepEqual(server.info?.sessionId, before);
    channel.sendData(utf8("still here"));
    await settle(client, server);
    assert.deepEqual(sink.data, [utf8("still here")]);
  });

  for (const role of ["client", "server"] as const) {
    it(`holds everything back until a ${role} has done its part, and keeps its order`, async () => {
      const { peer, channel } = await withChannel(role);
      peer.engine.rekey();
      assert.equal(peer.engine.sendable, false);
      assert.equal(channel.sendableBytes, 0);
      assert.throws(() => channel.sendData(new Uint8Array(1)), RangeError);
      // Our KEXINIT is under way: until it is there the peer may go on as before.
      peer.send(channelData(0, utf8("late")), ping, globalRequest("a"));
      peer.application.globalRequests[0]?.succeed(utf8("yes"));
      channel.sendRequest("b", new Uint8Array(0), () => {});
      channel.take(4);
      channel.sendEof();
      await peer.settle();
      assert.deepEqual((await peer.rest()).map(([number]) => number), [Msg.KEXINIT]);
    });

    it(`sends what was held back under the new keys, to a ${role}`, async () => {
      const { peer, channel, sink } = await withChannel(role);
      peer.engine.rekey();
      peer.send(ping, globalRequest("a"), encodeWindowAdjust(0, 1));
      peer.application.globalRequests[0]?.succeed(utf8("yes"));
      channel.sendEof();
      await peer.rekey();
      const numbers = (await peer.rest()).map(([number]) => number);
      assert.deepEqual(numbers, [Msg.PONG, Msg.REQUEST_SUCCESS, Msg.CHANNEL_EOF]);
      assert.equal(peer.engine.sendable, true);
      assert.ok(sink.calls.includes("window"));
    });

    it(`is done with a ${role} at any time, as often as it likes`, async () => {
      const peer = await hostilePeer({ role });
      for (const stage of ["service", "authenticating", "connected"] as const) {
        await peer.reach(stage);
        for (let i = 0; i < 3; i++) await peer.rekey();
      }
      await assertLives(peer);
    });
  }

  for (const role of ["client", "server"] as const) {
    it(`does not wait for ever for a ${role} that falls silent in the middle of it`, async () => {
      for (const point of ["KEXINIT", "shares", "NEWKEYS"] as const) {
        let now = 0;
        const clock = { now: () => now };
        const peer = await hostilePeer({ role, engine: { client: clock, server: clock } });
        await peer.reach("connected");
        peer.engine.rekey();
        if (point !== "KEXINIT") await peer.beginExchange();
        if (point === "NEWKEYS") await peer.agree();
        await peer.settle();
        // What comes meanwhile shows that it is there.
        now = 100_000;
        if (point === "KEXINIT") peer.send(ignore);
        const deadline = point === "KEXINIT" ? 700_000 : 600_000;
        assert.equal(peer.engine.advance(now), deadline);
        now = deadline - 1;
        assert.equal(peer.engine.advance(now), deadline);
        now = deadline;
        assert.equal(peer.engine.advance(now), null);
        const message = /^The peer has fallen silent in the middle of a key exchange/;
        await assertEnded(peer, DisconnectCode.KEY_EXCHANGE_FAILED, message);
      }
    });
  }

  it("tells the driver when it begins and when it is done: deadlines have changed", async () => {
    const { client, server, deadlines } = await connected();
    const before = deadlines();
    client.rekey();
    assert.equal(deadlines(), before + 1);
    await settle(client, server);
    assert.equal(deadlines(), before + 2);
  });

  it("is done once if both ends ask for it at once", async () => {
    const { client, server, exchanges } = await connected();
    client.rekey();
    server.rekey();
    await settle(client, server);
    assert.equal(exchanges(), 2);
    assert.equal(client.sendable && server.sendable, true);
  });
});

/** A connected peer with an open channel: number 0 at both ends. */
async function withChannel(role: "client" | "server"): Promise<{
  peer: HostilePeer;
  channel: EngineChannel;
  sink: RecordingChannelSink;
}> {
  const peer = await hostilePeer({ role });
  await peer.reach("connected");
  const sink = new RecordingChannelSink();
  const channel = peer.engine.openChannel("x", new Uint8Array(0), LIMITS, sink);
  await peer.until(Msg.CHANNEL_OPEN);
  peer.send(confirmation(0));
  return { peer, channel, sink };
}

describe("a flood, while we wait for new keys", () => {
  const silent = async (role: "client" | "server"): Promise<HostilePeer> => {
    const peer = await hostilePeer({ role });
    await peer.reach("connected");
    await peer.rest();
    peer.engine.rekey();
    await peer.rest();
    return peer;
  };

  for (const role of ["client", "server"] as const) {
    it(`of what asks for nothing costs nothing: from a ${role}`, async () => {
      const peer = await silent(role);
      for (let i = 0; i < 3000; i++) peer.send(ignore, debug, globalRequest("x", false));
      assert.equal(peer.engine.outputBytes, 0);
      assert.deepEqual(await peer.rest(), []);
      await peer.rekey();
      assert.equal(peer.engine.closed, null);
    });

    it(`of PING ends the connection, before much is held: from a ${role}`, async () => {
      const peer = await silent(role);
      const large = encodePing(Msg.PING, new Uint8Array(30_000));
      let pings = 0;
      while (peer.engine.closed === null && pings < 100) {
        peer.send(large);
        pings++;
      }
      assert.equal(pings, 70);
      const message = /^Cannot hold more than 2097152 bytes back/;
      await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, message);
    });

    it(`of messages that we do not know is bounded too: from a ${role}`, async () => {
      const peer = await silent(role);
      for (let i = 0; i < 17_000; i++) peer.send(Uint8Array.of(255));
      await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /^Cannot hold more than/);
    });

    it(`of global requests that nobody answers is bounded: from a ${role}`, async () => {
      const peer = await silent(role);
      for (let i = 0; i < 1001; i++) peer.send(globalRequest("x"));
      const message = /^Cannot take another global request: 1000 wait for their replies/;
      await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, message);
      assert.equal(peer.application.globalRequests.length, 1000);
    });

    it(`of pings of our own ends the connection as well: to a ${role}`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("service");
      peer.send(EXT_INFO);
      await peer.reach("connected");
      await peer.rest();
      peer.engine.rekey();
      const data = new Uint8Array(100_000);
      let sent = 0;
      while (sent < 100 && peer.engine.closed === null && peer.engine.ping(data, () => {})) sent++;
      assert.equal(sent, 20);
      await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /^Cannot hold more than/);
    });
  }
});

/** One extension: ping@openssh.com. */
const EXT_INFO = Uint8Array.of(
  ...[Msg.EXT_INFO, 0, 0, 0, 1],
  ...[0, 0, 0, 16, ...utf8("ping@openssh.com")],
  ...[0, 0, 0, 1, 0x30],
);
