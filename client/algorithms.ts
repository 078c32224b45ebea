/**
 * The algorithms that a client offers.
 *
 * @module
 */

import type { CipherAlgorithm, MacAlgorithm } from "../crypto/types.ts";
import { isCertificateAlgorithm, plainAlgorithm } from "../keys/certificate_algorithms.ts";
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

/** What is known of the host key that a server should have. */
export interface HostKeyExpectation {
  /** The signature algorithms of the key; empty if it is not known. */
  readonly algorithms: readonly string[];
  /** Whether it may be known by a certificate, rather than by itself. */
  readonly certified: boolean;
}

/**
 * Finds the algorithms.
 *
 * @param expected Of several host keys that a server may have, it is asked for this one first.
 * @throws {TypeError} If a name is not known; the message lists those that are.
 */
export function algorithmsOf(
  choice: AlgorithmChoice = {},
  expected: HostKeyExpectation = { algorithms: [], certified: true },
): Algorithms {
  return {
    kex: choose(choice.kex, (kex) => selectAlgorithms({ ...kex && { kex } }).kex),
    hostKeys: hostKeysOf(choice.hostKeys, expected),
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

function hostKeysOf(
  chosen: readonly string[] | undefined,
  { algorithms, certified }: HostKeyExpectation,
): readonly string[] {
  const { hostKeys } = selectAlgorithms(chosen === undefined ? {} : { hostKeys: chosen });
  const rank = (name: string): number => {
    const isExpected = algorithms.includes(plainAlgorithm(name));
    // Whoever has chosen the names has chosen between certificates and keys.
    const isOfKind = chosen !== undefined || isCertificateAlgorithm(name) === certified;
    return (isExpected ? 0 : 2) + (isOfKind ? 0 : 1);
  };
  return hostKeys.map((name) => ({ name, rank: rank(name) }))
    .sort((a, b) => a.rank - b.rank).map(({ name }) => name);
}

/** @param select Gives those with certain names; all that are supported, if no names are given. */
function choose<T>(
  chosen: readonly (string | T)[] | undefined,
  select: (names?: readonly string[]) => readonly T[],
): readonly T[] {
  if (chosen === undefined) return select();
  return chosen.flatMap((one) => typeof one === "string" ? select([one]) : [one]);
}
