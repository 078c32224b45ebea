/**
 * Files of what has been revoked, in either form that `RevokedKeys` and `RevokedHostKeys` take.
 *
 * @module
 */

import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { readKeyWords } from "./_key_words.ts";
import { splitLines } from "./_lines.ts";
import { plainKey } from "./certificate.ts";
import { type KeyBlob, RevocationList } from "./krl.ts";
import { isKrl, parseKrl } from "./krl_format.ts";
import { keyTypes, parsePublicKey } from "./public_key.ts";

/**
 * Parses a file of revoked keys: a key revocation list, or the text of public keys, one on a line.
 *
 * As with OpenSSH, a line with a certificate revokes the key that is certified, and each key
 * revokes what it has certified. A key of a type that is not supported, or that is too weak to be
 * used, revokes itself alone.
 *
 * @param file The file's bytes, or its text.
 * @throws {KeyFormatError} If anything in it cannot be read, so that nothing is let through by a
 *   damaged file; whoever goes on without it has to take all keys as revoked.
 *
 * @example
 * ```ts
 * import { formatPublicKeyLine, generateKey, parseRevokedKeys } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const { publicKey } = await generateKey("ed25519", { comment: "lost on 1 May" });
 * const revoked = parseRevokedKeys(`# stolen\n${formatPublicKeyLine(publicKey)}\n`);
 * assert.equal(revoked.isRevoked(publicKey), true);
 * ```
 */
export function parseRevokedKeys(file: Uint8Array | string): RevocationList {
  if (typeof file !== "string" && isKrl(file)) return parseKrl(file);
  const text = typeof file === "string" ? file : new TextDecoder().decode(file);
  if (text.startsWith("SSHKRL\n\0")) {
    throw new KeyFormatError(
      "Cannot read revoked keys: it is a key revocation list, which has to be read as bytes",
    );
  }
  const keys: KeyBlob[] = [];
  for (const { number, text: line } of splitLines(text, "revoked keys")) {
    const content = line.replace(/^[ \t]+/, "");
    if (content === "" || content.startsWith("#")) continue;
    keys.push(readLine(content, number));
  }
  return new RevocationList({ keys });
}

function readLine(line: string, number: number): KeyBlob {
  const error = (why: string): KeyFormatError =>
    new KeyFormatError(`Cannot read revoked keys, line ${number}: ${why}`);
  const { type, blob } = readKeyWords(line, error);
  try {
    return plainKey(parsePublicKey(blob));
  } catch (cause) {
    if (!(cause instanceof KeyFormatError)) throw cause;
    // A key that is too weak, or of an old type, may well have been revoked.
    const mustBeRead = keyTypes.some(({ names }) => names.includes(type)) && type !== "ssh-rsa";
    if (!mustBeRead && isWhole(blob)) return { blob };
    throw error(cause.message);
  }
}

/** Whether a blob is made of strings, as all keys are, and of nothing else. */
function isWhole(blob: Uint8Array): boolean {
  const reader = new Reader(blob, "public key", KeyFormatError);
  try {
    while (reader.remaining > 0) reader.string("field");
    return true;
  } catch {
    return false;
  }
}
