/**
 * AES-GCM of WebCrypto: fast where several packets are at work at once, and slow for small ones.
 *
 * @module
 */

import { GCM_TAG_BYTES } from "./_aes_gcm.ts";
import { hasOpenSsl } from "./_node_crypto.ts";

/** A keyed AES-GCM that answers later. */
export interface WebAesGcm {
  /** Gives the ciphertext, and the tag behind it. */
  seal(nonce: Uint8Array, aad: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
  /** Gives what was encrypted, or null if the tag behind the ciphertext is wrong. */
  open(
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** Readies a key; null where something else is faster, or there is no WebCrypto. */
export async function createWebAesGcm(key: Uint8Array): Promise<WebAesGcm | null> {
  if (hasOpenSsl()) return null;
  const { subtle } = crypto;
  const raw = new Uint8Array(key);
  const cryptoKey = await subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const parameters = (nonce: Uint8Array, aad: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: nonce as BufferSource,
    additionalData: aad as BufferSource,
    tagLength: GCM_TAG_BYTES * 8,
  });
  return {
    async seal(nonce, aad, data) {
      const sealed = subtle.encrypt(parameters(nonce, aad), cryptoKey, data as BufferSource);
      return new Uint8Array(await sealed);
    },
    async open(nonce, aad, sealed) {
      try {
        const data = subtle.decrypt(parameters(nonce, aad), cryptoKey, sealed as BufferSource);
        return new Uint8Array(await data);
      } catch {
        return null;
      }
    },
  };
}
