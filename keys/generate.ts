/**
 * New keys, at random or from a seed.
 *
 * @module
 */

import { invert } from "@noble/curves/abstract/modular.js";
import { bytesToNumberBE, numberToBytesBE, numberToVarBytesBE } from "@noble/curves/utils.js";
import { fromBase64Url } from "../crypto/base64.ts";
import { platformRandom } from "../crypto/random.ts";
import type { RandomSource } from "../crypto/types.ts";
import { findPrime } from "./_primes.ts";
import { seededRandom } from "./_seeded_random.ts";
import { webCrypto } from "./_web_crypto.ts";
import { ecdsaCurves, EcdsaPrivateKey } from "./ecdsa.ts";
import { Ed25519PrivateKey } from "./ed25519.ts";
import { maxRsaBits, minRsaBits, RsaPrivateKey } from "./rsa.ts";
import type { PrivateKey } from "./types.ts";

/** The kinds of keys that can be made, as `ssh-keygen -t` names them. */
export type GeneratedKeyType = "ed25519" | "ecdsa" | "rsa";

/** The kinds of keys that can be made, the recommended one first. */
export const generatedKeyTypes: readonly GeneratedKeyType[] = ["ed25519", "ecdsa", "rsa"];

/** What goes with {@linkcode generateKey}. */
export interface GenerateKeyOptions {
  /**
   * The size, as `ssh-keygen -b` has it: for `ecdsa` 256 (the default), 384 or 521; for `rsa` a
   * multiple of 16 from 2048 to 16384, 3072 unless given; for `ed25519` always 256.
   */
  readonly bits?: number;
  /** The key's comment. */
  readonly comment?: string;
  /**
   * Whoever knows it can make the same key, so it has to be as hard to guess as one: 32 random
   * bytes, not a word. The same seed, type and size give the same key in every version.
   */
  readonly seed?: string | Uint8Array;
  /** Stops the search for primes. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a key.
 *
 * An `rsa` key takes its time: seconds at 4096 bits, minutes at 16384. From a seed its primes are
 * searched for in plain TypeScript, some seconds at 3072 bits, while the event loop goes on.
 *
 * @param type The kind of key: `ed25519` if nothing speaks against it.
 * @throws {RangeError} If there is no such type, or not in that size; the message has those that
 * there are.
 *
 * @example A key, and the same one again
 * ```ts
 * import { fingerprint, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const seed = crypto.getRandomValues(new Uint8Array(32));
 * const key = await generateKey("ed25519", { seed, comment: "ada@example" });
 * const again = await generateKey("ed25519", { seed });
 * assert.equal(fingerprint(again.publicKey), fingerprint(key.publicKey));
 * ```
 */
export async function generateKey(
  type: GeneratedKeyType,
  options: GenerateKeyOptions = {},
): Promise<PrivateKey> {
  options.signal?.throwIfAborted();
  if (options.seed?.length === 0) {
    throw new RangeError("Cannot generate key: the seed is empty");
  }
  switch (type) {
    case "ed25519":
      return generateEd25519(options);
    case "ecdsa":
      return generateEcdsa(options);
    case "rsa":
      return await generateRsa(options);
    default:
      throw new RangeError(
        `Cannot generate key: the type ${type} is not one of ${generatedKeyTypes.join(", ")}`,
      );
  }
}

function generateEd25519(options: GenerateKeyOptions): PrivateKey {
  const { bits = 256, comment = "" } = options;
  if (bits !== 256) throw badSize("ed25519", bits, "256");
  return new Ed25519PrivateKey({ seed: randomFor("ed25519", options)(32) }, { comment });
}

function generateEcdsa(options: GenerateKeyOptions): PrivateKey {
  const { bits = 256, comment = "" } = options;
  const curve = ecdsaCurves.find((curve) => curve.bits === bits);
  if (!curve) throw badSize("ecdsa", bits, ecdsaCurves.map((curve) => curve.bits).join(", "));
  const { name, order, coordinateBytes } = curve;
  // FIPS 186-5 appendix A.2.1: with 64 bits to spare the remainder is as good as even.
  const bytes = randomFor(name, options)(coordinateBytes + 8);
  const number = bytesToNumberBE(bytes) % (order() - 1n) + 1n;
  return new EcdsaPrivateKey(
    { curve: name, scalar: numberToBytesBE(number, coordinateBytes) },
    { comment },
  );
}

async function generateRsa(options: GenerateKeyOptions): Promise<PrivateKey> {
  const { bits = 3072, comment = "" } = options;
  if (bits < minRsaBits || bits > maxRsaBits || bits % 16 !== 0) {
    throw badSize("rsa", bits, `the multiples of 16 from ${minRsaBits} to ${maxRsaBits}`);
  }
  const subtle = webCrypto();
  if (options.seed === undefined && subtle !== undefined) {
    return await generateRsaWithWebCrypto(subtle, bits, comment);
  }
  const random = randomFor(`rsa ${bits}`, options);
  const e = 65537n;
  const p = await findPrime(bits / 2, e, random, options.signal);
  let q = p;
  // FIPS 186-5 appendix A.1.3: primes that are close to each other make n easy to factor.
  while (distance(p, q) >> BigInt(bits / 2 - 100) === 0n) {
    q = await findPrime(bits / 2, e, random, options.signal);
  }
  const d = invert(e, (p - 1n) * (q - 1n));
  return new RsaPrivateKey({
    modulus: numberToVarBytesBE(p * q),
    publicExponent: numberToVarBytesBE(e),
    privateExponent: numberToVarBytesBE(d),
    prime1: numberToVarBytesBE(p),
    prime2: numberToVarBytesBE(q),
  }, { comment });
}

async function generateRsaWithWebCrypto(
  subtle: SubtleCrypto,
  bits: number,
  comment: string,
): Promise<PrivateKey> {
  const pair = await subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: bits,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-512",
    },
    true,
    ["sign", "verify"],
  );
  const jwk = await subtle.exportKey("jwk", pair.privateKey);
  const number = (text: string | undefined) => fromBase64Url(text ?? "");
  return new RsaPrivateKey({
    modulus: number(jwk.n),
    publicExponent: number(jwk.e),
    privateExponent: number(jwk.d),
    prime1: number(jwk.p),
    prime2: number(jwk.q),
  }, { comment });
}

function randomFor(purpose: string, options: GenerateKeyOptions): RandomSource {
  return options.seed === undefined ? platformRandom : seededRandom(options.seed, purpose);
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

function badSize(type: string, bits: number, allowed: string): RangeError {
  return new RangeError(
    `Cannot generate key: ${type} has no size of ${bits} bits, only ${allowed}`,
  );
}
