/**
 * Key pairs for key exchanges, many of them: what a server makes in a day.
 *
 * @module
 */

import { createNodeCurve } from "../../crypto/_node_ecdh.ts";

/** Makes so many of each type that `node:crypto` makes, and tells how many there were. */
export function makeKeyPairs(count: number): Record<string, number> {
  const made: Record<string, number> = {};
  for (const name of ["X25519", "P-256"] as const) {
    const curve = createNodeCurve(name);
    made[name] = 0;
    for (let i = 0; i < count; i++) if (curve.generate()?.share.length) made[name]++;
  }
  return made;
}
