/**
 * The algorithms that a client offers.
 *
 * @module
 */

import type { CipherAlgorithm, MacAlgorithm } from "../crypto/types.ts";
import { type Algorithms, selectAlgorithms } from "../protocol/transport/algorithms.ts";
import type { CompressionAlgorithm } from "../protocol/transport/compression.ts";
import type { KexMethod } from "../protocol/transport/kex/types.ts";

/**
 * The algorithms to offer, each list in order of preference: by the names of supported ones, or as
 * objects. A list that is left out has all that are supported and not known to be weak.
 */
export interface AlgorithmChoice {
  /** Key exchange, such as `curve25519-sha256`. */
  readonly kex?: readonly (string | KexMethod)[];
  /** Signatures of host keys, such as `ssh-ed25519`. */
  readonly hostKeys?: readonly string[];
  /** Ciphers, such as `aes256-gcm@openssh.com`. */
  readonly ciphers?: readonly (string | CipherAlgorithm)[];
  /** MACs, such as `hmac-sha2-256-etm@openssh.com`. */
  readonly macs?: readonly (string | MacAlgorithm)[];
  /** Compression: `none` first, unless told otherwise. */
  readonly compression?: readonly (string | CompressionAlgorithm)[];
}

/**
 * Finds the algorithms.
 *
 * @param expectedHostKeys Those of the key that is expected: of several host keys that a server
 *   may have, it is asked for that one first.
 * @throws {TypeError} If a name is not known; the message lists those that are.
 */
export function algorithmsOf(
  choice: AlgorithmChoice = {},
  expectedHostKeys: readonly string[] = [],
): Algorithms {
  const { hostKeys } = selectAlgorithms(
    choice.hostKeys === undefined ? {} : { hostKeys: choice.hostKeys },
  );
  const expected = hostKeys.filter((name) => expectedHostKeys.includes(name));
  const others = hostKeys.filter((name) => !expectedHostKeys.includes(name));
  return {
    kex: choose(choice.kex, (kex) => selectAlgorithms({ ...kex && { kex } }).kex),
    hostKeys: [...expected, ...others],
    ciphers: choose(
      choice.ciphers,
      (ciphers) => selectAlgorithms({ ...ciphers && { ciphers } }).ciphers,
    ),
    macs: choose(choice.macs, (macs) => selectAlgorithms({ ...macs && { macs } }).macs),
    compression: choose(
      choice.compression,
      (compression) => selectAlgorithms({ ...compression && { compression } }).compression,
    ),
  };
}

/** @param select Gives those with certain names; all that are supported, if no names are given. */
function choose<T>(
  chosen: readonly (string | T)[] | undefined,
  select: (names?: readonly string[]) => readonly T[],
): readonly T[] {
  if (chosen === undefined) return select();
  return chosen.flatMap((one) => typeof one === "string" ? select([one]) : [one]);
}
