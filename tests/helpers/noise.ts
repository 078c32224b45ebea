/**
 * Puts IGNORE, DEBUG and UNIMPLEMENTED between any two packets that the engines under test send.
 *
 * @module
 */

import { PacketWriter } from "../../protocol/transport/packet_writer.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { debug, ignore, unimplemented } from "./messages.ts";

const NOISE = [ignore, debug, unimplemented];

/**
 * Makes every writer send noise before a packet when `chance` says so, from its first NEWKEYS on:
 * before, a strict key exchange allows none.
 *
 * @returns What ends it.
 */
export function makeNoise(chance: () => boolean): Disposable {
  const { writePacket, rekey } = PacketWriter.prototype;
  const noisy = new WeakSet<PacketWriter>();
  let next = 0;
  PacketWriter.prototype.rekey = function (...parameters): void {
    noisy.add(this);
    rekey.apply(this, parameters);
  };
  PacketWriter.prototype.writePacket = function (head, ...tail): void {
    // EXT_INFO has to be the first message under the first keys.
    while (noisy.has(this) && head[0] !== Msg.EXT_INFO && chance()) {
      writePacket.call(this, NOISE[next++ % NOISE.length] ?? ignore);
    }
    writePacket.call(this, head, ...tail);
  };
  return {
    [Symbol.dispose]() {
      PacketWriter.prototype.rekey = rekey;
      PacketWriter.prototype.writePacket = writePacket;
    },
  };
}
