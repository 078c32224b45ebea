/**
 * `chacha20-poly1305@openssh.com`: OpenSSH's PROTOCOL.chacha20poly1305.
 *
 * @module
 */

import { chachaInJavaScript, type ChaChaPackets } from "./_chacha20_poly1305.ts";
import { checkCipherKeys } from "./_keys.ts";
import { fastestChaCha } from "./_node_chacha20_poly1305.ts";
import { LENGTH_BYTES } from "./_packet.ts";
import { chachaKernel } from "./kernel/chacha20_poly1305.ts";
import type { CipherAlgorithm, PacketOpener, PacketSealer } from "./types.ts";

const BLOCK_BYTES = 8;
const TAG_BYTES = 16;

/**
 * `chacha20-poly1305@openssh.com`: the length and the rest of a packet are encrypted with a key
 * each, and Poly1305 is over both ciphertexts. The nonce is the sequence number; there is no IV.
 */
export const chacha20Poly1305: CipherAlgorithm = {
  name: "chacha20-poly1305@openssh.com",
  keyBytes: 64,
  ivBytes: 0,
  blockBytes: BLOCK_BYTES,
  aead: true,
  createSealer(keys) {
    checkCipherKeys(chacha20Poly1305, keys);
    return sealerOf(keys.key.slice(), packetsHere());
  },
  createOpener(keys) {
    checkCipherKeys(chacha20Poly1305, keys);
    return openerOf(keys.key.slice(), packetsHere());
  },
};

let found: ChaChaPackets | undefined;

/** Whatever does it fastest on this runtime. */
function packetsHere(): ChaChaPackets {
  if (found === undefined) {
    const kernel = chachaKernel();
    found = kernel === null ? chachaInJavaScript : fastestChaCha(kernel);
  }
  return found;
}

function sealerOf(key: Uint8Array, packets: ChaChaPackets): PacketSealer {
  return {
    blockBytes: BLOCK_BYTES,
    tagBytes: TAG_BYTES,
    padsLength: false,
    seal: (packet, sequence) => fitting(packets, packet).seal(key, sequence, packet),
  };
}

function openerOf(key: Uint8Array, packets: ChaChaPackets): PacketOpener {
  return {
    blockBytes: BLOCK_BYTES,
    tagBytes: TAG_BYTES,
    padsLength: false,
    headBytes: LENGTH_BYTES,
    // The tag is over the encrypted length, which stays as it came.
    openLength: (head, sequence) => packets.openLength(key, sequence, head),
    open: (packet, sequence) =>
      packet.length < LENGTH_BYTES + TAG_BYTES
        ? null
        : fitting(packets, packet).open(key, sequence, packet),
  };
}

/** The kernel's memory is bounded; packets that it cannot take are rare, and slower. */
function fitting(packets: ChaChaPackets, packet: Uint8Array): ChaChaPackets {
  return packet.length <= packets.maxPacketBytes ? packets : chachaInJavaScript;
}
