/**
 * Signatures of security keys, by themselves and through browsers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { SecurityKeyPublicKey } from "../../keys/security_key.ts";
import { Writer } from "../../wire/writer.ts";
import { securityKeys } from "../keys/certificate_fixtures.ts";

const keys = Object.values(securityKeys).map((line) => parsePublicKeyLine(line));

/** The first byte says of which key and algorithm, the rest follows the algorithm's name. */
export async function fuzz(data: Uint8Array): Promise<void> {
  const pairs = keys.flatMap((key) => key.algorithms.map((algorithm) => ({ key, algorithm })));
  const pair = pairs[(data[0] ?? 0) % pairs.length];
  assert.ok(pair?.key instanceof SecurityKeyPublicKey);
  const { key, algorithm } = pair;
  const signature = new Writer().string(algorithm).raw(data.subarray(1)).finish();
  assert.equal(await key.inspect(algorithm, new Uint8Array(8), signature), null);
}
