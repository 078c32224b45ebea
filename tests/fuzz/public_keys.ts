/**
 * Public keys from strangers: lines of `.pub` files, RFC 4716, blobs, and what people type to say
 * which key a server has.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  authenticatorOf,
  describeKey,
  fingerprint,
  formatPublicKeyLine,
  formatRfc4716,
  parsePublicKey,
  parsePublicKeyLine,
  parseRfc4716,
  type PublicKey,
  randomart,
} from "../../keys/mod.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { publicKeys } from "../keys/fixtures.ts";
import { orUnwritable } from "./_expect.ts";

const known = parsePublicKeyLine(publicKeys.ed25519);

/** The first byte says what the rest is. */
export async function fuzz(data: Uint8Array): Promise<void> {
  const [how = 0] = data;
  const rest = data.subarray(1);
  const text = new TextDecoder().decode(rest);
  try {
    switch (how % 4) {
      case 0:
        return check(parsePublicKeyLine(text));
      case 1:
        return check(parseRfc4716(text));
      case 2:
        return check(parsePublicKey(rest));
      default:
        assert.equal(typeof await authenticatorOf(text)(known, {}), "boolean");
    }
  } catch (error) {
    if (!(error instanceof KeyFormatError)) throw error;
  }
}

/** What was read is written as what is read the same. */
function check(key: PublicKey): void {
  const { blob, comment } = key;
  const { kind, bits } = describeKey(key);
  assert.ok(kind !== "" && bits > 0);
  assert.match(fingerprint(key, "md5"), /^MD5:(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  assert.deepEqual(randomart(key).split("\n").map((line) => line.length), Array(11).fill(19));
  const again = parsePublicKey(blob);
  assert.deepEqual(again.blob, blob);
  const line = orUnwritable(() => formatPublicKeyLine(key));
  if (line !== null) {
    const read = parsePublicKeyLine(line);
    assert.deepEqual(read.blob, blob);
    // White space at the ends of a line is not the comment's.
    assert.equal(read.comment, comment.trim());
  }
  const file = orUnwritable(() => formatRfc4716(key));
  if (file !== null) assert.deepEqual(parseRfc4716(file).blob, blob);
}
