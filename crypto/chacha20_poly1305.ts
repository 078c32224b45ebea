/**
 * `chacha20-poly1305@openssh.com`: OpenSSH's PROTOCOL.chacha20poly1305.
 *
 * @module
 */

import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { type ChaCha20, createChaCha20 } from "./_chacha20.ts";
import { checkCipherKeys } from "./_keys.ts";
import { LENGTH_BYTES, readLength } from "./_packet.ts";
import type { CipherAlgorithm, PacketOpener, PacketSealer } from "./types.ts";

const NAME = "chacha20-poly1305@openssh.com";
const KEY_BYTES = 64;
const BLOCK_BYTES = 8;
const TAG_BYTES = 16;

/**
 * `chacha20-poly1305@openssh.com`: the length and the rest of a packet are encrypted with a key
 * each, and Poly1305 is over both ciphertexts. The nonce is the sequence number; there is no IV.
 */
export const chacha20Poly1305: CipherAlgorithm = {
  name: NAME,
  keyBytes: KEY_BYTES,
  ivBytes: 0,
  blockBytes: BLOCK_BYTES,
  aead: true,
  createSealer(keys) {
    checkCipherKeys(chacha20Poly1305, keys);
    return chachaSealer(...splitKey(keys.key));
  },
  createOpener(keys) {
    checkCipherKeys(chacha20Poly1305, keys);
    return chachaOpener(...splitKey(keys.key));
  },
};

/** The first half is K_2, for packets; the second is K_1, for their lengths. */
function splitKey(key: Uint8Array): [packetCipher: ChaCha20, lengthCipher: ChaCha20] {
  return [createChaCha20(key.subarray(0, 32)), createChaCha20(key.subarray(32))];
}

function chachaSealer(packetCipher: ChaCha20, lengthCipher: ChaCha20): PacketSealer {
  return {
    blockBytes: BLOCK_BYTES,
    tagBytes: TAG_BYTES,
    padsLength: false,
    seal(packet, sequence) {
      const end = packet.length - TAG_BYTES;
      lengthCipher.xor(sequence, 0, packet.subarray(0, LENGTH_BYTES));
      packetCipher.xor(sequence, 1, packet.subarray(LENGTH_BYTES, end));
      packet.set(tagOf(packetCipher, sequence, packet.subarray(0, end)), end);
    },
  };
}

function chachaOpener(packetCipher: ChaCha20, lengthCipher: ChaCha20): PacketOpener {
  const length = new Uint8Array(LENGTH_BYTES);
  return {
    blockBytes: BLOCK_BYTES,
    tagBytes: TAG_BYTES,
    padsLength: false,
    headBytes: LENGTH_BYTES,
    openLength(head, sequence) {
      // The tag is over the encrypted length, which stays as it came.
      length.set(head.subarray(0, LENGTH_BYTES));
      lengthCipher.xor(sequence, 0, length);
      return readLength(length);
    },
    open(packet, sequence) {
      const end = packet.length - TAG_BYTES;
      if (end < LENGTH_BYTES) return false;
      const tag = tagOf(packetCipher, sequence, packet.subarray(0, end));
      if (!timingSafeEqual(tag, packet.subarray(end))) return false;
      packetCipher.xor(sequence, 1, packet.subarray(LENGTH_BYTES, end));
      return true;
    },
  };
}

/** Poly1305, its key being the first 32 bytes of the key stream's block 0. */
function tagOf(packetCipher: ChaCha20, sequence: number, ciphertext: Uint8Array): Uint8Array {
  const oneTimeKey = new Uint8Array(32);
  packetCipher.xor(sequence, 0, oneTimeKey);
  return poly1305(ciphertext, oneTimeKey);
}
