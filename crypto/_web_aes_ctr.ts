/**
 * AES in counter mode of WebCrypto: fast where several packets are in flight, slow for small ones.
 *
 * @module
 */

import { hasOpenSsl } from "./_node_crypto.ts";

/** A keyed AES in counter mode that answers later. */
export interface WebAesCtr {
  /**
   * Encrypts or decrypts data.
   *
   * @param counter The counter of the first block: 16 bytes, big-endian, that wrap.
   * @param data What is read during the call only.
   * @returns The result, in a buffer of its own.
   */
  xor(counter: Uint8Array, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/** Readies a key; null where something else is faster, or there is no WebCrypto. */
export async function createWebAesCtr(key: Uint8Array): Promise<WebAesCtr | null> {
  if (hasOpenSsl()) return null;
  const { subtle } = crypto;
  const raw = new Uint8Array(key);
  const cryptoKey = await subtle.importKey("raw", raw, "AES-CTR", false, ["encrypt"]);
  return {
    async xor(counter, data) {
      const parameters = { name: "AES-CTR", counter: counter as BufferSource, length: 128 };
      return new Uint8Array(await subtle.encrypt(parameters, cryptoKey, data as BufferSource));
    },
  };
}
