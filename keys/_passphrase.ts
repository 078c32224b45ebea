/**
 * Passphrases of key files.
 *
 * @module
 */

import { clean } from "@noble/hashes/utils.js";
import type { MaybePromise } from "../crypto/types.ts";
import { KeyFormatError } from "../wire/errors.ts";

/** A passphrase, or a way to ask for it that is used only where a key turns out to need it. */
export type Passphrase = string | Uint8Array | (() => MaybePromise<string | Uint8Array>);

/** What decrypting a key file may take. */
export interface DecryptionOptions {
  /** The passphrase. */
  readonly passphrase?: Passphrase;
  /** How many rounds of bcrypt a file may ask for: 1024, some ten seconds, unless given. */
  readonly maxRounds?: number;
  /** How many iterations of PBKDF2 a file may ask for: 2,000,000 unless given. */
  readonly maxIterations?: number;
  /** How much memory Argon2 or scrypt may take for a file, in KiB: 262,144 unless given. */
  readonly maxMemoryKib?: number;
  /**
   * How much memory they may go through in all their passes, in KiB: 2,097,152, some twenty
   * seconds, unless given.
   */
  readonly maxWorkKib?: number;
  /** Stops the work. */
  readonly signal?: AbortSignal;
}

/** Makes something of the passphrase that a key needs; its bytes are wiped afterwards. */
export async function withPassphrase<T>(
  passphrase: Passphrase | undefined,
  make: (bytes: Uint8Array) => MaybePromise<T>,
): Promise<T> {
  const given = typeof passphrase === "function" ? await passphrase() : passphrase;
  const bytes = encodePassphrase(given);
  if (bytes === null) {
    throw new KeyFormatError(
      "Cannot decrypt private key: it needs a passphrase, and none is given",
    );
  }
  try {
    return await make(bytes);
  } finally {
    clean(bytes);
  }
}

/** A passphrase's bytes, to be wiped by whoever asks; `null` if there is none, or it is empty. */
export function encodePassphrase(passphrase: string | Uint8Array | undefined): Uint8Array | null {
  const bytes = typeof passphrase === "string"
    ? new TextEncoder().encode(passphrase)
    : passphrase?.slice();
  return bytes?.length ? bytes : null;
}

/** The error for a passphrase that does not decrypt the key. */
export function wrongPassphrase(cause?: unknown): KeyFormatError {
  return new KeyFormatError(
    "Cannot decrypt private key: the passphrase is wrong, or the file is damaged",
    { cause },
  );
}

/** Makes sure that a file does not ask for more memory, once and in all passes, than is allowed. */
export function assertMemoryWork(
  what: string,
  memoryKib: number,
  passes: number,
  { maxMemoryKib = 262_144, maxWorkKib = 2_097_152 }: DecryptionOptions,
): void {
  assertWork(`KiB of memory for ${what}`, memoryKib, maxMemoryKib, "maxMemoryKib");
  assertWork(`KiB in all passes of ${what}`, memoryKib * passes, maxWorkKib, "maxWorkKib");
}

/** Makes sure that a file does not ask for more work than is allowed. */
export function assertWork(what: string, asked: number, max: number, option: string): void {
  if (asked >= 1 && asked <= max) return;
  throw new KeyFormatError(
    `Cannot decrypt private key: it asks for ${asked} ${what}, and 1 to ${max} are allowed ` +
      `(the option ${option})`,
  );
}
