/**
 * The forms of private keys that OpenSSL wrote before PKCS#8: PKCS#1 for RSA (RFC 8017 appendix
 * A.1.2), SEC 1 for ECDSA (RFC 5915), and how they were encrypted.
 *
 * @module
 */

import { cbc } from "@noble/ciphers/aes.js";
import { concatBytes, equalBytes, hexToBytes } from "@noble/curves/utils.js";
import { md5 } from "@noble/hashes/legacy.js";
import { clean } from "@noble/hashes/utils.js";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { type DecryptionOptions, withPassphrase, wrongPassphrase } from "./_passphrase.ts";
import { derBits, derInteger, derOctets, DerReader, derSequence, derTagged } from "./der.ts";
import { EcdsaPrivateKey } from "./ecdsa.ts";
import type { PemBlock } from "./pem.ts";
import { RsaPrivateKey } from "./rsa.ts";
import type { EcdsaCurveName, EcdsaParts, RsaParts } from "./types.ts";

// RFC 5480 section 2.1.1.1
const curveOids: readonly (readonly [EcdsaCurveName, string])[] = [
  ["nistp256", "1.2.840.10045.3.1.7"],
  ["nistp384", "1.3.132.0.34"],
  ["nistp521", "1.3.132.0.35"],
];

const dekCiphers = new Map([["AES-128-CBC", 16], ["AES-192-CBC", 24], ["AES-256-CBC", 32]]);

/**
 * Reads an `RSAPrivateKey`, what stands in an `RSA PRIVATE KEY` block.
 *
 * @throws {KeyFormatError} If it is not in that form.
 */
export function readPkcs1(der: Uint8Array): RsaPrivateKey {
  const outer = new DerReader(der, "RSA private key");
  const reader = outer.sequence("key");
  const version = reader.smallInteger("version");
  if (version !== 0) throw reader.error(`version ${version}: only two primes are supported`);
  const key = {
    modulus: reader.integer("modulus"),
    publicExponent: reader.integer("public exponent"),
    privateExponent: reader.integer("private exponent"),
    prime1: reader.integer("prime 1"),
    prime2: reader.integer("prime 2"),
    exponent1: reader.integer("exponent 1"),
    exponent2: reader.integer("exponent 2"),
    coefficient: reader.integer("coefficient"),
  };
  reader.end();
  outer.end();
  return new RsaPrivateKey(key);
}

/** Writes an `RSAPrivateKey`. */
export function writePkcs1(parts: RsaParts): Uint8Array {
  return derSequence(
    derInteger(0),
    derInteger(parts.modulus),
    derInteger(parts.publicExponent),
    derInteger(parts.privateExponent),
    derInteger(parts.prime1),
    derInteger(parts.prime2),
    derInteger(parts.exponent1),
    derInteger(parts.exponent2),
    derInteger(parts.coefficient),
  );
}

/**
 * Reads an `ECPrivateKey`, what stands in an `EC PRIVATE KEY` block.
 *
 * @param outside The curve, if it was named outside of it.
 * @throws {KeyFormatError} If it is not in that form, or on another curve.
 */
export function readSec1(der: Uint8Array, outside?: EcdsaCurveName): EcdsaPrivateKey {
  const outer = new DerReader(der, "EC private key");
  const reader = outer.sequence("key");
  const version = reader.smallInteger("version");
  if (version !== 1) throw reader.error(`version ${version} is not 1`);
  const scalar = reader.octets("private key");
  const parameters = reader.tagged(0, "curve");
  const inside = parameters && ecCurveNamed(parameters.oid("curve"), parameters);
  parameters?.end();
  const curve = inside ?? outside;
  if (curve === undefined) throw reader.error("it does not name its curve");
  if (outside !== undefined && curve !== outside) throw reader.error("it names two curves");
  const tagged = reader.tagged(1, "public key");
  const point = tagged?.bits("public key");
  tagged?.end();
  reader.end();
  outer.end();
  const key = new EcdsaPrivateKey({ curve, scalar });
  if (point && !equalBytes(point, key.publicKey.point)) {
    throw reader.error("the public key in it is another one's");
  }
  return key;
}

/** Writes an `ECPrivateKey` that leaves naming the curve to what is around it. */
export function writeSec1(parts: EcdsaParts): Uint8Array {
  const { point } = new EcdsaPrivateKey(parts).publicKey;
  return derSequence(derInteger(1), derOctets(parts.scalar), derTagged(1, derBits(point)));
}

/** The curve that an object identifier names. */
export function ecCurveNamed(oid: string, reader: DerReader): EcdsaCurveName {
  const entry = curveOids.find(([, known]) => known === oid);
  if (entry) return entry[0];
  const names = curveOids.map(([name, oid]) => `${name} (${oid})`).join(", ");
  throw reader.error(`curve ${oid} is not one of ${names}`);
}

/** The object identifier of a curve. */
export function ecCurveOid(curve: EcdsaCurveName): string {
  return new Map(curveOids).get(curve) as string;
}

/**
 * The content of a block that may be encrypted as RFC 1421 sections 4.6.1.1 and 4.6.1.3 say, with
 * OpenSSL's derivation of the key from the passphrase. Nothing tells a wrong passphrase for sure.
 *
 * @throws {KeyFormatError} If the cipher is not supported, or the passphrase missing or wrong.
 */
export async function traditionalContent(
  block: PemBlock,
  options: DecryptionOptions,
): Promise<Uint8Array> {
  if (!block.headers.get("Proc-Type")?.includes("ENCRYPTED")) return block.bytes;
  const [cipher = "", ivHex = ""] = (block.headers.get("DEK-Info") ?? "").split(",");
  const keyBytes = dekCiphers.get(cipher);
  if (keyBytes === undefined || !/^[0-9A-Fa-f]{32}$/.test(ivHex)) {
    throw new KeyFormatError(
      `Cannot decrypt private key: DEK-Info ${printable(cipher)} with an initial vector is not ` +
        `one of ${[...dekCiphers.keys()].join(", ")}`,
    );
  }
  const iv = hexToBytes(ivHex);
  const key = await withPassphrase(
    options.passphrase,
    (passphrase) => traditionalKey(passphrase, iv.subarray(0, 8)),
  );
  try {
    return cbc(key.subarray(0, keyBytes), iv).decrypt(block.bytes);
  } catch (error) {
    throw wrongPassphrase(error);
  } finally {
    clean(key);
  }
}

/** Enough for any of the ciphers: OpenSSL's EVP_BytesToKey with MD5, once. */
function traditionalKey(passphrase: Uint8Array, salt: Uint8Array): Uint8Array {
  const first = md5(concatBytes(passphrase, salt));
  return concatBytes(first, md5(concatBytes(first, passphrase, salt)));
}
