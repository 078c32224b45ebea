/**
 * Private keys in files, in all the forms that they come in.
 *
 * @module
 */

import { clean } from "@noble/hashes/utils.js";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { type DecryptionOptions, encodePassphrase, wrongPassphrase } from "./_passphrase.ts";
import { openPbes2, sealPbes2 } from "./_pbes2.ts";
import { DerReader } from "./der.ts";
import {
  type EncryptionOptions,
  readOpenSshKey,
  readOpenSshPublicBlob,
  writeOpenSshKey,
} from "./openssh_format.ts";
import { formatPem, parsePem, type PemBlock } from "./pem.ts";
import { readPkcs8, writePkcs8 } from "./pkcs8.ts";
import { readPpk } from "./ppk.ts";
import { parsePublicKey } from "./public_key.ts";
import { readPkcs1, readSec1, traditionalContent } from "./traditional.ts";
import type { PrivateKey, PublicKey } from "./types.ts";

export type { DecryptionOptions, Passphrase } from "./_passphrase.ts";

/** Reads a private key from a block with a certain label. */
type BlockReader = (block: PemBlock, options: DecryptionOptions) => Promise<PrivateKey>;

const readers: ReadonlyMap<string, BlockReader> = new Map<string, BlockReader>([
  ["OPENSSH PRIVATE KEY", (block, options) => readOpenSshKey(block.bytes, options)],
  ["PRIVATE KEY", (block) => Promise.resolve(readPkcs8(block.bytes))],
  ["ENCRYPTED PRIVATE KEY", readEncryptedPkcs8],
  ["RSA PRIVATE KEY", (block, options) => readTraditional(block, options, readPkcs1)],
  ["EC PRIVATE KEY", (block, options) => readTraditional(block, options, readSec1)],
]);

/**
 * Parses a private key from the text of its file: OpenSSH's own format, PKCS#8, PKCS#1, SEC 1 or
 * PuTTY's format, in the clear or encrypted. The file of a security key's gives a
 * `SecurityKeyPrivateKey`, which signs only with `securityKeySigner`.
 *
 * @param text The file's text, or its bytes; the first private key in it counts.
 * @throws {KeyFormatError} If there is no private key in a form that is supported, if the
 * passphrase is missing or wrong, or if the key is too weak to be used; the message says what.
 *
 * @example A key that may be encrypted
 * ```ts
 * import { formatPrivateKey, generateKey, parsePrivateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const file = await formatPrivateKey(await generateKey("ed25519", { comment: "ada@example" }), {
 *   passphrase: "correct horse",
 *   rounds: 1,
 * });
 * const key = await parsePrivateKey(file, { passphrase: () => "correct horse" });
 * assert.equal(key.comment, "ada@example");
 * ```
 */
export async function parsePrivateKey(
  text: string | Uint8Array,
  options: DecryptionOptions = {},
): Promise<PrivateKey> {
  options.signal?.throwIfAborted();
  const decoded = typeof text === "string" ? text : new TextDecoder().decode(text);
  if (decoded.startsWith("PuTTY-User-Key-File-")) return await readPpk(decoded, options);
  const blocks = parsePem(decoded);
  for (const block of blocks) {
    const read = readers.get(block.label);
    if (read) return await read(block, options);
  }
  const supported = [...readers.keys(), "PuTTY's format"].join(", ");
  throw new KeyFormatError(
    `Cannot read private key: ${whatInstead(decoded, blocks)}; supported are ${supported}`,
  );
}

/**
 * The public key that a file of a private key has in the clear, as OpenSSH's own format does: no
 * passphrase is needed to know which key it is.
 *
 * @param text The file's text.
 * @returns Null if the file has none, or is none of a private key.
 * @throws {KeyFormatError} If it cannot be read, or is of a type that is not supported.
 */
export function publicKeyOfFile(text: string): PublicKey | null {
  const block = parsePem(text).find(({ label }) => label === "OPENSSH PRIVATE KEY");
  return block === undefined ? null : parsePublicKey(readOpenSshPublicBlob(block.bytes));
}

/**
 * Writes a private key in OpenSSH's own format, the one to keep keys in.
 *
 * @returns The text of the file, with its last end of line.
 * @throws {RangeError} If the cipher is not supported, or the rounds are not a positive number.
 */
export async function formatPrivateKey(
  key: PrivateKey,
  options: EncryptionOptions & {
    /** The comment in the place of the key's own. */
    readonly comment?: string;
  } = {},
): Promise<string> {
  return formatPem("OPENSSH PRIVATE KEY", await writeOpenSshKey(key, options), 70);
}

/**
 * Writes a private key as PKCS#8, for programs other than SSH ones; a comment has no place in it.
 *
 * @returns The text of the file, with its last end of line.
 * @throws {RangeError} If it is a security key's: its secret cannot be written.
 */
export async function formatPkcs8(
  key: PrivateKey,
  options: {
    /** The passphrase; without one the key is written in the clear. */
    readonly passphrase?: string | Uint8Array;
    /** The iterations of PBKDF2: 600,000 unless given, about a second. */
    readonly iterations?: number;
  } = {},
): Promise<string> {
  const der = writePkcs8(key);
  const passphrase = encodePassphrase(options.passphrase);
  if (passphrase === null) return formatPem("PRIVATE KEY", der);
  try {
    const encrypted = await sealPbes2(der, passphrase, options.iterations ?? 600_000);
    return formatPem("ENCRYPTED PRIVATE KEY", encrypted);
  } finally {
    clean(der, passphrase);
  }
}

async function readEncryptedPkcs8(
  block: PemBlock,
  options: DecryptionOptions,
): Promise<PrivateKey> {
  const der = await openPbes2(block.bytes, options);
  return readDecrypted(der, readPkcs8);
}

async function readTraditional(
  block: PemBlock,
  options: DecryptionOptions,
  read: (der: Uint8Array) => PrivateKey,
): Promise<PrivateKey> {
  const der = await traditionalContent(block, options);
  return der === block.bytes ? read(der) : readDecrypted(der, read);
}

/**
 * With a wrong passphrase the padding of CBC is right once in 256 times; what follows is not.
 *
 * @param der It is wiped: keys have copies.
 */
function readDecrypted(der: Uint8Array, read: (der: Uint8Array) => PrivateKey): PrivateKey {
  try {
    const reader = new DerReader(der, "decrypted private key");
    reader.sequence("key");
    reader.end();
  } catch (error) {
    clean(der);
    throw wrongPassphrase(error);
  }
  try {
    return read(der);
  } finally {
    clean(der);
  }
}

function whatInstead(text: string, blocks: readonly PemBlock[]): string {
  if (blocks.length > 0) {
    return `there is only ${blocks.map((block) => printable(block.label)).join(", ")}`;
  }
  if (/^(ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+ AAAA/.test(text)) return "it is a public key";
  return "there is no PEM block in it";
}
