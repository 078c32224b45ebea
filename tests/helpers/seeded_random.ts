/**
 * Randomness that is the same in every run.
 *
 * @module
 */

import { chacha20orig } from "@noble/ciphers/chacha.js";
import type { RandomSource } from "../../crypto/types.ts";

/** A source of random bytes that a seed, any integer, determines: ChaCha20's key stream. */
export function seededRandom(seed: number): RandomSource {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setFloat64(0, seed);
  const nonce = new Uint8Array(8);
  let calls = 0;
  return (length) => {
    new DataView(nonce.buffer).setUint32(0, calls++);
    return new Uint8Array(chacha20orig(key, nonce, new Uint8Array(length)));
  };
}
