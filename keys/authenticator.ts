/**
 * How a client knows that a server is the right one: by its host key.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { md5 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { fromBase64 } from "../crypto/base64.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { plainKey } from "./certificate.ts";
import { Ed25519PublicKey } from "./ed25519.ts";
import { parsePublicKey, parsePublicKeyLine, samePublicKey } from "./public_key.ts";
import type { PublicKey } from "./types.ts";

/** What is known of a server when its host key is judged. */
export interface HostKeyContext {
  /** The name or address that was connected to. */
  readonly hostname?: string;
  /** The port that was connected to. */
  readonly port?: number;
  /** Aborts when the answer is no longer wanted. */
  readonly signal?: AbortSignal;
}

/**
 * Says whether a server may have this host key. The server has proved already that it holds the
 * private half; nothing secret has been sent to it.
 *
 * The key may be a `Certificate`, of which nothing has been checked: `certifiedBy` does that, and
 * `plainKey` gives the key that is certified, for those who know that.
 */
export type HostKeyVerifier = (key: PublicKey, context: HostKeyContext) => MaybePromise<boolean>;

/**
 * Makes the judge of a server's host key from what is known of the key:
 *
 * - `SHA256:…` or `MD5:…`: the key's fingerprint, as `ssh-keygen -l` prints it
 * - `ed25519:…`, `ecdsa:…` or `rsa:…`: the key's type, and in base64 either the SHA-256 of its
 *   blob (what stands behind `SHA256:`), or the blob; for `ed25519` the key's 32 bytes as well.
 *   The last and a fingerprint look alike; either is accepted, as nobody can make a key whose
 *   fingerprint or bytes equal some others.
 * - a line of a `.pub` file, or only its base64
 * - a {@linkcode PublicKey}
 *
 * Of a server that shows a certificate its key is judged by all of these. Or:
 *
 * - a function, which is what comes back: trust on first use, known hosts, asking the user
 *
 * @throws {KeyFormatError} If the text is none of these. The empty text is not: to accept any key,
 * say {@linkcode insecureAcceptAnyHostKey}.
 *
 * @example The fingerprint that the server's administrator has sent
 * ```ts
 * import { authenticatorOf, fingerprint, generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const { publicKey } = await generateKey("ed25519");
 * const authenticator = authenticatorOf(fingerprint(publicKey));
 * assert.equal(await authenticator(publicKey, { hostname: "example.com" }), true);
 * ```
 */
export function authenticatorOf(known: string | PublicKey | HostKeyVerifier): HostKeyVerifier {
  if (typeof known === "function") return known;
  if (typeof known === "string") return parseAuthenticator(known.trim());
  return (key) => samePublicKey(plainKey(key), plainKey(known));
}

/**
 * Accepts every host key: whoever stands between the client and the server can read and change
 * everything. For tests, and where the flow itself is known to end at the right place.
 */
export function insecureAcceptAnyHostKey(): boolean {
  return true;
}

function parseAuthenticator(text: string): HostKeyVerifier {
  const [, prefix, value = ""] = /^([A-Za-z0-9-]+):(.*)$/.exec(text) ?? [];
  if (prefix === undefined) return authenticatorOf(parseKey(text));
  switch (prefix.toLowerCase()) {
    case "sha256":
      return digestVerifier(sha256, decodeDigest(value, 32));
    case "md5":
      return digestVerifier(md5, decodeMd5(value));
    case "ed25519":
      return typeVerifier(/^ssh-ed25519$/, value);
    case "ecdsa":
      return typeVerifier(/^ecdsa-sha2-/, value);
    case "rsa":
      return typeVerifier(/^ssh-rsa$/, value);
    default:
      throw authenticatorError(
        `${printable(prefix)} is not one of SHA256, MD5, ed25519, ecdsa, rsa`,
      );
  }
}

function parseKey(text: string): PublicKey {
  if (/\s/.test(text)) return parsePublicKeyLine(text);
  const blob = fromBase64(text);
  if (blob === null || blob.length === 0) {
    throw authenticatorError(
      "it is neither a fingerprint (SHA256:…, MD5:…), nor a type with one (ed25519:…), " +
        "nor a public key",
    );
  }
  return parsePublicKey(blob);
}

function typeVerifier(type: RegExp, value: string): HostKeyVerifier {
  const bytes = fromBase64(value.replace(/^SHA256:/, ""));
  if (bytes === null) throw authenticatorError("what follows the type is not base64");
  if (bytes.length !== 32) {
    const known = parsePublicKey(bytes);
    if (!type.test(known.type)) {
      throw authenticatorError(`the key is of another type, ${known.type}`);
    }
    return authenticatorOf(known);
  }
  return (shown) => {
    const key = plainKey(shown);
    return type.test(key.type) &&
      (equalBytes(sha256(key.blob), bytes) ||
        key.type === "ssh-ed25519" && equalBytes(key.blob, new Ed25519PublicKey(bytes).blob));
  };
}

function digestVerifier(
  hash: (data: Uint8Array) => Uint8Array,
  digest: Uint8Array,
): HostKeyVerifier {
  return (key) => equalBytes(hash(plainKey(key).blob), digest);
}

function decodeDigest(base64: string, length: number): Uint8Array {
  const digest = fromBase64(base64);
  if (digest?.length === length) return digest;
  throw authenticatorError(
    `what follows SHA256: is not the base64 of ${length} bytes`,
  );
}

function decodeMd5(hex: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:?[0-9a-f]{2}){15}$/i.test(hex)) {
    throw authenticatorError("what follows MD5: is not 16 bytes in hexadecimal");
  }
  return Uint8Array.from(
    hex.replaceAll(":", "").match(/../g) ?? [],
    (byte) => Number.parseInt(byte, 16),
  );
}

function authenticatorError(why: string): KeyFormatError {
  return new KeyFormatError(`Cannot read authenticator: ${why}`);
}
