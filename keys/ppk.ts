/**
 * PuTTY's own format of private keys, `.ppk`, in the versions 2 and 3: PuTTY's manual, appendix C.
 *
 * @module
 */

import { cbc } from "@noble/ciphers/aes.js";
import { bytesToHex, concatBytes, equalBytes } from "@noble/curves/utils.js";
import { argon2dAsync, argon2iAsync, argon2idAsync } from "@noble/hashes/argon2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { clean } from "@noble/hashes/utils.js";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { toBase64, wrap } from "../crypto/base64.ts";
import { platformRandom } from "../crypto/random.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import {
  assertMemoryWork,
  type DecryptionOptions,
  encodePassphrase,
  withPassphrase,
  wrongPassphrase,
} from "./_passphrase.ts";
import { PpkLines } from "./_ppk_lines.ts";
import { plainKey } from "./certificate.ts";
import { EcdsaPublicKey } from "./ecdsa.ts";
import { privateKeyFrom } from "./from_parts.ts";
import { parsePublicKey } from "./public_key.ts";
import { RsaPublicKey } from "./rsa.ts";
import type { PrivateKey, PrivateKeySource, PublicKey } from "./types.ts";

const CIPHER = "aes256-cbc";
const WIDTH = 64;

const derivations = {
  Argon2id: argon2idAsync,
  Argon2i: argon2iAsync,
  Argon2d: argon2dAsync,
} as const;

/** How Argon2 (RFC 9106) is used. */
interface Argon2Parameters {
  readonly name: keyof typeof derivations;
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Uint8Array;
}

/** What a file is encrypted and authenticated with. */
interface FileKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly mac: Uint8Array;
}

/** What the MAC of a file is over. */
interface PpkFile {
  readonly type: string;
  readonly encryption: string;
  readonly comment: string;
  readonly publicBlob: Uint8Array;
  readonly plain: Uint8Array;
}

/** How a key is written in PuTTY's format. */
export interface PpkOptions {
  /** The passphrase; without one the key is written in the clear. */
  readonly passphrase?: string | Uint8Array;
  /** The comment in the place of the key's own. */
  readonly comment?: string;
  /** The memory of Argon2 in KiB: 8192 unless given, as PuTTY has it. */
  readonly memoryKib?: number;
  /** How often Argon2 goes through it: 13 unless given. */
  readonly passes?: number;
  /** Stops the work. */
  readonly signal?: AbortSignal;
}

/**
 * Reads a private key from the text of its file. Of one with a certificate it is the key alone.
 *
 * @throws {KeyFormatError} If it is not in that format, or the passphrase is missing or wrong.
 */
export async function readPpk(text: string, options: DecryptionOptions = {}): Promise<PrivateKey> {
  const lines = new PpkLines(text);
  const { version, type } = lines.start();
  const encryption = lines.header("Encryption");
  if (encryption !== "none" && encryption !== CIPHER) {
    throw lines.error(`encryption ${printable(encryption)} is not none or ${CIPHER}`);
  }
  const encrypted = encryption === CIPHER;
  const comment = lines.header("Comment");
  const publicBlob = lines.block("Public-Lines");
  const argon2 = encrypted && version === 3 ? readArgon2(lines) : null;
  const sealed = lines.block("Private-Lines");
  const mac = lines.hex("Private-MAC");
  lines.end();
  if (encrypted && (sealed.length === 0 || sealed.length % 16 !== 0)) {
    throw lines.error("its private part is not made of blocks of 16 bytes");
  }

  const keys = await fileKeysOf(version, encrypted, argon2, options);
  const plain = encrypted
    ? cbc(keys.key, keys.iv, { disablePadding: true }).decrypt(sealed)
    : sealed;
  const file = { type, encryption, comment, publicBlob, plain };
  const isRight = timingSafeEqual(mac, macOf(version, keys.mac, file));
  clean(keys.key, keys.iv, keys.mac);
  try {
    if (isRight) return readFile(lines, file);
    if (encrypted) throw wrongPassphrase();
    throw lines.error("its MAC is wrong: the file is damaged");
  } finally {
    clean(plain);
  }
}

/** Makes a key of what is known to be as it was written. */
function readFile(lines: PpkLines, file: PpkFile): PrivateKey {
  const { type, encryption, comment, publicBlob, plain } = file;
  const publicKey = parsePublicKey(publicBlob);
  if (publicKey.type !== type) throw lines.error("its type and its public key disagree");
  const known = plainKey(publicKey);
  const key = privateKeyFrom(readPrivatePart(known, plain, encryption === CIPHER), { comment });
  if (!equalBytes(key.publicKey.blob, known.blob)) {
    throw lines.error("its public key is another one's");
  }
  return key;
}

/**
 * Writes a private key in PuTTY's format, version 3.
 *
 * @returns The text of the file, with its last end of line.
 * @throws {RangeError} If the comment has an end of line in it, or a number is not one that Argon2
 * can take.
 *
 * @example
 * ```ts
 * import { formatPpk, generateKey, parsePrivateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const text = await formatPpk(await generateKey("ed25519", { comment: "ada@example" }));
 * assert.match(text, /^PuTTY-User-Key-File-3: ssh-ed25519\r\n/);
 * assert.equal((await parsePrivateKey(text)).comment, "ada@example");
 * ```
 */
export async function formatPpk(key: PrivateKey, options: PpkOptions = {}): Promise<string> {
  const { type, blob: publicBlob } = key.publicKey;
  const { comment = key.comment, memoryKib = 8192, passes = 13, signal } = options;
  if (/[\r\n\0]/.test(comment)) {
    throw new RangeError("Cannot write private key: the comment is more than one line");
  }
  assertCount("memory in KiB", memoryKib, 8, 2 ** 21);
  assertCount("passes", passes, 1, 2 ** 20);
  const passphrase = encodePassphrase(options.passphrase);
  const encryption = passphrase === null ? "none" : CIPHER;
  const part = writePrivatePart(key);
  const lines = [
    `PuTTY-User-Key-File-3: ${type}`,
    `Encryption: ${encryption}`,
    `Comment: ${comment}`,
    ...blockOf("Public-Lines", publicBlob),
  ];
  let keys: FileKeys | null = null;
  if (passphrase !== null) {
    const salt = platformRandom(16);
    const argon2 = { name: "Argon2id", memory: memoryKib, passes, parallelism: 1, salt } as const;
    keys = await argon2Keys(argon2, passphrase, signal).finally(() => clean(passphrase));
    lines.push(
      "Key-Derivation: Argon2id",
      `Argon2-Memory: ${memoryKib}`,
      `Argon2-Passes: ${passes}`,
      "Argon2-Parallelism: 1",
      `Argon2-Salt: ${bytesToHex(salt)}`,
    );
  }
  // What fills the last block tells nothing, and nobody has to find random bytes for it.
  const plain = keys === null
    ? part
    : concatBytes(part, sha256(part).subarray(0, -part.length & 15));
  const sealed = keys === null
    ? plain
    : cbc(keys.key, keys.iv, { disablePadding: true }).encrypt(plain);
  const file = { type, encryption, comment, publicBlob, plain };
  lines.push(
    ...blockOf("Private-Lines", sealed),
    `Private-MAC: ${bytesToHex(macOf(3, keys?.mac ?? new Uint8Array(0), file))}`,
  );
  clean(part, plain, ...keys === null ? [] : [keys.key, keys.iv, keys.mac]);
  return lines.map((line) => `${line}\r\n`).join("");
}

function readArgon2(lines: PpkLines): Argon2Parameters {
  const name = lines.header("Key-Derivation");
  if (!Object.hasOwn(derivations, name)) {
    const names = Object.keys(derivations).join(", ");
    throw lines.error(`key derivation ${printable(name)} is not one of ${names}`);
  }
  const memory = lines.number("Argon2-Memory");
  const passes = lines.number("Argon2-Passes");
  const parallelism = lines.number("Argon2-Parallelism");
  const salt = lines.hex("Argon2-Salt");
  // RFC 9106 section 3.1
  if (passes < 1 || parallelism < 1 || memory < 8 * parallelism || salt.length < 8) {
    throw lines.error("its parameters are not ones that Argon2 can take");
  }
  return { name: name as Argon2Parameters["name"], memory, passes, parallelism, salt };
}

async function fileKeysOf(
  version: 2 | 3,
  encrypted: boolean,
  argon2: Argon2Parameters | null,
  options: DecryptionOptions,
): Promise<FileKeys> {
  if (argon2 !== null) {
    assertMemoryWork(argon2.name, argon2.memory, argon2.passes, options);
    return await withPassphrase(
      options.passphrase,
      (passphrase) => argon2Keys(argon2, passphrase, options.signal),
    );
  }
  if (encrypted) return await withPassphrase(options.passphrase, keysOfVersion2);
  const none = new Uint8Array(0);
  return version === 2 ? keysOfVersion2(none) : { key: none, iv: none, mac: none };
}

function keysOfVersion2(passphrase: Uint8Array): FileKeys {
  const label = new TextEncoder().encode("putty-private-key-file-mac-key");
  const parts = [0, 1].map((i) => sha1(concatBytes(Uint8Array.of(0, 0, 0, i), passphrase)));
  return {
    key: concatBytes(...parts).subarray(0, 32),
    iv: new Uint8Array(16),
    mac: sha1(concatBytes(label, passphrase)),
  };
}

async function argon2Keys(
  { name, memory, passes, parallelism, salt }: Argon2Parameters,
  passphrase: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<FileKeys> {
  const derived = await derivations[name](passphrase, salt, {
    m: memory,
    t: passes,
    p: parallelism,
    dkLen: 80,
    maxmem: (memory + 1024) * 1024,
    onProgress: () => signal?.throwIfAborted(),
  });
  return { key: derived.subarray(0, 32), iv: derived.subarray(32, 48), mac: derived.subarray(48) };
}

function macOf(
  version: 2 | 3,
  key: Uint8Array,
  file: PpkFile,
): Uint8Array {
  const data = new Writer(2048).string(file.type).string(file.encryption).string(file.comment)
    .string(file.publicBlob).string(file.plain).finish();
  return hmac(version === 2 ? sha1 : sha256, key, data);
}

/** Reads the private numbers; behind them stands what fills the last block. */
function readPrivatePart(
  publicKey: PublicKey,
  plain: Uint8Array,
  padded: boolean,
): PrivateKeySource {
  const reader = new Reader(plain, "private part of PuTTY private key", KeyFormatError);
  const source = readNumbers(publicKey, reader);
  if (padded ? reader.remaining > 15 : reader.remaining > 0) reader.end();
  return source;
}

function readNumbers(publicKey: PublicKey, reader: Reader): PrivateKeySource {
  if (publicKey instanceof RsaPublicKey) {
    const { modulus, publicExponent } = publicKey;
    return {
      kind: "rsa",
      modulus,
      publicExponent,
      privateExponent: reader.mpint("private exponent d"),
      prime1: reader.mpint("prime p"),
      prime2: reader.mpint("prime q"),
      coefficient: reader.mpint("coefficient"),
    };
  }
  if (publicKey instanceof EcdsaPublicKey) {
    const { name, coordinateBytes } = publicKey.curve;
    return { kind: "ecdsa", curve: name, scalar: reader.mpint("private key", coordinateBytes + 1) };
  }
  if (publicKey.type !== "ssh-ed25519") {
    throw reader.error(`a key of type ${publicKey.type} is not Ed25519, ECDSA or RSA`);
  }
  return { kind: "ed25519", seed: reader.string("private key") };
}

function writePrivatePart(key: PrivateKey): Uint8Array {
  const parts = key.parts();
  const writer = new Writer(1024);
  switch (parts.kind) {
    case "rsa":
      return writer.mpint(parts.privateExponent).mpint(parts.prime1).mpint(parts.prime2)
        .mpint(parts.coefficient).finish();
    case "ecdsa":
      return writer.mpint(parts.scalar).finish();
    case "ed25519":
      return writer.string(parts.seed).finish();
    case "security-key":
      throw new RangeError("Cannot write PPK: the secret of a security key is on the device");
  }
}

function blockOf(name: string, bytes: Uint8Array): string[] {
  const lines = wrap(toBase64(bytes), WIDTH).trimEnd().split("\n");
  return [`${name}: ${lines.length}`, ...lines];
}

function assertCount(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot encrypt private key: ${value} is not a ${what} of ${min} to ${max}`,
  );
}
