/**
 * AES-GCM (NIST SP 800-38D) with a tag of 16 bytes.
 *
 * @module
 */

import { gcm } from "@noble/ciphers/aes.js";
import { nodeCiphers, type NodeCrypto, nodeCrypto, plainBytes } from "./_node_crypto.ts";

/** The length of a tag in bytes. */
export const GCM_TAG_BYTES = 16;

/** A keyed AES-GCM. */
export interface AesGcm {
  /** Encrypts `data` in place, and writes the tag of `aad` and `data` to `tag`. */
  seal(nonce: Uint8Array, aad: Uint8Array, data: Uint8Array, tag: Uint8Array): void;
  /** Gives what `data` is encrypted, and the tag, in buffers of their own. */
  readonly sealApart?: (
    nonce: Uint8Array,
    aad: Uint8Array,
    data: Uint8Array,
  ) => [sealed: Uint8Array, tag: Uint8Array];
  /** Gives what was encrypted, in a buffer of its own; null if the tag is wrong. */
  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    data: Uint8Array,
    tag: Uint8Array,
  ): Uint8Array<ArrayBuffer> | null;
}

/** The fastest AES-GCM that the runtime has. */
export function createAesGcm(key: Uint8Array): AesGcm {
  const node = nodeCrypto();
  if (node && nodeCiphers().includes(nodeName(key))) return createNodeAesGcm(node, key);
  return createNobleAesGcm(key);
}

/** AES-GCM in JavaScript. */
export function createNobleAesGcm(key: Uint8Array): AesGcm {
  const ownKey = key.slice();
  return {
    seal(nonce, aad, data, tag) {
      const sealed = gcm(ownKey, nonce, aad).encrypt(data);
      data.set(sealed.subarray(0, data.length));
      tag.set(sealed.subarray(data.length));
    },
    open(nonce, aad, data, tag) {
      const sealed = new Uint8Array(data.length + GCM_TAG_BYTES);
      sealed.set(data);
      sealed.set(tag, data.length);
      try {
        return gcm(ownKey, nonce, aad).decrypt(sealed) as Uint8Array<ArrayBuffer>;
      } catch {
        return null;
      }
    },
  };
}

/** AES-GCM of `node:crypto`. */
export function createNodeAesGcm(node: NodeCrypto, key: Uint8Array): AesGcm {
  const ownKey = key.slice();
  const name = nodeName(key);
  const sealApart: NonNullable<AesGcm["sealApart"]> = (nonce, aad, data) => {
    const cipher = node.createCipheriv(name, ownKey, nonce);
    cipher.setAAD(aad);
    const sealed = cipher.update(data);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  };
  return {
    sealApart,
    seal(nonce, aad, data, tag) {
      const [sealed, sealedTag] = sealApart(nonce, aad, data);
      data.set(sealed);
      tag.set(sealedTag);
    },
    open(nonce, aad, data, tag) {
      const cipher = node.createDecipheriv(name, ownKey, nonce);
      cipher.setAAD(aad);
      cipher.setAuthTag(tag);
      const opened = cipher.update(data);
      try {
        cipher.final();
      } catch {
        return null;
      }
      return plainBytes(opened);
    },
  };
}

function nodeName(key: Uint8Array): string {
  return `aes-${key.length * 8}-gcm`;
}
