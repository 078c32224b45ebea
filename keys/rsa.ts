/**
 * RSA keys: `ssh-rsa` (RFC 4253 section 6.6), with the signatures `rsa-sha2-512` and
 * `rsa-sha2-256` (RFC 8332). Signatures with SHA-1 are never made, and never valid.
 *
 * @module
 */

import { invert, pow } from "@noble/curves/abstract/modular.js";
import { bytesToNumberBE, equalBytes, numberToBytesBE } from "@noble/curves/utils.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { toBase64Url } from "../crypto/base64.ts";
import { KeyFormatError } from "../wire/errors.ts";
import type { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { bitLength, leftPad, trimZeros } from "./_integers.ts";
import { algorithmError, decodeSignature, encodeSignature } from "./_signature.ts";
import { webCrypto } from "./_web_crypto.ts";
import type { KeyType, PrivateKey, PublicKey, RsaNumbers, RsaParts } from "./types.ts";

/** The fewest bits that a modulus may have: less has been within reach of attackers. */
export const minRsaBits = 2048;
/** The most bits that a modulus may have: more would let a stranger burn time. */
export const maxRsaBits = 16384;
/** The most bits that a public exponent may have: nobody uses more than 17. */
const maxExponentBits = 64;

const type = "ssh-rsa";
const web = "RSASSA-PKCS1-v1_5";

// RFC 8017 section 9.2, note 1: what precedes the digest in the encoded message.
const signatures = {
  "rsa-sha2-512": {
    hash: "SHA-512",
    digest: sha512,
    prefix: [0x30, 81, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 64],
  },
  "rsa-sha2-256": {
    hash: "SHA-256",
    digest: sha256,
    prefix: [0x30, 49, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32],
  },
} as const;
type RsaSignature = keyof typeof signatures;
const algorithms = Object.keys(signatures) as readonly RsaSignature[];

/** A public key of type `ssh-rsa`. */
export class RsaPublicKey implements PublicKey {
  /** `ssh-rsa` */
  readonly type: string = type;
  /** The key in the encoding of RFC 4253 section 6.6. */
  readonly blob: Uint8Array;
  /** The comment that came with the key; empty if there was none. */
  readonly comment: string;
  /** `rsa-sha2-512` and `rsa-sha2-256`, or the one of them that the signer can. */
  readonly algorithms: readonly string[];
  /** n, big-endian, without leading zeros. */
  readonly modulus: Uint8Array;
  /** e, big-endian, without leading zeros. */
  readonly publicExponent: Uint8Array;
  readonly #cryptoKeys = new Map<RsaSignature, CryptoKey>();

  /**
   * Checks the two numbers and makes them a key.
   *
   * @param modulus n, big-endian.
   * @param publicExponent e, big-endian.
   * @param options `algorithms` are those of the signatures that count: both, unless given.
   * @throws {KeyFormatError} If the modulus is too small or too large, or the exponent is even,
   * below 3 or too large.
   */
  constructor(
    modulus: Uint8Array,
    publicExponent: Uint8Array,
    options: { comment?: string; algorithms?: readonly string[] } = {},
  ) {
    this.modulus = trimZeros(modulus).slice();
    this.publicExponent = trimZeros(publicExponent).slice();
    const why = whyRefused(this.modulus, this.publicExponent);
    if (why) throw new KeyFormatError(`Cannot use RSA key: ${why}`);
    this.blob = new Writer(modulus.length + 64)
      .string(type).mpint(this.publicExponent).mpint(this.modulus).finish();
    this.comment = options.comment ?? "";
    this.algorithms = options.algorithms ?? algorithms;
  }

  /** The modulus' size in bits. */
  get bits(): number {
    return bitLength(this.modulus);
  }

  /** Whether `signature` is this key's over `data`: see {@linkcode PublicKey.verify}. */
  async verify(name: string, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (!isRsaSignature(name) || !this.algorithms.includes(name)) return false;
    const bytes = decodeSignature(name, signature);
    // Some peers leave out leading zeros, which RFC 4253 once allowed.
    const padded = bytes && leftPad(bytes, this.modulus.length);
    if (!padded) return false;
    const message = data.slice();
    const subtle = webCrypto();
    if (subtle !== undefined) {
      try {
        const key = this.#cryptoKeys.get(name) ?? await this.#import(subtle, name);
        return await subtle.verify(web, key, padded, message);
      } catch {
        // Runtimes differ in the sizes that they take: 4096 bits at most, or exponents of 33.
      }
    }
    return this.#verifyWithoutWebCrypto(name, message, padded);
  }

  async #import(subtle: SubtleCrypto, name: RsaSignature): Promise<CryptoKey> {
    const jwk = { kty: "RSA", n: toBase64Url(this.modulus), e: toBase64Url(this.publicExponent) };
    const algorithm = { name: web, hash: signatures[name].hash };
    const key = await subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
    this.#cryptoKeys.set(name, key);
    return key;
  }

  /** RFC 8017 section 8.2.2: there is nothing secret in it, so that its time may tell anything. */
  #verifyWithoutWebCrypto(name: RsaSignature, message: Uint8Array, signature: Uint8Array): boolean {
    const n = bytesToNumberBE(this.modulus);
    const s = bytesToNumberBE(signature);
    if (s >= n) return false;
    const encoded = numberToBytesBE(
      pow(s, bytesToNumberBE(this.publicExponent), n),
      this.modulus.length,
    );
    const { prefix, digest } = signatures[name];
    const tail = new Uint8Array([0, ...prefix, ...digest(message)]);
    const expected = new Uint8Array(this.modulus.length).fill(0xff);
    expected.set([0, 1]);
    expected.set(tail, expected.length - tail.length);
    return equalBytes(encoded, expected);
  }
}

/** A private key of type `ssh-rsa`. It signs through WebCrypto, which is constant in time. */
export class RsaPrivateKey implements PrivateKey {
  /** The public half. */
  readonly publicKey: RsaPublicKey;
  readonly #parts: RsaParts;
  readonly #cryptoKeys = new Map<RsaSignature, CryptoKey>();

  /**
   * Checks the numbers and makes them a key.
   *
   * @param parts The secret numbers.
   * @throws {KeyFormatError} If the numbers do not belong together, or the public half is refused.
   */
  constructor(parts: Omit<RsaNumbers, "kind">, options: { comment?: string } = {}) {
    this.publicKey = new RsaPublicKey(parts.modulus, parts.publicExponent, options);
    this.#parts = completed(parts, this.publicKey);
  }

  /** The comment that came with the key; empty if there was none. */
  get comment(): string {
    return this.publicKey.comment;
  }

  /** The secret numbers, all of them. */
  parts(): RsaParts {
    return structuredClone(this.#parts);
  }

  /**
   * Signs `data`: see {@linkcode PrivateKey.sign}.
   *
   * @throws {RangeError} If `name` is not one of the key's algorithms.
   * @throws {TypeError} If this runtime's WebCrypto has no RSA.
   */
  async sign(name: string, data: Uint8Array): Promise<Uint8Array> {
    if (!isRsaSignature(name)) throw algorithmError(this.publicKey, name);
    const subtle = webCrypto();
    if (subtle === undefined) {
      throw new TypeError("Cannot sign with an RSA key: this runtime has no WebCrypto");
    }
    const message = data.slice();
    const key = this.#cryptoKeys.get(name) ?? await this.#import(subtle, name);
    return encodeSignature(name, new Uint8Array(await subtle.sign(web, key, message)));
  }

  async #import(subtle: SubtleCrypto, name: RsaSignature): Promise<CryptoKey> {
    const parts = this.#parts;
    const jwk = {
      kty: "RSA",
      n: toBase64Url(parts.modulus),
      e: toBase64Url(parts.publicExponent),
      d: toBase64Url(parts.privateExponent),
      p: toBase64Url(parts.prime1),
      q: toBase64Url(parts.prime2),
      dp: toBase64Url(parts.exponent1),
      dq: toBase64Url(parts.exponent2),
      qi: toBase64Url(parts.coefficient),
    };
    const algorithm = { name: web, hash: signatures[name].hash };
    const key = await subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
    this.#cryptoKeys.set(name, key);
    return key;
  }
}

/** How `ssh-rsa` blobs are read. */
export const rsaKeyType: KeyType = {
  names: [type],
  readPublic(_name: string, reader: Reader, comment: string): RsaPublicKey {
    const publicExponent = reader.mpint("exponent e");
    const modulus = reader.mpint("modulus n");
    const why = whyRefused(modulus, publicExponent);
    if (why) throw reader.error(why);
    return new RsaPublicKey(modulus, publicExponent, { comment });
  },
};

function isRsaSignature(name: string): name is RsaSignature {
  return Object.hasOwn(signatures, name);
}

/** Why a key is not to be used; both numbers are without leading zeros. */
function whyRefused(modulus: Uint8Array, exponent: Uint8Array): string | null {
  const bits = bitLength(modulus);
  if (bits < minRsaBits || bits > maxRsaBits) {
    return `its modulus has ${bits} bits, and ${minRsaBits} to ${maxRsaBits} are allowed`;
  }
  if (isEven(modulus)) return "its modulus is even";
  // With e = 1 every message is its own signature; an even e has no inverse.
  const exponentBits = bitLength(exponent);
  if (exponentBits < 2) return "its exponent is below 3, so that anybody could sign";
  if (isEven(exponent)) return "its exponent is even";
  if (exponentBits > maxExponentBits) {
    return `its exponent has ${exponentBits} bits, and at most ${maxExponentBits} are allowed`;
  }
  return null;
}

function isEven(integer: Uint8Array): boolean {
  return ((integer.at(-1) ?? 0) & 1) === 0;
}

/**
 * Checks that the numbers belong together (RFC 8017 section 3.2) and fills in those that follow
 * from the others. A wrong one would make signatures that give the primes away.
 */
function completed(parts: Omit<RsaNumbers, "kind">, publicKey: RsaPublicKey): RsaParts {
  const { modulus, publicExponent } = publicKey;
  const number = (name: keyof typeof parts): bigint => {
    const bytes = trimZeros(parts[name] ?? new Uint8Array(0));
    // Checked before the arithmetic, whose time grows with the square of the length.
    if (bytes.length > modulus.length) throw disagree(name);
    return bytesToNumberBE(bytes);
  };
  const n = bytesToNumberBE(modulus);
  const e = bytesToNumberBE(publicExponent);
  const [d, p, q] = [number("privateExponent"), number("prime1"), number("prime2")];
  if (p < 3n || q < 3n || p === q || p * q !== n) throw disagree("primes");
  if (d >= n || (e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) {
    throw disagree("privateExponent");
  }
  const derived = { exponent1: d % (p - 1n), exponent2: d % (q - 1n), coefficient: inverse(q, p) };
  for (const name of ["exponent1", "exponent2", "coefficient"] as const) {
    if (parts[name] !== undefined && number(name) !== derived[name]) throw disagree(name);
  }
  return {
    kind: "rsa",
    modulus,
    publicExponent,
    privateExponent: toMagnitude(d),
    prime1: toMagnitude(p),
    prime2: toMagnitude(q),
    exponent1: toMagnitude(derived.exponent1),
    exponent2: toMagnitude(derived.exponent2),
    coefficient: toMagnitude(derived.coefficient),
  };
}

function inverse(value: bigint, modulus: bigint): bigint {
  try {
    return invert(value, modulus);
  } catch {
    throw disagree("primes");
  }
}

function disagree(what: string): KeyFormatError {
  return new KeyFormatError(`Cannot use RSA private key: its ${what} and the rest disagree`);
}

function toMagnitude(value: bigint): Uint8Array {
  return trimZeros(numberToBytesBE(value, maxRsaBits / 8));
}
