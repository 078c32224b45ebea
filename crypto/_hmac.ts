/**
 * HMAC (RFC 2104) with a key that is used for many messages.
 *
 * @module
 */

import { hmac } from "@noble/hashes/hmac.js";
import type { CHash } from "@noble/hashes/utils.js";
import { type NodeCrypto, nodeCrypto } from "./_node_crypto.ts";

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

/** HMAC of `node:crypto`. */
export function createNodeHmac(node: NodeCrypto, { hash }: HmacHash, key: Uint8Array): Hmac {
  const ownKey = key.slice();
  return {
    sign(head, data, tag) {
      tag.set(node.createHmac(hash, ownKey).update(head).update(data).digest());
    },
  };
}
