/**
 * `aes256-gcm@openssh.com` and `aes128-gcm@openssh.com`: RFC 5647, chosen without a MAC as in
 * OpenSSH's PROTOCOL section 1.6.
 *
 * @module
 */

import { type AesGcm, createAesGcm, GCM_TAG_BYTES } from "./_aes_gcm.ts";
import { checkCipherKeys } from "./_keys.ts";
import { hasOpenSsl } from "./_node_crypto.ts";
import { type Later, later } from "./_later.ts";
import { move } from "./collector.ts";
import { LARGE_BYTES, LENGTH_BYTES, readLength } from "./_packet.ts";
import { createWebAesGcm, type WebAesGcm } from "./_web_aes_gcm.ts";
import type { CipherAlgorithm, PacketOpener, PacketProtection, PacketSealer } from "./types.ts";

const IV_BYTES = 12;

const protection: PacketProtection = {
  blockBytes: 16,
  tagBytes: GCM_TAG_BYTES,
  padsLength: false,
};

/** `aes256-gcm@openssh.com`. The length is sent in the clear, and authenticated. */
export const aes256Gcm: CipherAlgorithm = /* @__PURE__ */ aesGcm("aes256-gcm@openssh.com", 32);

/** `aes128-gcm@openssh.com`. The length is sent in the clear, and authenticated. */
export const aes128Gcm: CipherAlgorithm = /* @__PURE__ */ aesGcm("aes128-gcm@openssh.com", 16);

function aesGcm(name: string, keyBytes: number): CipherAlgorithm {
  const algorithm: CipherAlgorithm = {
    name,
    keyBytes,
    ivBytes: IV_BYTES,
    blockBytes: 16,
    aead: true,
    createSealer(keys) {
      checkCipherKeys(algorithm, keys);
      return gcmSealer(
        createAesGcm(keys.key),
        later(createWebAesGcm(keys.key)),
        new InvocationNonce(keys.iv),
      );
    },
    createOpener(keys) {
      checkCipherKeys(algorithm, keys);
      return gcmOpener(
        createAesGcm(keys.key),
        later(createWebAesGcm(keys.key)),
        new InvocationNonce(keys.iv),
      );
    },
  };
  return algorithm;
}

function gcmSealer(gcm: AesGcm, web: Later<WebAesGcm>, nonce: InvocationNonce): PacketSealer {
  const encrypt = hasOpenSsl() ? gcm.sealApart : undefined;
  return {
    ...protection,
    sealApart: encrypt && ((packet) => {
      const aad = packet.slice(0, LENGTH_BYTES);
      return [aad, ...encrypt(nonce.next(), aad, packet.subarray(LENGTH_BYTES))];
    }),
    seal(packet) {
      const end = packet.length - GCM_TAG_BYTES;
      const iv = nonce.next();
      const aad = packet.subarray(0, LENGTH_BYTES);
      const data = packet.subarray(LENGTH_BYTES, end);
      if (web.value !== null && data.length >= LARGE_BYTES) {
        return web.value.seal(iv, aad, data).then((sealed) => move(sealed, packet, LENGTH_BYTES));
      }
      gcm.seal(iv, aad, data, packet.subarray(end));
    },
  };
}

function gcmOpener(gcm: AesGcm, web: Later<WebAesGcm>, nonce: InvocationNonce): PacketOpener {
  return {
    ...protection,
    headBytes: LENGTH_BYTES,
    openLength: readLength,
    open(packet) {
      const end = packet.length - GCM_TAG_BYTES;
      if (end < LENGTH_BYTES) return null;
      const iv = nonce.next();
      const aad = packet.subarray(0, LENGTH_BYTES);
      if (web.value !== null && packet.length >= LARGE_BYTES) {
        return web.value.open(iv, aad, packet.subarray(LENGTH_BYTES));
      }
      return gcm.open(iv, aad, packet.subarray(LENGTH_BYTES, end), packet.subarray(end));
    },
  };
}

/** RFC 5647 section 7.1: a fixed field of 4 bytes, and a counter of 8 that packets advance. */
class InvocationNonce {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(iv: Uint8Array) {
    this.#bytes = new Uint8Array(iv);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The nonce of the next packet. */
  next(): Uint8Array<ArrayBuffer> {
    const nonce = this.#bytes.slice();
    // The counter starts anywhere, and wraps within its 64 bits.
    const low = (this.#view.getUint32(8) + 1) >>> 0;
    this.#view.setUint32(8, low);
    if (low === 0) this.#view.setUint32(4, this.#view.getUint32(4) + 1);
    return nonce;
  }
}
