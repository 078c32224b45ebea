/**
 * ML-KEM-768 by WebCrypto (W3C's Modern Algorithms in the Web Cryptography API).
 *
 * @module
 */

import type { PlatformKem } from "./_kem.ts";

const NAME = "ML-KEM-768";

/** What `SubtleCrypto` has for it, where it has it. */
interface KemSubtle {
  generateKey(name: string, extractable: boolean, usages: readonly string[]): Promise<KemKeys>;
  exportKey(format: "raw-public", key: unknown): Promise<ArrayBuffer>;
  importKey(
    format: "raw-public",
    bytes: Uint8Array,
    name: string,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<unknown>;
  encapsulateBits(
    name: string,
    key: unknown,
  ): Promise<{ readonly ciphertext: ArrayBuffer; readonly sharedKey: ArrayBuffer }>;
  decapsulateBits(name: string, key: unknown, ciphertext: Uint8Array): Promise<ArrayBuffer>;
}

interface KemKeys {
  readonly publicKey: unknown;
  readonly privateKey: unknown;
}

/** The mechanism; where WebCrypto lacks it, all calls reject. */
export const webMlkem768: PlatformKem = {
  async generate() {
    const subtle = kemSubtle();
    const usages = ["encapsulateBits", "decapsulateBits"];
    const { publicKey, privateKey } = await subtle.generateKey(NAME, false, usages);
    return {
      publicKey: new Uint8Array(await subtle.exportKey("raw-public", publicKey)),
      decapsulate: async (ciphertext) =>
        new Uint8Array(await subtle.decapsulateBits(NAME, privateKey, ciphertext)),
    };
  },
  async encapsulate(publicKey) {
    const subtle = kemSubtle();
    const key = await subtle.importKey("raw-public", publicKey, NAME, false, ["encapsulateBits"]);
    const { ciphertext, sharedKey } = await subtle.encapsulateBits(NAME, key);
    return { ciphertext: new Uint8Array(ciphertext), secret: new Uint8Array(sharedKey) };
  },
};

function kemSubtle(): KemSubtle {
  return crypto.subtle as unknown as KemSubtle;
}
