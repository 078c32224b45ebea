/** What a packet costs without its cipher: framing, parsing, and the messages inside. */

import { platformRandom } from "../crypto/mod.ts";
import { plainOpener, plainSealer } from "../crypto/plaintext.ts";
import { negotiate } from "../protocol/mod.ts";
import { kexInitOf } from "../protocol/transport/negotiation.ts";
import { PacketReader } from "../protocol/transport/packet_reader.ts";
import { PacketWriter } from "../protocol/transport/packet_writer.ts";
import { supportedAlgorithms } from "../protocol/mod.ts";
import { ByteQueue } from "../wire/byte_queue.ts";
import { decodeChannelRequest, encodeChannelRequest } from "../wire/connection_messages.ts";
import { decodeKexInit, encodeKexInit } from "../wire/transport_messages.ts";

for (const size of [64, 1024, 32 * 1024]) {
  const payload = new Uint8Array(size).fill(94);
  const head = payload.subarray(0, 9);
  const tail = payload.subarray(9);
  Deno.bench(`frame and parse 16 packets of ${size} bytes`, () => {
    const queue = new ByteQueue();
    const reader = new PacketReader(queue, plainOpener, { onOpened() {}, onError() {} });
    const writer = new PacketWriter(platformRandom, plainSealer, { onOutput() {}, onError() {} });
    for (let i = 0; i < 16; i++) writer.writeData(head, tail, null);
    for (const chunk of writer.takeOutput()) queue.push(chunk);
    for (let i = 0; i < 16; i++) {
      if (reader.next()?.length !== size) throw new Error("a packet is missing");
    }
  });
}

const kexInit = kexInitOf(supportedAlgorithms, {
  cookie: platformRandom(16),
  role: "client",
  first: true,
});

Deno.bench("encode and decode KEXINIT, and negotiate", () => {
  const decoded = decodeKexInit(encodeKexInit(kexInit));
  negotiate("server", supportedAlgorithms, kexInit, decoded);
});

Deno.bench("encode and decode a channel request", () => {
  decodeChannelRequest(encodeChannelRequest({
    recipientChannel: 1,
    name: "exec",
    wantReply: true,
    payload: kexInit.cookie,
  }));
});
