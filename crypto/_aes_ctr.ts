/**
 * AES in counter mode (RFC 4344 section 4), one key stream over many packets.
 *
 * @module
 */

import { ctr } from "@noble/ciphers/aes.js";
import { nodeCiphers, type NodeCrypto, nodeCrypto, plainBytes } from "./_node_crypto.ts";

/** The block in bytes. */
export const AES_BLOCK_BYTES = 16;

/** A running key stream. */
export interface AesCtr {
  /**
   * Encrypts or decrypts `data`, of whole blocks, and advances by as many.
   *
   * @returns The result, in a buffer of its own.
   */
  xor(data: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** The fastest AES in counter mode that the runtime has. */
export function createAesCtr(key: Uint8Array, iv: Uint8Array): AesCtr {
  const node = nodeCrypto();
  if (node && nodeCiphers().includes(nodeName(key))) return createNodeAesCtr(node, key, iv);
  return createNobleAesCtr(key, iv);
}

/** AES in counter mode in JavaScript. */
export function createNobleAesCtr(key: Uint8Array, iv: Uint8Array): AesCtr {
  const ownKey = key.slice();
  const counter = iv.slice();
  return {
    xor(data) {
      const result = ctr(ownKey, counter).encrypt(data) as Uint8Array<ArrayBuffer>;
      advance(counter, data.length / AES_BLOCK_BYTES);
      return result;
    },
  };
}

/** AES in counter mode of `node:crypto`. */
export function createNodeAesCtr(node: NodeCrypto, key: Uint8Array, iv: Uint8Array): AesCtr {
  const cipher = node.createCipheriv(nodeName(key), key, iv);
  return {
    xor: (data) => plainBytes(cipher.update(data)),
  };
}

/** Adds `blocks` to a counter of 128 bits, big-endian, that wraps. */
function advance(counter: Uint8Array, blocks: number): void {
  let carry = blocks;
  for (let i = counter.length - 1; i >= 0 && carry > 0; i--) {
    carry += counter[i] ?? 0;
    counter[i] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
}

function nodeName(key: Uint8Array): string {
  return `aes-${key.length * 8}-ctr`;
}
