/**
 * `chacha20-poly1305@openssh.com` in JavaScript, for runtimes that have no WebAssembly kernel.
 *
 * @module
 */

import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { chacha20orig } from "@noble/ciphers/chacha.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { LENGTH_BYTES, readLength } from "./_packet.ts";

const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Whatever does the cipher's work on whole packets. */
export interface ChaChaPackets {
  /** The longest packet that it can take, its tag included. */
  readonly maxPacketBytes: number;
  /** The packet length whose four encrypted bytes `head` begins with. */
  openLength(key: Uint8Array, sequence: number, head: Uint8Array): number;
  /** Encrypts a packet in place, and writes its tag to its end. */
  seal(key: Uint8Array, sequence: number, packet: Uint8Array): void;
  /**
   * Verifies a packet's tag, and decrypts what is behind its length, into a buffer of its own; null
   * if it is wrong.
   */
  open(key: Uint8Array, sequence: number, packet: Uint8Array): Uint8Array<ArrayBuffer> | null;
}

/** The cipher in JavaScript. */
export const chachaInJavaScript: ChaChaPackets = {
  maxPacketBytes: Infinity,
  openLength(key, sequence, head) {
    const length = head.slice(0, LENGTH_BYTES);
    xor(lengthKey(key), sequence, 0, length);
    return readLength(length);
  },
  seal(key, sequence, packet) {
    const end = packet.length - TAG_BYTES;
    xor(lengthKey(key), sequence, 0, packet.subarray(0, LENGTH_BYTES));
    xor(packetKey(key), sequence, 1, packet.subarray(LENGTH_BYTES, end));
    packet.set(tagOf(key, sequence, packet.subarray(0, end)), end);
  },
  open(key, sequence, packet) {
    const end = packet.length - TAG_BYTES;
    const tag = tagOf(key, sequence, packet.subarray(0, end));
    if (!timingSafeEqual(tag, packet.subarray(end))) return null;
    const body = new Uint8Array(packet.subarray(LENGTH_BYTES, end));
    xor(packetKey(key), sequence, 1, body);
    return body;
  },
};

/** The first half is K_2, for packets. */
function packetKey(key: Uint8Array): Uint8Array {
  return key.subarray(0, KEY_BYTES);
}

/** The second is K_1, for their lengths. */
function lengthKey(key: Uint8Array): Uint8Array {
  return key.subarray(KEY_BYTES);
}

/** Poly1305, its key being the first 32 bytes of the key stream's block 0. */
function tagOf(key: Uint8Array, sequence: number, ciphertext: Uint8Array): Uint8Array {
  const oneTimeKey = new Uint8Array(32);
  xor(packetKey(key), sequence, 0, oneTimeKey);
  return poly1305(ciphertext, oneTimeKey);
}

/** Applies the original ChaCha20, whose nonce of 64 bits is the packet's sequence number. */
function xor(key: Uint8Array, sequence: number, block: 0 | 1, data: Uint8Array): void {
  const nonce = new Uint8Array(8);
  new DataView(nonce.buffer).setUint32(4, sequence);
  chacha20orig(key, nonce, data, data, block);
}
