/**
 * Files of authorized keys, and who is let in by them.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  addAuthorizedKey,
  authorize,
  authorizedKeys,
  formatAuthorizedKeyLine,
  formatAuthorizedKeys,
  parseAuthorizedKeys,
  parsePublicKeyLine,
  removeAuthorizedKey,
} from "../../keys/mod.ts";
import { publicKeys } from "../keys/fixtures.ts";
import { orUnwritable } from "./_expect.ts";

const key = parsePublicKeyLine(publicKeys.ed25519);
const addresses = ["192.0.2.7", "2001:db8::7", "host.example", null];

/** The first byte says from where and when somebody comes; the rest is the file. */
export async function fuzz(data: Uint8Array): Promise<void> {
  const [how = 0] = data;
  const text = new TextDecoder().decode(data.subarray(1));
  const lines = parseAuthorizedKeys(text);
  assert.equal(formatAuthorizedKeys(lines), text);
  for (const { entry } of lines) {
    if (entry === null) continue;
    const written = orUnwritable(() => formatAuthorizedKeyLine(entry));
    if (written === null) continue;
    assert.deepEqual(parseAuthorizedKeys(written)[0]?.entry, { ...entry, line: 1 });
  }
  const request = {
    key,
    user: "ada",
    address: addresses[how & 3] ?? null,
    now: () => (how & 4) === 0 ? 0 : Date.UTC(2030, 0, 1),
  };
  const answer = await authorize(authorizedKeys(text), request);
  const added = addAuthorizedKey(text, key);
  assert.ok(added.startsWith(text));
  assert.ok((await authorize(authorizedKeys(added), request)).accepted);
  const removed = removeAuthorizedKey(added, key);
  assert.ok(!(await authorize(authorizedKeys(removed), request)).accepted);
  if (answer.accepted) assert.ok(lines[answer.entry.line - 1]?.entry !== null);
}
