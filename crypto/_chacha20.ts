/**
 * The original ChaCha20: a nonce of 64 bits, which is a packet's sequence number, and a counter of
 * blocks of 64 bits.
 *
 * @module
 */

import { chacha20orig } from "@noble/ciphers/chacha.js";
import { nodeCiphers, type NodeCrypto, nodeCrypto } from "./_node_crypto.ts";

/** A keyed ChaCha20. */
export interface ChaCha20 {
  /** Encrypts or decrypts `data` in place, with the key stream from `block` (0 or 1) on. */
  xor(sequence: number, block: 0 | 1, data: Uint8Array): void;
}

/** Below this many bytes a call into `node:crypto` costs more than it saves. */
const SMALL_BYTES = 512;

/**
 * How many ciphers a `node:crypto` lists that is OpenSSL itself. The ones that other runtimes
 * bring list fewer, and their ChaCha20 is slower than the one in JavaScript.
 */
const OPENSSL_CIPHERS = 64;

/** The fastest ChaCha20 that the runtime has. */
export function createChaCha20(key: Uint8Array): ChaCha20 {
  const small = createNobleChaCha20(key);
  const node = nodeCrypto();
  const names = nodeCiphers();
  if (!node || names.length < OPENSSL_CIPHERS || !names.includes("chacha20")) return small;
  const large = createNodeChaCha20(node, key);
  return {
    xor(sequence, block, data) {
      (data.length < SMALL_BYTES ? small : large).xor(sequence, block, data);
    },
  };
}

/** ChaCha20 in JavaScript. */
export function createNobleChaCha20(key: Uint8Array): ChaCha20 {
  const ownKey = key.slice();
  const nonce = new Uint8Array(8);
  const nonceView = new DataView(nonce.buffer);
  return {
    xor(sequence, block, data) {
      nonceView.setUint32(4, sequence);
      chacha20orig(ownKey, nonce, data, data, block);
    },
  };
}

/** ChaCha20 of `node:crypto`, whose IV is the counter, little-endian, and the nonce. */
export function createNodeChaCha20(node: NodeCrypto, key: Uint8Array): ChaCha20 {
  const ownKey = key.slice();
  const iv = new Uint8Array(16);
  const ivView = new DataView(iv.buffer);
  return {
    xor(sequence, block, data) {
      iv[0] = block;
      ivView.setUint32(12, sequence);
      data.set(node.createCipheriv("chacha20", ownKey, iv).update(data));
    },
  };
}
