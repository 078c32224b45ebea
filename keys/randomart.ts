/**
 * Fingerprints as pictures.
 *
 * @module
 */

import { describeKey, fingerprintDigest, type FingerprintHash } from "./fingerprint.ts";
import type { PublicKey } from "./types.ts";

const columns = 17;
const rows = 9;
/** How often a field was visited is shown by these; the last two are the start and the end. */
const symbols = " .o+=*BOX@%&#/^SE";

/**
 * A key's fingerprint as a picture of 11 lines, as `ssh-keygen -lv` prints it: a bishop walks over
 * the board, two bits of the fingerprint a step.
 *
 * @returns The picture without an end of line at its end.
 *
 * @example
 * ```ts
 * import { generateKey, randomart } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const picture = randomart((await generateKey("ed25519")).publicKey);
 * assert.equal(picture.split("\n")[0], "+--[ED25519 256]--+");
 * ```
 */
export function randomart(key: PublicKey, hash: FingerprintHash = "sha256"): string {
  const visits = new Uint8Array(columns * rows);
  const most = symbols.length - 3;
  let x = Math.floor(columns / 2);
  let y = Math.floor(rows / 2);
  const start = y * columns + x;
  for (const byte of fingerprintDigest(key, hash)) {
    for (let shift = 0; shift < 8; shift += 2) {
      x = clamp(x + (byte >> shift & 1 ? 1 : -1), columns);
      y = clamp(y + (byte >> shift & 2 ? 1 : -1), rows);
      const field = y * columns + x;
      visits[field] = Math.min((visits[field] as number) + 1, most);
    }
  }
  const board = Array.from(visits, (count) => symbols[count]);
  board[start] = "S";
  board[y * columns + x] = "E";
  const lines = [border(titleOf(key))];
  for (let row = 0; row < rows; row++) {
    lines.push(`|${board.slice(row * columns, (row + 1) * columns).join("")}|`);
  }
  lines.push(border(`[${hash.toUpperCase()}]`));
  return lines.join("\n");
}

function clamp(position: number, size: number): number {
  return Math.max(0, Math.min(size - 1, position));
}

/** What ssh-keygen does where there is no room for the size, and then for the last bracket. */
function titleOf(key: PublicKey): string {
  const { kind, bits } = describeKey(key);
  const title = `[${kind} ${bits}]`;
  return (title.length <= columns ? title : `[${kind}]`).slice(0, columns - 1);
}

function border(title: string): string {
  const before = Math.floor((columns - title.length) / 2);
  return `+${"-".repeat(before)}${title}`.padEnd(columns + 1, "-") + "+";
}
