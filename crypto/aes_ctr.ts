/**
 * `aes256-ctr`, `aes192-ctr` and `aes128-ctr` (RFC 4344), each with a MAC: over the ciphertext
 * (`-etm`, OpenSSH's PROTOCOL section 1.1), or over the plaintext (RFC 4253 section 6.4).
 *
 * @module
 */

import { AES_BLOCK_BYTES, type AesCtr, createAesCtr } from "./_aes_ctr.ts";
import { checkCipherKeys } from "./_keys.ts";
import { type Later, later } from "./_later.ts";
import { move } from "./collector.ts";
import { LARGE_BYTES, LENGTH_BYTES, readLength } from "./_packet.ts";
import { createWebAesCtr, type WebAesCtr } from "./_web_aes_ctr.ts";
import type {
  CipherAlgorithm,
  CipherKeys,
  PacketMac,
  PacketOpener,
  PacketSealer,
} from "./types.ts";

/** `aes256-ctr`: it needs a MAC. */
export const aes256Ctr: CipherAlgorithm = /* @__PURE__ */ aesCtr("aes256-ctr", 32);

/** `aes192-ctr`: it needs a MAC. */
export const aes192Ctr: CipherAlgorithm = /* @__PURE__ */ aesCtr("aes192-ctr", 24);

/** `aes128-ctr`: it needs a MAC. */
export const aes128Ctr: CipherAlgorithm = /* @__PURE__ */ aesCtr("aes128-ctr", 16);

function aesCtr(name: string, keyBytes: number): CipherAlgorithm {
  const algorithm: CipherAlgorithm = {
    name,
    keyBytes,
    ivBytes: AES_BLOCK_BYTES,
    blockBytes: AES_BLOCK_BYTES,
    aead: false,
    createSealer(keys) {
      checkCipherKeys(algorithm, keys);
      const { mac, encryptThenMac } = keyedMac(name, keys);
      const stream = createAesCtr(keys.key, keys.iv);
      return encryptThenMac
        ? encryptThenMacSealer(stream, later(createWebAesCtr(keys.key)), mac)
        : encryptAndMacSealer(stream, mac);
    },
    createOpener(keys) {
      checkCipherKeys(algorithm, keys);
      const { mac, encryptThenMac } = keyedMac(name, keys);
      const stream = createAesCtr(keys.key, keys.iv);
      return encryptThenMac
        ? encryptThenMacOpener(stream, later(createWebAesCtr(keys.key)), mac)
        : encryptAndMacOpener(stream, mac);
    },
  };
  return algorithm;
}

function keyedMac(name: string, keys: CipherKeys): { mac: PacketMac; encryptThenMac: boolean } {
  if (!keys.mac) throw new TypeError(`Cannot key ${name}: it needs a MAC`);
  const { algorithm, key } = keys.mac;
  return { mac: algorithm.create(key), encryptThenMac: algorithm.encryptThenMac };
}

/** The length in the clear, and the MAC over the ciphertext. */
function encryptThenMacSealer(stream: AesCtr, web: Later<WebAesCtr>, mac: PacketMac): PacketSealer {
  return {
    blockBytes: AES_BLOCK_BYTES,
    tagBytes: mac.tagBytes,
    padsLength: false,
    seal(packet, sequence) {
      const end = packet.length - mac.tagBytes;
      const data = packet.subarray(LENGTH_BYTES, end);
      const finish = (sealed: Uint8Array): void => {
        move(sealed, packet, LENGTH_BYTES);
        mac.sign(sequence, packet.subarray(0, end), packet.subarray(end));
      };
      if (web.value === null || data.length < LARGE_BYTES) return finish(stream.xor(data));
      return web.value.xor(stream.skip(data.length / AES_BLOCK_BYTES), data).then(finish);
    },
  };
}

function encryptThenMacOpener(stream: AesCtr, web: Later<WebAesCtr>, mac: PacketMac): PacketOpener {
  return {
    blockBytes: AES_BLOCK_BYTES,
    tagBytes: mac.tagBytes,
    padsLength: false,
    headBytes: LENGTH_BYTES,
    openLength: readLength,
    open(packet, sequence) {
      const end = packet.length - mac.tagBytes;
      if (end < LENGTH_BYTES || (end - LENGTH_BYTES) % AES_BLOCK_BYTES !== 0) return null;
      if (!mac.verify(sequence, packet.subarray(0, end), packet.subarray(end))) return null;
      const data = packet.subarray(LENGTH_BYTES, end);
      if (web.value === null || data.length < LARGE_BYTES) return stream.xor(data);
      return web.value.xor(stream.skip(data.length / AES_BLOCK_BYTES), data);
    },
  };
}

/** The length encrypted too, and the MAC over the plaintext. */
function encryptAndMacSealer(stream: AesCtr, mac: PacketMac): PacketSealer {
  return {
    blockBytes: AES_BLOCK_BYTES,
    tagBytes: mac.tagBytes,
    padsLength: true,
    seal(packet, sequence) {
      const end = packet.length - mac.tagBytes;
      mac.sign(sequence, packet.subarray(0, end), packet.subarray(end));
      move(stream.xor(packet.subarray(0, end)), packet);
    },
  };
}

function encryptAndMacOpener(stream: AesCtr, mac: PacketMac): PacketOpener {
  return {
    blockBytes: AES_BLOCK_BYTES,
    tagBytes: mac.tagBytes,
    padsLength: true,
    headBytes: AES_BLOCK_BYTES,
    openLength(head) {
      head.set(stream.xor(head.subarray(0, AES_BLOCK_BYTES)));
      return readLength(head);
    },
    open(packet, sequence) {
      const end = packet.length - mac.tagBytes;
      if (end < AES_BLOCK_BYTES || end % AES_BLOCK_BYTES !== 0) return null;
      move(stream.xor(packet.subarray(AES_BLOCK_BYTES, end)), packet, AES_BLOCK_BYTES);
      if (!mac.verify(sequence, packet.subarray(0, end), packet.subarray(end))) return null;
      return new Uint8Array(packet.subarray(LENGTH_BYTES, end));
    },
  };
}
