/**
 * Files of known hosts, searched and changed.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  addKnownHost,
  checkKnownHost,
  findKnownHost,
  formatKnownHostLine,
  formatKnownHosts,
  hashKnownHosts,
  parseKnownHosts,
  parsePublicKeyLine,
  removeKnownHost,
  replaceKnownHost,
} from "../../keys/mod.ts";
import { publicKeys } from "../keys/fixtures.ts";
import { orUnwritable } from "./_expect.ts";

const keys = [publicKeys.ed25519, publicKeys.ecdsa256].map((line) => parsePublicKeyLine(line));

/** The first byte says which host is asked about, by which key; the rest is the file. */
export function fuzz(data: Uint8Array): void {
  const [how = 0] = data;
  const text = new TextDecoder().decode(data.subarray(1));
  const host = {
    hostname: (how & 1) === 0 ? "host.example" : "h",
    port: (how & 2) === 0 ? 22 : 99,
  };
  const [key, other] = (how & 4) === 0 ? keys : keys.toReversed();
  assert.ok(key && other);

  const lines = parseKnownHosts(text);
  assert.equal(formatKnownHosts(lines), text);
  for (const { entry } of lines) {
    if (entry === null) continue;
    const written = orUnwritable(() => formatKnownHostLine(entry));
    if (written !== null) {
      assert.deepEqual(parseKnownHosts(written)[0]?.entry, { ...entry, line: 1 });
    }
  }
  const statusOf = (text: string): string => checkKnownHost(text, host, key).status;
  const { status, matches } = checkKnownHost(text, host, key);
  assert.ok(matches.every(({ line }) => lines[line - 1]?.entry !== null));

  const added = addKnownHost(text, host, key);
  assert.ok(added.startsWith(text));
  assert.equal(statusOf(added), status === "revoked" ? "revoked" : "ok");
  const replaced = replaceKnownHost(text, host, [key], { hash: (how & 8) !== 0 });
  assert.equal(statusOf(replaced), status === "revoked" ? "revoked" : "ok");
  const removed = removeKnownHost(added, host);
  assert.ok(findKnownHost(removed, host).every(({ marker }) => marker !== null));
  assert.equal(removeKnownHost(removed, host), removed);
  const hashed = hashKnownHosts(text, { random: (length) => new Uint8Array(length) });
  assert.ok(findKnownHost(hashed, host).length >= findKnownHost(text, host).length);
  assert.equal(hashKnownHosts(hashed), hashed);
}
