/**
 * HMAC (RFC 2104) with a key that is used for many messages.
 *
 * @module
 */

import { hmac } from "@noble/hashes/hmac.js";
import type { CHash } from "@noble/hashes/utils.js";
import { type NodeCrypto, nodeCrypto, type NodeHash } from "./_node_crypto.ts";

/** A keyed HMAC. */
export interface Hmac {
  /** Writes the tag of `head || data` to `tag`, which has the digest's length. */
  sign(head: Uint8Array, data: Uint8Array, tag: Uint8Array): void;
}

/** Which hash function, for either implementation. */
export interface HmacHash {
  /** Its name in `node:crypto`. */
  readonly hash: "sha1" | "sha256" | "sha512";
  /** The function itself. */
  readonly nobleHash: CHash;
}

/** Below this many bytes a call into `node:crypto` costs more than 32-bit hashing here. */
const SMALL_BYTES = 512;

/** The fastest HMAC that the runtime has. */
export function createHmac(hash: HmacHash, key: Uint8Array): Hmac {
  const node = nodeCrypto();
  if (!node) return createNobleHmac(hash, key);
  const large = createNodeHmac(node, hash, key);
  // 64-bit words are slow in JavaScript at any length.
  if (hash.hash === "sha512") return large;
  const small = createNobleHmac(hash, key);
  return {
    sign(head, data, tag) {
      (data.length < SMALL_BYTES ? small : large).sign(head, data, tag);
    },
  };
}

/** HMAC in JavaScript; the key's two blocks are hashed once. */
export function createNobleHmac({ nobleHash }: HmacHash, key: Uint8Array): Hmac {
  const keyed = hmac.create(nobleHash, key);
  const state = keyed.clone();
  return {
    sign(head, data, tag) {
      keyed._cloneInto(state).update(head).update(data).digestInto(tag);
    },
  };
}

/**
 * HMAC by the hash of `node:crypto`, which is copied from where the key has been hashed: HMAC of
 * `node:crypto` itself begins with the key each time.
 */
export function createNodeHmac(
  node: NodeCrypto,
  { hash, nobleHash }: HmacHash,
  key: Uint8Array,
): Hmac {
  const keyed = (pad: number): NodeHash => {
    const block = new Uint8Array(nobleHash.blockLen).fill(pad);
    const fitting = key.length > block.length ? node.createHash(hash).update(key).digest() : key;
    fitting.forEach((byte, index) => block[index] = byte ^ pad);
    return node.createHash(hash).update(block);
  };
  const [inner, outer] = [keyed(0x36), keyed(0x5c)];
  return {
    sign(head, data, tag) {
      const digest = inner.copy().update(head).update(data).digest();
      tag.set(outer.copy().update(digest).digest());
    },
  };
}
