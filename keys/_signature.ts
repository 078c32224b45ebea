/**
 * The encoding of signatures: RFC 4253 section 6.6, `string algorithm | string signature`.
 *
 * @module
 */

import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { PublicKey } from "./types.ts";

/** A signature with its algorithm before it. */
export function encodeSignature(algorithm: string, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Writer(algorithm.length + signature.length + 8)
    .string(algorithm).string(signature).finish();
}

/**
 * A copy of what follows the algorithm in a signature.
 *
 * @returns `null` if the encoding is not right, or the algorithm is another than `algorithm`.
 */
export function decodeSignature(
  algorithm: string,
  signature: Uint8Array,
): Uint8Array<ArrayBuffer> | null {
  try {
    const reader = new Reader(signature, "signature", KeyFormatError);
    if (reader.name("algorithm", 100) !== algorithm) return null;
    const bytes = reader.string("signature");
    reader.end();
    return bytes.slice();
  } catch {
    return null;
  }
}

/**
 * RFC 5656 section 3.1.2: `mpint r | mpint s` of the two numbers of an ECDSA signature.
 *
 * @param fixed One after the other at their full length, as WebCrypto has them.
 */
export function encodeRs(fixed: Uint8Array): Uint8Array<ArrayBuffer> {
  const middle = fixed.length / 2;
  return new Writer(fixed.length + 16)
    .mpint(fixed.subarray(0, middle)).mpint(fixed.subarray(middle)).finish();
}

/** The error for a key that is asked to sign with an algorithm that it has not. */
export function algorithmError(key: PublicKey, algorithm: string): RangeError {
  return new RangeError(
    `Cannot sign with a key of type ${key.type}: its algorithms are ` +
      `${key.algorithms.join(", ")}, not ${algorithm}`,
  );
}
