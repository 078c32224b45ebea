/**
 * The slow derivation of a key from a passphrase that OpenSSH's key files use: bcrypt_pbkdf of
 * OpenBSD, PBKDF2 with bcrypt over SHA-512 in the place of HMAC.
 *
 * @module
 */

import { sha512 } from "@noble/hashes/sha2.js";
import { clean, nextTick } from "@noble/hashes/utils.js";
import { Writer } from "../wire/writer.ts";
import { encrypt, expand, initialState } from "./_blowfish.ts";

/** What goes with {@linkcode bcryptPbkdf}. */
export interface BcryptPbkdfOptions {
  /** How often bcrypt is applied: the time grows with it. */
  readonly rounds: number;
  /** The length of the result in bytes: 1 to 1024. */
  readonly length: number;
  /** Stops the work. */
  readonly signal?: AbortSignal;
}

/** The bytes that one application of bcrypt gives. */
const hashBytes = 32;
/** How often bcrypt is applied, some milliseconds each time, before others may run. */
const roundsInOneGo = 4;

/**
 * Derives a key from a passphrase. The event loop goes on meanwhile, and what it took is wiped at
 * the end; the passphrase is the caller's to wipe.
 *
 * @param passphrase Not empty.
 * @param salt Not empty.
 * @throws {RangeError} If anything is empty, or `rounds` or `length` is out of bounds.
 */
export async function bcryptPbkdf(
  passphrase: Uint8Array,
  salt: Uint8Array,
  options: BcryptPbkdfOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { rounds, length, signal } = options;
  if (passphrase.length === 0 || salt.length === 0) {
    throw new RangeError("Cannot derive a key: the passphrase or the salt is empty");
  }
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new RangeError(`Cannot derive a key: ${rounds} rounds are not a positive number`);
  }
  if (!Number.isSafeInteger(length) || length < 1 || length > hashBytes ** 2) {
    throw new RangeError(`Cannot derive a key: its length of ${length} bytes is not 1 to 1024`);
  }
  const key = new Uint8Array(length);
  // Unlike in PBKDF2, the blocks' bytes are dealt out in turns.
  const blocks = Math.ceil(length / hashBytes);
  const hashedPassphrase = toWords(sha512(passphrase));
  try {
    await fill(key, hashedPassphrase, salt, { rounds, blocks, ...(signal && { signal }) });
    return key;
  } finally {
    clean(hashedPassphrase);
  }
}

/** Fills a key, block after block. */
async function fill(
  key: Uint8Array,
  hashedPassphrase: Int32Array,
  salt: Uint8Array,
  { rounds, blocks, signal }: { rounds: number; blocks: number; signal?: AbortSignal },
): Promise<void> {
  let sinceBreak = 0;
  for (let block = 0; block < blocks; block++) {
    let input = new Writer(salt.length + 4).raw(salt).uint32(block + 1).finish();
    const output = new Uint8Array(hashBytes);
    for (let round = 0; round < rounds; round++) {
      if (sinceBreak++ === roundsInOneGo) {
        sinceBreak = 1;
        await nextTick();
        signal?.throwIfAborted();
      }
      const hash = bcryptHash(hashedPassphrase, toWords(sha512(input)));
      clean(input);
      input = hash;
      for (let i = 0; i < hashBytes; i++) output[i] = (output[i] as number) ^ (input[i] as number);
    }
    for (let i = 0; i * blocks + block < key.length; i++) {
      key[i * blocks + block] = output[i] as number;
    }
    clean(input, output);
  }
}

/** bcrypt with a cost of 6, over a text as long as its hash. */
function bcryptHash(passphrase: Int32Array, salt: Int32Array): Uint8Array<ArrayBuffer> {
  const state = initialState();
  expand(state, passphrase, salt);
  for (let i = 0; i < 64; i++) {
    expand(state, salt);
    expand(state, passphrase);
  }
  const words = toWords(new TextEncoder().encode("OxychromaticBlowfishSwatDynamite"));
  for (let i = 0; i < 64; i++) {
    for (let offset = 0; offset < words.length; offset += 2) encrypt(state, words, offset);
  }
  // The text went in big-endian; its hash comes out little-endian.
  const view = new DataView(new ArrayBuffer(hashBytes));
  words.forEach((word, i) => view.setInt32(i * 4, word, true));
  clean(state, words);
  return new Uint8Array(view.buffer);
}

function toWords(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(i * 4));
}
