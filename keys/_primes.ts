/**
 * The search for an RSA key's primes: FIPS 186-5 appendix A.1.3, probable primes.
 *
 * @module
 */

import { pow } from "@noble/curves/abstract/modular.js";
import { bytesToNumberBE } from "@noble/curves/utils.js";
import { nextTick } from "@noble/hashes/utils.js";
import type { RandomSource } from "../crypto/types.ts";

/** The primes below this are tried as divisors first: it leaves one candidate in nine. */
const smallPrimesBelow = 4096;
// FIPS 186-5 table B.1 asks for 4 or 5 at these sizes; a few more cost nothing beside the search.
const millerRabinRounds = 8;

/**
 * Finds a prime p with exactly `bits` bits, the two highest of them set, and p - 1 not divisible
 * by `exponent`. It takes time: others run meanwhile.
 *
 * @param bits A multiple of 8.
 * @param exponent A prime.
 */
export async function findPrime(
  bits: number,
  exponent: bigint,
  random: RandomSource,
  signal?: AbortSignal,
): Promise<bigint> {
  for (;;) {
    const bytes = random(bits / 8);
    // Two such primes multiply to a number that has twice their bits, never one less.
    bytes[0] = (bytes[0] as number) | 0xc0;
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) | 1;
    const candidate = bytesToNumberBE(bytes);
    if (candidate % exponent === 1n || hasSmallDivisor(candidate)) continue;
    await nextTick();
    signal?.throwIfAborted();
    if (isProbablePrime(candidate, random)) return candidate;
  }
}

/** The test of Miller and Rabin with bases at random (FIPS 186-5 appendix B.3.1). */
export function isProbablePrime(candidate: bigint, random: RandomSource): boolean {
  const minusOne = candidate - 1n;
  let odd = minusOne;
  let halvings = 0;
  for (; (odd & 1n) === 0n; odd >>= 1n) halvings++;
  const length = Math.ceil(candidate.toString(16).length / 2);
  for (let round = 0; round < millerRabinRounds; round++) {
    const base = bytesToNumberBE(random(length)) % (candidate - 3n) + 2n;
    let x = pow(base, odd, candidate);
    for (let i = 1; i < halvings && x !== 1n && x !== minusOne; i++) {
      x = x * x % candidate;
      if (x === 1n) return false;
    }
    if (x !== 1n && x !== minusOne) return false;
  }
  return true;
}

function hasSmallDivisor(candidate: bigint): boolean {
  primorials ??= computePrimorials();
  for (const { product, primes } of primorials) {
    const rest = Number(candidate % product);
    if (primes.some((prime) => rest % prime === 0)) return true;
  }
  return false;
}

/** Primes in groups whose product is an exact number: one long division serves a whole group. */
interface Primorial {
  readonly product: bigint;
  readonly primes: readonly number[];
}

let primorials: readonly Primorial[] | undefined;

function computePrimorials(): Primorial[] {
  const groups: Primorial[] = [];
  let product = 1;
  let primes: number[] = [];
  for (const prime of oddPrimesBelow(smallPrimesBelow)) {
    if (product * prime > Number.MAX_SAFE_INTEGER) {
      groups.push({ product: BigInt(product), primes });
      product = 1;
      primes = [];
    }
    product *= prime;
    primes.push(prime);
  }
  groups.push({ product: BigInt(product), primes });
  return groups;
}

function oddPrimesBelow(end: number): number[] {
  const composite = new Uint8Array(end);
  const primes: number[] = [];
  for (let n = 3; n < end; n += 2) {
    if (composite[n]) continue;
    primes.push(n);
    for (let multiple = n * n; multiple < end; multiple += 2 * n) composite[multiple] = 1;
  }
  return primes;
}
