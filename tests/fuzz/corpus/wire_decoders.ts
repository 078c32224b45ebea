/**
 * A few messages of each kind. The first byte says of which.
 *
 * @module
 */

import fc from "fast-check";
import { concat } from "../../helpers/bytes.ts";
import { codecs } from "../../wire/_codecs.ts";

/** Three of each. */
export const corpus: readonly Uint8Array[] = codecs.flatMap(({ values, encode }, i) =>
  fc.sample(values, { numRuns: 3, seed: 7 }).map((value) =>
    concat([Uint8Array.of(i), encode(value)])
  )
);
