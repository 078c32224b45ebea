/**
 * Files of revoked keys: lists, and texts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { formatKrl, parseKrl, parsePublicKeyLine, parseRevokedKeys } from "../../keys/mod.ts";
import type { RevocationList } from "../../keys/mod.ts";
import { certificates } from "../keys/certificate_fixtures.ts";
import { publicKeys } from "../keys/fixtures.ts";
import { mayRefuse } from "./_expect.ts";

const keys = [publicKeys, certificates].flatMap((lines) => Object.values(lines))
  .map((line) => parsePublicKeyLine(line));

/** The data is the file. What is read is written, and says the same again. */
export function fuzz(data: Uint8Array): void {
  let list: RevocationList | null = null;
  mayRefuse(() => {
    list = parseRevokedKeys(data);
  });
  if (list === null) return;
  const written = formatKrl(list);
  const again = parseKrl(written);
  assert.deepEqual(formatKrl(again), written);
  for (const key of keys) {
    assert.equal(again.isRevoked(key), (list as RevocationList).isRevoked(key));
  }
}
