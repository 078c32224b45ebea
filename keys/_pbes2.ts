/**
 * Encryption of PKCS#8 keys with a passphrase: PBES2 (RFC 8018 section 6.2) with PBKDF2 or scrypt
 * (RFC 7914 section 7), and AES in CBC mode, which is what OpenSSL writes.
 *
 * @module
 */

import { cbc } from "@noble/ciphers/aes.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { pbkdf2Async } from "@noble/hashes/pbkdf2.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { type CHash, clean } from "@noble/hashes/utils.js";
import { platformRandom } from "../crypto/random.ts";
import {
  assertMemoryWork,
  assertWork,
  type DecryptionOptions,
  withPassphrase,
  wrongPassphrase,
} from "./_passphrase.ts";
import { derInteger, derNull, derOctets, derOid, DerReader, derSequence } from "./der.ts";

const oids = {
  pbes2: "1.2.840.113549.1.5.13",
  pbkdf2: "1.2.840.113549.1.5.12",
  scrypt: "1.3.6.1.4.1.11591.4.11",
  hmacSha1: "1.2.840.113549.2.7",
  hmacSha256: "1.2.840.113549.2.9",
  aes256Cbc: "2.16.840.1.101.3.4.1.42",
};

// In functions, so that bundles without key files leave them out.
const hashes = (): ReadonlyMap<string, CHash> =>
  new Map<string, CHash>([
    [oids.hmacSha1, sha1],
    [oids.hmacSha256, sha256],
    ["1.2.840.113549.2.10", sha384],
    ["1.2.840.113549.2.11", sha512],
  ]);

const keyBytes = (): ReadonlyMap<string, number> =>
  new Map([
    ["2.16.840.1.101.3.4.1.2", 16],
    ["2.16.840.1.101.3.4.1.22", 24],
    [oids.aes256Cbc, 32],
  ]);

/**
 * Decrypts an `EncryptedPrivateKeyInfo` (RFC 5958 section 3).
 *
 * @throws {KeyFormatError} If it is encrypted in another way, or the passphrase is missing or
 * wrong.
 */
export async function openPbes2(
  der: Uint8Array,
  options: DecryptionOptions,
): Promise<Uint8Array> {
  const outer = new DerReader(der, "encrypted PKCS#8 private key");
  const info = outer.sequence("key");
  const scheme = info.sequence("encryption algorithm");
  const schemeOid = scheme.oid("encryption algorithm");
  if (schemeOid !== oids.pbes2) throw scheme.error(`${schemeOid} is not PBES2 (${oids.pbes2})`);
  const parameters = scheme.sequence("parameters");
  const derivation = readDerivation(parameters.sequence("key derivation"));
  const cipher = parameters.sequence("cipher");
  const cipherOid = cipher.oid("cipher");
  const length = keyBytes().get(cipherOid);
  if (length === undefined) throw cipher.error(`cipher ${cipherOid} is not AES in CBC mode`);
  const iv = cipher.octets("initial vector");
  if (iv.length !== 16) throw cipher.error(`initial vector of ${iv.length} bytes instead of 16`);
  const encrypted = info.octets("encrypted data");
  for (const reader of [cipher, parameters, scheme, info, outer]) reader.end();

  const key = await derivation(length, options);
  options.signal?.throwIfAborted();
  try {
    return cbc(key, iv).decrypt(encrypted);
  } catch (error) {
    throw wrongPassphrase(error);
  } finally {
    clean(key);
  }
}

/** Encrypts a `PrivateKeyInfo` with AES-256 and PBKDF2 over HMAC-SHA-256. */
export async function sealPbes2(
  der: Uint8Array,
  passphrase: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const salt = platformRandom(16);
  const iv = platformRandom(16);
  const key = await pbkdf2Async(sha256, passphrase, salt, { c: iterations, dkLen: 32 });
  const prf = derSequence(derOid(oids.hmacSha256), derNull());
  const derivation = derSequence(derOctets(salt), derInteger(iterations), prf);
  const parameters = derSequence(
    derSequence(derOid(oids.pbkdf2), derivation),
    derSequence(derOid(oids.aes256Cbc), derOctets(iv)),
  );
  const encrypted = cbc(key, iv).encrypt(der);
  clean(key);
  return derSequence(derSequence(derOid(oids.pbes2), parameters), derOctets(encrypted));
}

/** Derives a key of a length, if it does not ask for more work than is allowed. */
type Derivation = (length: number, options: DecryptionOptions) => Promise<Uint8Array>;

function readDerivation(reader: DerReader): Derivation {
  const oid = reader.oid("key derivation");
  const read = oid === oids.pbkdf2 ? readPbkdf2 : oid === oids.scrypt ? readScrypt : null;
  if (read === null) throw reader.error(`key derivation ${oid} is not PBKDF2 or scrypt`);
  const derivation = read(reader.sequence("parameters"));
  reader.end();
  return derivation;
}

function readPbkdf2(parameters: DerReader): Derivation {
  const salt = parameters.octets("salt");
  const iterations = parameters.smallInteger("iterations");
  if (parameters.atInteger) parameters.smallInteger("key length");
  let hashOid = oids.hmacSha1; // RFC 8018 appendix A.2: the default
  if (!parameters.done) {
    const prf = parameters.sequence("pseudo-random function");
    hashOid = prf.oid("pseudo-random function");
    prf.optionalNull("parameters");
    prf.end();
  }
  const hash = hashes().get(hashOid);
  if (hash === undefined) throw parameters.error(`${hashOid} is not HMAC with SHA-1 or SHA-2`);
  parameters.end();
  return async (length, options) => {
    const { maxIterations = 2_000_000 } = options;
    assertWork("iterations of PBKDF2", iterations, maxIterations, "maxIterations");
    return await withPassphrase(
      options.passphrase,
      (passphrase) => pbkdf2Async(hash, passphrase, salt, { c: iterations, dkLen: length }),
    );
  };
}

function readScrypt(parameters: DerReader): Derivation {
  const salt = parameters.octets("salt");
  const N = parameters.smallInteger("cost");
  const r = parameters.smallInteger("block size");
  const p = parameters.smallInteger("parallelism");
  if (!parameters.done) parameters.smallInteger("key length");
  parameters.end();
  // RFC 7914 section 6
  if (N < 2 || (N & (N - 1)) !== 0 || r < 1 || p < 1) {
    throw parameters.error("its parameters are not ones that scrypt can take");
  }
  const memoryKib = Math.ceil((N + p) * r / 8);
  return async (length, options) => {
    assertMemoryWork("scrypt", memoryKib, p, options);
    const maxmem = (memoryKib + 1024) * 1024;
    const onProgress = (): void => options.signal?.throwIfAborted();
    const settings = { N, r, p, dkLen: length, maxmem, onProgress };
    return await withPassphrase(
      options.passphrase,
      (passphrase) => scryptAsync(passphrase, salt, settings),
    );
  };
}
