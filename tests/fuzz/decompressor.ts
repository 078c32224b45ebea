/**
 * Compressed payloads.
 *
 * @module
 */

import assert from "node:assert/strict";
import { zlibDelayed } from "../../protocol/transport/compression.ts";
import { mayRefuse } from "./_expect.ts";
import { payloadsOf } from "./_input.ts";

const MAX_BYTES = 50_000;

/** Payloads of one stream. */
export function fuzz(data: Uint8Array): void {
  const decompressor = zlibDelayed.createDecompressor();
  mayRefuse(() => {
    for (const payload of payloadsOf(data)) {
      assert.ok(decompressor.decompress(payload, MAX_BYTES).length <= MAX_BYTES);
    }
  });
}
