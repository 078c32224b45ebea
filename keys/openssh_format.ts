/**
 * OpenSSH's own format of private keys: PROTOCOL.key.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { clean } from "@noble/hashes/utils.js";
import { platformRandom } from "../crypto/random.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { type FileCipher, fileCiphers } from "./_file_ciphers.ts";
import {
  assertWork,
  type DecryptionOptions,
  encodePassphrase,
  withPassphrase,
  wrongPassphrase,
} from "./_passphrase.ts";
import { bcryptPbkdf } from "./bcrypt_pbkdf.ts";
import { privateKeyFrom } from "./from_parts.ts";
import { readPrivateKeyFields, writePrivateKeyFields } from "./private_key_fields.ts";
import type { PrivateKey } from "./types.ts";

const magic = /* @__PURE__ */ new TextEncoder().encode("openssh-key-v1\0");
const what = "OpenSSH private key";

/** How a key is encrypted. */
export interface EncryptionOptions {
  /** The passphrase; without one the key is written in the clear. */
  readonly passphrase?: string | Uint8Array;
  /** The cipher: one of {@linkcode privateKeyCiphers}, `aes256-ctr` unless given. */
  readonly cipher?: string;
  /**
   * The rounds of bcrypt: 24 unless given, a quarter of a second. Reading asks for more than 1024
   * to be allowed.
   */
  readonly rounds?: number;
  /** Stops the work. */
  readonly signal?: AbortSignal;
}

/** The ciphers that a key can be encrypted with, the default one first. */
export const privateKeyCiphers: readonly string[] = /* @__PURE__ */ fileCiphers.map((cipher) =>
  cipher.name
);

/**
 * Reads a private key from what stands in an `OPENSSH PRIVATE KEY` block.
 *
 * @throws {KeyFormatError} If it is not in that format, or the passphrase is missing or wrong.
 */
export async function readOpenSshKey(
  bytes: Uint8Array,
  options: DecryptionOptions = {},
): Promise<PrivateKey> {
  const reader = new Reader(bytes, what, KeyFormatError);
  const { cipherName, kdfName, kdfOptions, publicBlob } = readHead(reader);
  const sealed = reader.string("secret part");
  if (cipherName === "none") {
    if (kdfName !== "none") throw reader.error(`key derivation ${kdfName} without a cipher`);
    reader.end();
    return readSecretPart(sealed, publicBlob);
  }
  const cipher = fileCiphers.find((cipher) => cipher.name === cipherName);
  if (!cipher) {
    const names = privateKeyCiphers.join(", ");
    throw reader.error(`cipher ${printable(cipherName)} is not one of none, ${names}`);
  }
  if (kdfName !== "bcrypt") {
    throw reader.error(`key derivation ${printable(kdfName)} is not bcrypt`);
  }
  if (sealed.length === 0 || sealed.length % cipher.blockBytes !== 0) {
    throw reader.error(`secret part is not made of blocks of ${cipher.blockBytes} bytes`);
  }
  const tag = reader.raw(cipher.tagBytes, "tag");
  reader.end();
  const { key, iv } = await readDerivation(cipher, kdfOptions, options);
  const plain = cipher.open(
    key,
    iv,
    new Writer().raw(sealed).raw(tag).finish(),
  );
  clean(key, iv);
  if (plain === null) throw wrongPassphrase();
  try {
    const checks = new Reader(plain, what, KeyFormatError);
    if (checks.uint32() !== checks.uint32()) throw wrongPassphrase();
    return readSecretPart(plain, publicBlob);
  } finally {
    clean(plain);
  }
}

/**
 * Reads the public key that stands before the secret part, which may be encrypted.
 *
 * @returns The key in the encoding of RFC 4253 section 6.6.
 * @throws {KeyFormatError} If it is not in that format.
 */
export function readOpenSshPublicBlob(bytes: Uint8Array): Uint8Array {
  return readHead(new Reader(bytes, what, KeyFormatError)).publicBlob;
}

/**
 * Writes a private key as it stands in an `OPENSSH PRIVATE KEY` block.
 *
 * @throws {RangeError} If the cipher is not supported.
 */
export async function writeOpenSshKey(
  key: PrivateKey,
  options: EncryptionOptions & { readonly comment?: string } = {},
): Promise<Uint8Array> {
  const { blob } = key.publicKey;
  const comment = options.comment ?? key.comment;
  const writer = new Writer(1024).raw(magic);
  const passphrase = encodePassphrase(options.passphrase);
  if (passphrase === null) {
    const plain = writeSecretPart(key, comment, 8);
    return writer.string("none").string("none").string("")
      .uint32(1).string(blob).string(plain).finish();
  }
  const { cipher: name = "aes256-ctr", rounds = 24, signal } = options;
  const cipher = fileCiphers.find((cipher) => cipher.name === name);
  if (!cipher) {
    throw new RangeError(
      `Cannot encrypt private key: ${name} is not one of ${privateKeyCiphers.join(", ")}`,
    );
  }
  const salt = platformRandom(16);
  const derived = deriveKeys(cipher, passphrase, salt, rounds, signal);
  const { key: cipherKey, iv } = await derived.finally(() => clean(passphrase));
  const plain = writeSecretPart(key, comment, cipher.blockBytes);
  const sealed = cipher.seal(cipherKey, iv, plain);
  clean(plain, cipherKey, iv);
  return writer.string(cipher.name).string("bcrypt")
    .string(new Writer(24).string(salt).uint32(rounds).finish())
    .uint32(1).string(blob).string(sealed.subarray(0, plain.length))
    .raw(sealed.subarray(plain.length)).finish();
}

/** All that stands before the secret part. */
interface Head {
  readonly cipherName: string;
  readonly kdfName: string;
  readonly kdfOptions: Uint8Array;
  readonly publicBlob: Uint8Array;
}

function readHead(reader: Reader): Head {
  if (!equalBytes(reader.raw(magic.length, "magic"), magic)) {
    throw reader.error("it does not begin with openssh-key-v1");
  }
  const cipherName = reader.name("cipher", 256);
  const kdfName = reader.name("key derivation", 256);
  const kdfOptions = reader.string("options of the key derivation");
  const count = reader.uint32("number of keys");
  if (count !== 1) throw reader.error(`${count} keys in one file, and only 1 is supported`);
  return { cipherName, kdfName, kdfOptions, publicBlob: reader.string("public key") };
}

async function readDerivation(
  cipher: FileCipher,
  kdfOptions: Uint8Array,
  options: DecryptionOptions,
): Promise<{ key: Uint8Array; iv: Uint8Array }> {
  const { maxRounds = 1024, signal } = options;
  const reader = new Reader(kdfOptions, "options of the key derivation", KeyFormatError);
  const salt = reader.string("salt", 1024);
  const rounds = reader.uint32("rounds");
  if (salt.length === 0) throw reader.error("the salt is empty");
  reader.end();
  assertWork("rounds of bcrypt", rounds, maxRounds, "maxRounds");
  return await withPassphrase(
    options.passphrase,
    (passphrase) => deriveKeys(cipher, passphrase, salt, rounds, signal),
  );
}

async function deriveKeys(
  cipher: FileCipher,
  passphrase: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  signal?: AbortSignal,
): Promise<{ key: Uint8Array; iv: Uint8Array }> {
  const length = cipher.keyBytes + cipher.ivBytes;
  const options = { rounds, length, ...(signal && { signal }) };
  const derived = await bcryptPbkdf(passphrase, salt, options);
  return { key: derived.subarray(0, cipher.keyBytes), iv: derived.subarray(cipher.keyBytes) };
}

function readSecretPart(plain: Uint8Array, publicBlob: Uint8Array): PrivateKey {
  const reader = new Reader(plain, `secret part of ${what}`, KeyFormatError);
  if (reader.uint32("check") !== reader.uint32("check")) {
    throw reader.error("its two check numbers differ: the file is damaged");
  }
  const source = readPrivateKeyFields(reader);
  // A comment is for people; one in an old encoding must not lock the key away.
  const comment = new TextDecoder().decode(reader.string("comment"));
  if (reader.remaining > 255) throw reader.error(`padding of ${reader.remaining} bytes`);
  reader.rest().forEach((byte, i) => {
    if (byte !== i + 1) throw reader.error("the padding is not 1, 2, 3, …");
  });
  const key = privateKeyFrom(source, { comment });
  if (!equalBytes(key.publicKey.blob, publicBlob)) {
    throw reader.error("the public key before it is another one's");
  }
  return key;
}

function writeSecretPart(key: PrivateKey, comment: string, blockBytes: number): Uint8Array {
  const check = platformRandom(4);
  // With room for any key: what has grown leaves behind what it was.
  const writer = new Writer(16_384 + comment.length * 3).raw(check).raw(check);
  writePrivateKeyFields(key, writer);
  writer.string(comment);
  for (let i = 1; writer.length % blockBytes !== 0; i++) writer.uint8(i);
  return writer.finish();
}
