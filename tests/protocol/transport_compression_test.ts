import assert from "node:assert/strict";
import { constants, deflateSync } from "node:zlib";
import { describe, it } from "@std/testing/bdd";
import { selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { DisconnectCode } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { encodePing } from "../../wire/transport_messages.ts";
import { RecordingChannelSink } from "../helpers/application_sink.ts";
import { type HostilePeer, hostilePeer, plainAlgorithms } from "../helpers/hostile_peer.ts";
import { channelData, confirmation, globalRequest, ignore } from "../helpers/messages.ts";
import { assertLives, refuses } from "../helpers/script.ts";

const zlib = {
  algorithms: {
    ...plainAlgorithms,
    compression: selectAlgorithms({ compression: ["zlib@openssh.com"] }).compression,
  },
};

/** Sends these bytes as a compressed payload. */
function sendCompressed(peer: HostilePeer, compressed: Uint8Array): void {
  peer.writer.compressWith({ compress: () => compressed });
  peer.send(new Uint8Array(0));
}

/** One zlib stream's first flush: a payload of so many bytes, of one kind. */
function bomb(payload: Uint8Array): Uint8Array {
  return new Uint8Array(deflateSync(payload, { finishFlush: constants.Z_SYNC_FLUSH, level: 9 }));
}

describe("compression, on a connection", () => {
  for (const role of ["client", "server"] as const) {
    it(`begins with the packet after SUCCESS, in both directions: with a ${role}`, async () => {
      const peer = await hostilePeer({ ...zlib, role });
      await peer.reach("authenticating");
      await peer.rest();
      // Before it, a ping comes back at full length.
      assert.ok(await pingBytes(peer) > 2 * 5000);
      await peer.reach("connected");
      await peer.rest();
      assert.ok(await pingBytes(peer) < 2 * 500);
      await assertLives(peer);
    });

    it(`begins anew with each keys: with a ${role}`, async () => {
      const peer = await hostilePeer({ ...zlib, role });
      await peer.reach("connected");
      for (let i = 0; i < 3; i++) {
        await pingBytes(peer);
        await peer.rekey();
        peer.engine.rekey();
        await peer.rekey();
      }
      await assertLives(peer);
    });

    it(`may be agreed on in one direction alone: with a ${role}`, async () => {
      const peer = await hostilePeer({
        role,
        algorithms: {
          ...plainAlgorithms,
          compression: selectAlgorithms({}).compression,
        },
        kexInit: (honest) => ({
          ...honest,
          compressionClientToServer: ["zlib@openssh.com"],
          compressionServerToClient: ["none"],
        }),
      });
      await peer.reach("connected");
      const bytes = await pingBytes(peer);
      assert.ok(bytes > 5000 && bytes < 5700, `${bytes}`);
    });

    it(`lets through what a ${role} may send, however small it was made`, async () => {
      const peer = await hostilePeer({ ...zlib, role });
      await peer.reach("connected");
      const sink = new RecordingChannelSink();
      const limits = { windowBytes: 2 ** 20, maxPacketBytes: 256 * 1024 };
      peer.engine.openChannel("x", new Uint8Array(0), limits, sink);
      await peer.until(Msg.CHANNEL_OPEN);
      peer.send(confirmation(0), channelData(0, new Uint8Array(256 * 1024)));
      assert.deepEqual(sink.calls, ["open", `data 0 ${256 * 1024}`]);
      await assertLives(peer);
    });
  }
});

describe("compression, refused when", () => {
  const options = zlib;
  const code = DisconnectCode.COMPRESSION_ERROR;
  refuses([
    {
      name: "sends a bomb",
      stage: "connected",
      options,
      send: (peer) => sendCompressed(peer, bomb(new Uint8Array(20_000_000).fill(2))),
      code,
      message: /^Cannot decompress a payload: it has more than 263168 bytes/,
    },
    {
      name: "sends a bomb of many parts, one a packet",
      stage: "connected",
      options,
      send: (peer) => {
        const compressor = zlib.algorithms.compression[0]?.createCompressor();
        assert.ok(compressor);
        for (const bytes of [250_000, 250_000, 300_000]) {
          sendCompressed(peer, compressor.compress(new Uint8Array(bytes).fill(2)));
        }
      },
      code,
      message: /^Cannot decompress a payload: it has more than/,
    },
    {
      name: "sends what is not compressed",
      stage: "connected",
      options,
      send: (peer) => sendCompressed(peer, globalRequest("x")),
      code,
      message: /^Cannot decompress a payload: it is not the next part of a zlib stream/,
    },
    {
      name: "sends a stream that ends",
      stage: "connected",
      options,
      send: (peer) => sendCompressed(peer, new Uint8Array(deflateSync(ignore))),
      code,
      message: /^Cannot decompress a payload: it is not the next part of a zlib stream/,
    },
    {
      name: "sends what becomes nothing",
      stage: "connected",
      options,
      send: (peer) => sendCompressed(peer, bomb(new Uint8Array(0))),
      code,
      message: /its payload is empty/,
    },
    {
      name: "compresses before the user is authenticated",
      stage: "authenticating",
      options,
      send: (peer) => sendCompressed(peer, bomb(new Uint8Array(1000).fill(2))),
      message: /^Cannot accept|^Cannot read|^Cannot go on/,
    },
  ]);
});

/** How many bytes it takes to send a ping of 5000 bytes and to get it back. */
async function pingBytes(peer: HostilePeer): Promise<number> {
  const packet = peer.seal(encodePing(Msg.PING, new Uint8Array(5000)));
  peer.sendRaw(packet);
  const bytes = packet.length + peer.engine.outputBytes;
  await peer.until(Msg.PONG);
  return bytes;
}
