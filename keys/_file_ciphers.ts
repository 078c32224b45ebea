/**
 * The ciphers that key files of OpenSSH are encrypted with. They are SSH's ciphers, each used once
 * over the whole secret part, with no packet around it.
 *
 * @module
 */

import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { cbc, ctr, gcm } from "@noble/ciphers/aes.js";
import { chacha20orig } from "@noble/ciphers/chacha.js";
import { concatBytes } from "@noble/curves/utils.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** A cipher for key files. */
export interface FileCipher {
  /** The name in the file. */
  readonly name: string;
  /** How much of the derived key is the cipher's key. */
  readonly keyBytes: number;
  /** How much of the derived key comes after that, as the initial vector. */
  readonly ivBytes: number;
  /** What the secret part is padded to a multiple of. */
  readonly blockBytes: number;
  /** The length of the tag behind the secret part; 0 for none. */
  readonly tagBytes: number;
  /** Encrypts the padded secret part; the tag comes last. */
  seal(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array;
  /** Decrypts what {@linkcode seal} gave; `null` if the tag is wrong. */
  open(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Uint8Array | null;
}

/** The ciphers by preference: the first is OpenSSH's own choice. */
export const fileCiphers: readonly FileCipher[] = [
  /* @__PURE__ */ aesCtr(256),
  /* @__PURE__ */ aesGcm(256),
  /* @__PURE__ */ chacha20Poly1305(),
  /* @__PURE__ */ aesCtr(192),
  /* @__PURE__ */ aesCtr(128),
  /* @__PURE__ */ aesGcm(128),
  /* @__PURE__ */ aesCbc(256),
  /* @__PURE__ */ aesCbc(192),
  /* @__PURE__ */ aesCbc(128),
];

function aesCtr(bits: number): FileCipher {
  return {
    ...{ name: `aes${bits}-ctr`, keyBytes: bits / 8, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
    seal: (key, iv, plain) => ctr(key, iv).encrypt(plain),
    open: (key, iv, sealed) => ctr(key, iv).decrypt(sealed),
  };
}

function aesCbc(bits: number): FileCipher {
  const options = { disablePadding: true };
  return {
    ...{ name: `aes${bits}-cbc`, keyBytes: bits / 8, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
    seal: (key, iv, plain) => cbc(key, iv, options).encrypt(plain),
    open: (key, iv, sealed) => cbc(key, iv, options).decrypt(sealed),
  };
}

function aesGcm(bits: number): FileCipher {
  return {
    name: `aes${bits}-gcm@openssh.com`,
    ...{ keyBytes: bits / 8, ivBytes: 12, blockBytes: 16, tagBytes: 16 },
    seal: (key, iv, plain) => gcm(key, iv).encrypt(plain),
    open(key, iv, sealed) {
      try {
        return gcm(key, iv).decrypt(sealed);
      } catch {
        return null;
      }
    },
  };
}

/** PROTOCOL.chacha20poly1305, as the packet 0 without a length: the second half of the key rests. */
function chacha20Poly1305(): FileCipher {
  const nonce = new Uint8Array(8);
  const tagOf = (key: Uint8Array, encrypted: Uint8Array) =>
    poly1305(encrypted, chacha20orig(key, nonce, new Uint8Array(32)));
  return {
    name: "chacha20-poly1305@openssh.com",
    ...{ keyBytes: 64, ivBytes: 0, blockBytes: 8, tagBytes: 16 },
    seal(key, _iv, plain) {
      const half = key.subarray(0, 32);
      const encrypted = chacha20orig(half, nonce, plain, undefined, 1);
      return concatBytes(encrypted, tagOf(half, encrypted));
    },
    open(key, _iv, sealed) {
      const half = key.subarray(0, 32);
      const encrypted = sealed.subarray(0, -16);
      if (!timingSafeEqual(tagOf(half, encrypted), sealed.subarray(-16))) return null;
      return chacha20orig(half, nonce, encrypted, undefined, 1);
    },
  };
}
