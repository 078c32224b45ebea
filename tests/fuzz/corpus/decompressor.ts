/**
 * Parts of zlib streams, as payloads.
 *
 * @module
 */

import { zlibDelayed } from "../../../protocol/transport/compression.ts";
import { utf8 } from "../../helpers/bytes.ts";
import { seededRandom } from "../../helpers/seeded_random.ts";
import { fromPayloads } from "../_input.ts";

/** A stream of these payloads. */
function streamOf(...payloads: Uint8Array[]): Uint8Array {
  const compressor = zlibDelayed.createCompressor();
  return fromPayloads(...payloads.map((payload) => compressor.compress(payload)));
}

/** Streams that compress well, badly, to nothing, and to too much. */
export const corpus: readonly Uint8Array[] = [
  streamOf(utf8("hello"), utf8("hello hello"), utf8("")),
  streamOf(seededRandom(1)(300), seededRandom(2)(300)),
  streamOf(new Uint8Array(10_000), new Uint8Array(10_000).fill(1)),
  streamOf(new Uint8Array(60_000)),
];
