/**
 * Random bytes that come out the same for the same seed.
 *
 * @module
 */

import { shake256 } from "@noble/hashes/sha3.js";
import { Writer } from "../wire/writer.ts";
import type { RandomSource } from "../crypto/types.ts";

/**
 * A stream of SHAKE256 (FIPS 202) over a seed.
 *
 * @param purpose Keeps one seed's streams for different purposes apart.
 */
export function seededRandom(seed: string | Uint8Array, purpose: string): RandomSource {
  const input = new Writer(256).string("sshflow key from seed").string(purpose).string(seed)
    .finish();
  const stream = shake256.create().update(input);
  return (length) => new Uint8Array(stream.xof(length));
}
