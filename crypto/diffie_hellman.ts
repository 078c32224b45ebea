/**
 * Diffie-Hellman over integers (RFC 4253 section 8), with fixed groups (RFC 8268) or with one that
 * the server chooses (RFC 4419).
 *
 * @module
 */

import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js";
import { DisconnectCode, ProtocolError } from "../wire/errors.ts";
import { badShare } from "./_share.ts";
import {
  type DiffieHellmanGroup,
  type Rfc3526Bits,
  rfc3526Group,
} from "./diffie_hellman_groups.ts";
import type { KeyAgreement, KeyAgreementStart, RandomSource } from "./types.ts";

/** Group 14 of RFC 3526: 2048 bits. */
export const dhGroup14: KeyAgreement = /* @__PURE__ */ rfc3526Agreement(14, 2048);

/** Group 16 of RFC 3526: 4096 bits. */
export const dhGroup16: KeyAgreement = /* @__PURE__ */ rfc3526Agreement(16, 4096);

/** Group 18 of RFC 3526: 8192 bits. */
export const dhGroup18: KeyAgreement = /* @__PURE__ */ rfc3526Agreement(18, 8192);

/** Which moduli of a server's choice are taken. */
export interface DiffieHellmanLimits {
  /** The fewest bits; 2048 unless given. */
  readonly minBits?: number;
  /** The most bits; 8192 unless given. */
  readonly maxBits?: number;
}

/**
 * Diffie-Hellman with a group that the peer chose (RFC 4419).
 *
 * Whether the modulus is a safe prime is not tested, which would take seconds: a server that
 * chooses a bad one betrays its own connection, and what it chose is covered by its signature.
 *
 * @param group The modulus and the generator, big-endian.
 * @param limits Which sizes are taken, in bits.
 * @returns The agreement; shares and the secret are big-endian, as long as the modulus.
 * @throws {ProtocolError} If the modulus is too small, too large or even, or the generator is not
 * in 2..p-2.
 */
export function diffieHellmanAgreement(
  group: DiffieHellmanGroup,
  limits: DiffieHellmanLimits = {},
): KeyAgreement {
  const { minBits = 2048, maxBits = 8192 } = limits;
  const bits = bitLength(group.p);
  if (bits < minBits || bits > maxBits) {
    throw badGroup(`the modulus has ${bits} bits, and not ${minBits} to ${maxBits}`);
  }
  const numbers = numbersOf(group, "the server's group");
  if ((numbers.p & 1n) === 0n) throw badGroup("the modulus is even");
  if (!isInGroup(numbers, group.g)) throw badGroup("the generator is not in 2..p-2");
  return agreement(() => numbers);
}

interface GroupNumbers {
  readonly name: string;
  readonly p: bigint;
  readonly g: bigint;
  readonly bytes: number;
}

function rfc3526Agreement(number: number, bits: Rfc3526Bits): KeyAgreement {
  let numbers: GroupNumbers | undefined;
  return agreement(() => numbers ??= numbersOf(rfc3526Group(bits), `group ${number}`));
}

function agreement(group: () => GroupNumbers): KeyAgreement {
  return {
    shareEncoding: "mpint",
    secretEncoding: "mpint",
    start: (random) => start(group(), random),
    respond(clientShare, random) {
      checkShare(group(), clientShare);
      const { share, finish } = start(group(), random);
      return { share, secret: finish(clientShare) };
    },
  };
}

interface Start extends KeyAgreementStart {
  finish(serverShare: Uint8Array): Uint8Array;
}

function start(group: GroupNumbers, random: RandomSource): Start {
  const { p, g, bytes } = group;
  const exponent = random(exponentBytes(bytes * 8));
  // An exponent of full length cannot give a share that is too small.
  exponent[0] = (exponent[0] ?? 0) | 0x80;
  const share = numberToBytesBE(modPow(g, exponent, p), bytes);
  if (!isInGroup(group, share)) throw badGroup("the generator's order is small");
  return {
    share,
    finish(peerShare) {
      checkShare(group, peerShare);
      const secret = modPow(bytesToNumberBE(peerShare), exponent, p);
      if (secret === 1n) throw badShare(group.name, "the peer's share has a small order");
      return numberToBytesBE(secret, bytes);
    },
  };
}

function checkShare(group: GroupNumbers, share: Uint8Array): void {
  if (!isInGroup(group, share)) {
    throw badShare(group.name, "the peer's share is not in 2..p-2");
  }
}

/** RFC 4253 section 8 forbids what is not in 1..p-1; 1 and p-1 themselves give the secret away. */
function isInGroup({ p, bytes }: GroupNumbers, magnitude: Uint8Array): boolean {
  if (bitLength(magnitude) > bytes * 8) return false;
  const value = bytesToNumberBE(magnitude);
  return value >= 2n && value <= p - 2n;
}

/**
 * The private exponent's length for a modulus of so many bits: RFC 3526 section 8, the larger
 * estimate, which is twice the bits of security that the group may give.
 */
function exponentBytes(modulusBits: number): number {
  if (modulusBits <= 2048) return 320 / 8;
  if (modulusBits <= 3072) return 424 / 8;
  if (modulusBits <= 4096) return 480 / 8;
  if (modulusBits <= 6144) return 544 / 8;
  return 624 / 8;
}

/** base^exponent mod p, in steps of four bits that are the same for every exponent. */
function modPow(base: bigint, exponent: Uint8Array, p: bigint): bigint {
  const powers = [1n];
  for (let power = base; powers.length < 16; power = power * base % p) powers.push(power);
  let result = 1n;
  for (const byte of exponent) {
    for (const nibble of [byte >> 4, byte & 15]) {
      for (let i = 0; i < 4; i++) result = result * result % p;
      result = result * (powers[nibble] ?? 1n) % p;
    }
  }
  return result;
}

function numbersOf({ p, g }: DiffieHellmanGroup, name: string): GroupNumbers {
  return {
    name,
    p: bytesToNumberBE(p),
    g: bytesToNumberBE(g),
    bytes: Math.ceil(bitLength(p) / 8),
  };
}

function bitLength(magnitude: Uint8Array): number {
  const start = magnitude.findIndex((byte) => byte !== 0);
  if (start < 0) return 0;
  return (magnitude.length - start) * 8 - Math.clz32(magnitude[start] ?? 0) + 24;
}

function badGroup(why: string): ProtocolError {
  return new ProtocolError(`Cannot take the server's group: ${why}`, {
    code: DisconnectCode.KEY_EXCHANGE_FAILED,
  });
}
