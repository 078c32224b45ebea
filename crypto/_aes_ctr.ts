/**
 * AES in counter mode (RFC 4344 section 4), one key stream over many packets.
 *
 * @module
 */

import { ctr } from "@noble/ciphers/aes.js";
import {
  type NodeCipher,
  nodeCiphers,
  type NodeCrypto,
  nodeCrypto,
  plainBytes,
} from "./_node_crypto.ts";

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
  /**
   * Advances by so many blocks, which another implementation takes upon itself.
   *
   * @returns The counter of the first of them.
   */
  skip(blocks: number): Uint8Array<ArrayBuffer>;
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
  const counter = new Uint8Array(iv);
  return {
    xor(data) {
      const result = ctr(ownKey, counter).encrypt(data) as Uint8Array<ArrayBuffer>;
      advance(counter, data.length / AES_BLOCK_BYTES);
      return result;
    },
    skip: (blocks) => skip(counter, blocks),
  };
}

/** AES in counter mode of `node:crypto`. */
export function createNodeAesCtr(node: NodeCrypto, key: Uint8Array, iv: Uint8Array): AesCtr {
  const ownKey = key.slice();
  const counter = new Uint8Array(iv);
  const name = nodeName(key);
  // It counts for itself, and cannot be told to skip.
  let cipher: NodeCipher | null = null;
  return {
    xor(data) {
      cipher ??= node.createCipheriv(name, ownKey, counter);
      advance(counter, data.length / AES_BLOCK_BYTES);
      return plainBytes(cipher.update(data));
    },
    skip(blocks) {
      // On Deno what is not finished is never let go of.
      cipher?.final();
      cipher = null;
      return skip(counter, blocks);
    },
  };
}

function skip(counter: Uint8Array<ArrayBuffer>, blocks: number): Uint8Array<ArrayBuffer> {
  const first = counter.slice();
  advance(counter, blocks);
  return first;
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
