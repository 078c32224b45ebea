/**
 * Packets as they are before the first NEWKEYS: no cipher and no MAC (RFC 4253 section 6). There
 * is no algorithm of this kind to negotiate.
 *
 * @module
 */

import { LENGTH_BYTES, readLength } from "./_packet.ts";
import type { PacketOpener, PacketSealer } from "./types.ts";

/** Leaves packets as they are. */
export const plainSealer: PacketSealer = {
  blockBytes: 8,
  tagBytes: 0,
  padsLength: true,
  seal() {},
};

/** Takes packets as they are. */
export const plainOpener: PacketOpener = {
  blockBytes: 8,
  tagBytes: 0,
  padsLength: true,
  headBytes: LENGTH_BYTES,
  openLength: readLength,
  open: (packet) => new Uint8Array(packet.subarray(LENGTH_BYTES)),
};
