/**
 * Every way in which packets can be protected, keyed.
 *
 * @module
 */

import { plainOpener, plainSealer } from "../../crypto/plaintext.ts";
import type {
  CipherAlgorithm,
  CipherKeys,
  MacAlgorithm,
  PacketOpener,
  PacketSealer,
} from "../../crypto/types.ts";
import { supportedAlgorithms } from "../../protocol/transport/algorithms.ts";
import { PacketReader } from "../../protocol/transport/packet_reader.ts";
import { PacketWriter } from "../../protocol/transport/packet_writer.ts";
import { ByteQueue } from "../../wire/byte_queue.ts";
import { concat } from "./bytes.ts";
import { seededRandom } from "./seeded_random.ts";

/** A cipher with the MAC that it needs, under keys that are the same in every run. */
export interface Protection {
  readonly name: string;
  readonly cipher: CipherAlgorithm | null;
  readonly mac: MacAlgorithm | null;
  sealer(): PacketSealer;
  opener(): PacketOpener;
}

/** No protection at all: how packets go before the first NEWKEYS. */
export const plain: Protection = {
  name: "no cipher",
  cipher: null,
  mac: null,
  sealer: () => plainSealer,
  opener: () => plainOpener,
};

/** Every cipher that is supported, with every MAC if it needs one. */
export const protections: readonly Protection[] = supportedAlgorithms.ciphers.flatMap((cipher) =>
  cipher.aead
    ? [protectionOf(cipher, null)]
    : supportedAlgorithms.macs.map((mac) => protectionOf(cipher, mac))
);

function protectionOf(cipher: CipherAlgorithm, mac: MacAlgorithm | null): Protection {
  const random = seededRandom(cipher.keyBytes);
  const keys: CipherKeys = {
    key: random(cipher.keyBytes),
    iv: random(cipher.ivBytes),
    ...(mac === null ? {} : { mac: { algorithm: mac, key: random(mac.keyBytes) } }),
  };
  return {
    name: mac === null ? cipher.name : `${cipher.name} with ${mac.name}`,
    cipher,
    mac,
    sealer: () => cipher.createSealer(keys),
    opener: () => cipher.createOpener(keys),
  };
}

/** Seals payloads, each into a packet of its own. */
export function sealed(protection: Protection, payloads: readonly Uint8Array[]): Uint8Array[] {
  const writer = new PacketWriter(seededRandom(0), protection.sealer(), {
    onOutput() {},
    onError() {},
  });
  return payloads.map((payload) => {
    writer.writePacket(payload);
    return concat(writer.takeOutput());
  });
}

/** A reader of packets, and the queue that it reads from. */
export function readerOf(protection: Protection): { queue: ByteQueue; reader: PacketReader } {
  const queue = new ByteQueue();
  return {
    queue,
    reader: new PacketReader(queue, protection.opener(), { onOpened() {}, onError() {} }),
  };
}

/**
 * A packet that is sealed properly, whatever it says of itself.
 *
 * @param fields.length What its length field says: the truth, unless given.
 * @param fields.paddingLength What its padding length says.
 * @param fields.rest What follows: payload and padding.
 */
export function craft(
  sealer: PacketSealer,
  fields: { length?: number; paddingLength: number; rest: number },
): Uint8Array {
  const packet = new Uint8Array(5 + fields.rest + sealer.tagBytes);
  new DataView(packet.buffer).setUint32(0, fields.length ?? 1 + fields.rest);
  packet[4] = fields.paddingLength;
  sealer.seal(packet, 0);
  return packet;
}
