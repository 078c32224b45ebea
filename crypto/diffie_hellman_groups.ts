/**
 * Groups of integers for Diffie-Hellman that are known to be safe: RFC 3526, groups 14 to 18.
 *
 * @module
 */

import { numberToBytesBE } from "@noble/curves/utils.js";
import { DisconnectCode, ProtocolError } from "../wire/errors.ts";

/** A group of integers: both numbers big-endian, without leading zeros. */
export interface DiffieHellmanGroup {
  /** The prime modulus. */
  readonly p: Uint8Array;
  /** The generator. */
  readonly g: Uint8Array;
}

/** The sizes of the groups of RFC 3526, in bits: groups 14, 15, 16, 17 and 18. */
export type Rfc3526Bits = 2048 | 3072 | 4096 | 6144 | 8192;

/**
 * By size, what RFC 3526 adds to the digits of pi, so that the result is the first prime p whose
 * (p - 1) / 2 is prime too.
 */
const OFFSETS: readonly (readonly [Rfc3526Bits, bigint])[] = [
  [2048, 124476n],
  [3072, 1690314n],
  [4096, 240904n],
  [6144, 929484n],
  [8192, 4743158n],
];

const groups: Map<Rfc3526Bits, DiffieHellmanGroup> = /* @__PURE__ */ new Map();

/**
 * A group of RFC 3526; the generator is 2.
 *
 * The primes are `2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + offset)`: computing one
 * takes a few milliseconds, once, where all of them written out would take six kilobytes.
 *
 * @param bits The modulus' size in bits.
 */
export function rfc3526Group(bits: Rfc3526Bits): DiffieHellmanGroup {
  const known = groups.get(bits);
  if (known) return known;
  const offset = OFFSETS.find(([size]) => size === bits)?.[1];
  if (offset === undefined) throw new RangeError(`Cannot find a group of ${bits} bits`);
  const n = BigInt(bits);
  const p = (1n << n) - (1n << (n - 64n)) - 1n + ((piBits(n - 130n) + offset) << 64n);
  const group = { p: numberToBytesBE(p, bits / 8), g: Uint8Array.of(2) };
  groups.set(bits, group);
  return group;
}

/**
 * Chooses a group for a client of `diffie-hellman-group-exchange-sha256` (RFC 4419 section 3): the
 * smallest that is not below what it prefers, or else the largest that it takes.
 *
 * @param minBits The smallest modulus that the client takes, in bits.
 * @param preferredBits The size that the client prefers.
 * @param maxBits The largest that it takes.
 * @returns The group.
 * @throws {ProtocolError} If the sizes contradict each other, or no known group fits.
 */
export function chooseGroup(
  minBits: number,
  preferredBits: number,
  maxBits: number,
): DiffieHellmanGroup {
  const fitting = minBits <= preferredBits && preferredBits <= maxBits
    ? OFFSETS.map(([bits]) => bits).filter((bits) => minBits <= bits && bits <= maxBits)
    : [];
  const chosen = fitting.find((bits) => bits >= preferredBits) ?? fitting.at(-1);
  if (chosen === undefined) {
    throw new ProtocolError(
      `Cannot choose a group: the client takes ${minBits} to ${maxBits} bits and prefers ` +
        `${preferredBits}; we have ${OFFSETS.map(([bits]) => bits).join(", ")}`,
      { code: DisconnectCode.KEY_EXCHANGE_FAILED },
    );
  }
  return rfc3526Group(chosen);
}

/** floor(pi * 2^bits), by Machin's formula: pi = 16 arctan(1/5) - 4 arctan(1/239). */
function piBits(bits: bigint): bigint {
  // Each of some thousand divisions rounds by less than one.
  const guardBits = 32n;
  const one = 1n << (bits + guardBits);
  return (16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one)) >> guardBits;
}

/** arctan(1 / x) * one, by its power series. */
function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let n = 3n; power !== 0n; n += 2n) {
    power /= -x * x;
    sum += power / n;
  }
  return sum;
}
