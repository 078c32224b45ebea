/**
 * Signatures of files and messages: OpenSSH's PROTOCOL.sshsig, `ssh-keygen -Y`.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { CHash } from "@noble/hashes/utils.js";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { AllowedSignersLine } from "./allowed_signers.ts";
import { Certificate, plainKey } from "./certificate.ts";
import { checkSigner, type SignerVerdict } from "./check_signer.ts";
import { inspectSignature } from "./inspect_signature.ts";
import { formatPem, parsePem } from "./pem.ts";
import { parsePublicKey } from "./public_key.ts";
import type { SecurityKeyDetails } from "./security_key.ts";
import type { PublicKey, Signer } from "./types.ts";
import type { Revocation } from "./verify_certificate.ts";

const label = "SSH SIGNATURE";
const begin = "-----BEGIN SSH SIGNATURE-----";
const magic = /* @__PURE__ */ new TextEncoder().encode("SSHSIG");
const version = 1;

/** The hashes that a message can be signed by. */
export type MessageHash = "sha256" | "sha512";

const hashes: Readonly<Record<MessageHash, CHash>> = { sha256, sha512 };

/** What is signed: all at once, or piece by piece where it is large. */
export type Message = string | Uint8Array | ReadableStream<Uint8Array>;

/** A signature of a message. */
export interface MessageSignature {
  /** The key that made it, by what it says itself. It may be a `Certificate`. */
  readonly publicKey: PublicKey;
  /** What it is for: `file`, `git`, or a name of one's own as `name@example.com`. */
  readonly namespace: string;
  /** By which hash the message was signed. */
  readonly hash: MessageHash;
  /** The key's own signature, in the encoding of RFC 4253 section 6.6. */
  readonly signature: Uint8Array;
}

/** What a signature is held against. */
export interface MessageExpectation {
  /** What the signature has to be for: one for something else is not valid. */
  readonly namespace: string;
  /** Whether a security key has to have been touched: true, unless given. */
  readonly touchRequired?: boolean | undefined;
}

/**
 * Signs a message.
 *
 * @param options `namespace` says what the signature is for, so that it does not count for anything
 * else; `hash` is `sha512`, unless given.
 * @returns The text of a `.sig` file, with its last end of line.
 * @throws {RangeError} If the namespace is empty.
 *
 * @example
 * ```ts
 * import { generateKey, signMessage, verifyMessage } from "@sshflow/ssh/keys";
 * import { formatAllowedSignerLine, parseAllowedSigners } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = await generateKey("ed25519");
 * const signature = await signMessage(key, "the news", { namespace: "file" });
 * assert.match(signature, /^-----BEGIN SSH SIGNATURE-----\n/);
 *
 * const { type, blob } = key.publicKey;
 * const line = { principals: "ada@example.com", options: {}, type, blob, comment: "" };
 * const allowedSigners = parseAllowedSigners(formatAllowedSignerLine(line));
 * const expected = { namespace: "file", identity: "ada@example.com", allowedSigners };
 * assert.equal((await verifyMessage(signature, "the news", expected)).accepted, true);
 * assert.equal((await verifyMessage(signature, "fake news", expected)).accepted, false);
 * ```
 */
export async function signMessage(
  signer: Signer,
  message: Message,
  options: { readonly namespace: string; readonly hash?: MessageHash },
): Promise<string> {
  const { namespace, hash = "sha512" } = options;
  if (namespace === "") throw new RangeError("Cannot sign a message: the namespace is empty");
  if (!Object.hasOwn(hashes, hash)) {
    throw new RangeError(`Cannot sign a message: ${hash} is not one of sha256, sha512`);
  }
  const { publicKey } = signer;
  const signed = signedData(namespace, hash, await digestOf(message, hash));
  const signature = await signer.sign(publicKey.algorithms[0] ?? "", signed);
  return formatMessageSignature({ publicKey, namespace, hash, signature });
}

/**
 * Makes sure that a message has the signature, by whatever key: what `ssh-keygen` calls
 * `check-novalidate`. Who signed is still to be judged: see {@linkcode verifyMessage}.
 *
 * @returns The signature, and what a security key says of it; null if it is not one of the message,
 * or for something else.
 * @throws {KeyFormatError} If it is no signature.
 */
export async function checkMessage(
  signature: string | MessageSignature,
  message: Message,
  { namespace, touchRequired = true }: MessageExpectation,
): Promise<(MessageSignature & { readonly securityKey: SecurityKeyDetails | null }) | null> {
  const read = typeof signature === "string" ? parseMessageSignature(signature) : signature;
  const { publicKey, hash } = read;
  const signed = signedData(read.namespace, hash, await digestOf(message, hash));
  if (read.namespace !== namespace) return null;
  // A certificate's key signs as it does without.
  const inspected = await inspectSignature(
    plainKey(publicKey),
    algorithmOf(read.signature),
    signed,
    read.signature,
  );
  if (inspected === null) return null;
  if (touchRequired && inspected.securityKey?.userPresent === false) return null;
  return { ...read, ...inspected };
}

/**
 * Makes sure that a message was signed by somebody: `ssh-keygen -Y verify`.
 *
 * @param expectation Who has to have signed, what for, and who may sign.
 * @returns Which line of the allowed signers it was; or why it was none.
 * @throws {KeyFormatError} If it is no signature.
 */
export async function verifyMessage(
  signature: string | MessageSignature,
  message: Message,
  expectation: MessageExpectation & {
    /** Who has to have signed. */
    readonly identity: string;
    /** Who may sign: what `parseAllowedSigners` gave. */
    readonly allowedSigners: readonly Pick<AllowedSignersLine, "entry">[];
    /** The time in milliseconds since 1970: `Date.now`, unless given. */
    readonly now?: (() => number) | undefined;
    /** What has been revoked: nothing, unless given. */
    readonly revoked?: Revocation | undefined;
  },
): Promise<SignerVerdict> {
  const checked = await checkMessage(signature, message, expectation);
  if (checked === null) {
    return { accepted: false, reasons: ["the signature is wrong, or for something else"] };
  }
  const { publicKey, securityKey } = checked;
  if (securityKey?.userVerified === false && needsVerification(publicKey)) {
    return { accepted: false, reasons: ["the security key did not make sure who signed"] };
  }
  return await checkSigner(expectation.allowedSigners, publicKey, expectation);
}

/** Whether a certificate asks for more than a touch (PROTOCOL.certkeys, `verify-required`). */
function needsVerification(key: PublicKey): boolean {
  return key instanceof Certificate && key.criticalOptions.has("verify-required");
}

/**
 * Reads a signature from the text of a `.sig` file.
 *
 * @throws {KeyFormatError} If it is not in that form.
 */
export function parseMessageSignature(text: string): MessageSignature {
  const block = text.startsWith(begin) ? parsePem(text)[0] : undefined;
  if (block?.label !== label) {
    throw new KeyFormatError(`Cannot read signature: it does not begin with ${begin}`);
  }
  const reader = new Reader(block.bytes, "signature", KeyFormatError);
  if (!equalBytes(reader.raw(magic.length, "magic"), magic)) {
    throw reader.error("it does not begin with SSHSIG");
  }
  const number = reader.uint32("version");
  if (number !== version) throw reader.error(`version ${number} is not ${version}`);
  const blob = reader.string("public key");
  const namespace = reader.text("namespace");
  if (namespace === "" || namespace.includes("\0")) {
    throw reader.error("the namespace is empty, or has a NUL in it");
  }
  reader.string("reserved");
  const hash = reader.name("hash", 100);
  if (!isHash(hash)) throw reader.error(`hash ${printable(hash)} is not one of sha256, sha512`);
  const signature = reader.string("signature");
  reader.end();
  return { publicKey: parsePublicKey(blob), namespace, hash, signature: signature.slice() };
}

/** Writes a signature as it stands in a `.sig` file, with its last end of line. */
export function formatMessageSignature(
  { publicKey, namespace, hash, signature }: MessageSignature,
): string {
  const blob = new Writer(512).raw(magic).uint32(version).string(publicKey.blob)
    .string(namespace).string("").string(hash).string(signature).finish();
  return formatPem(label, blob, 70);
}

function isHash(name: string): name is MessageHash {
  return Object.hasOwn(hashes, name);
}

/** PROTOCOL.sshsig section 3; what is reserved is empty, whatever stands in the signature. */
function signedData(namespace: string, hash: MessageHash, digest: Uint8Array): Uint8Array {
  return new Writer(256).raw(magic).string(namespace).string("").string(hash).string(digest)
    .finish();
}

/** The algorithm that stands in a signature; nothing if there is none. */
function algorithmOf(signature: Uint8Array): string {
  try {
    return new Reader(signature, "signature", KeyFormatError).name("algorithm", 256);
  } catch {
    return "";
  }
}

async function digestOf(message: Message, hash: MessageHash): Promise<Uint8Array> {
  const digest = hashes[hash].create();
  if (typeof message === "string") return digest.update(new TextEncoder().encode(message)).digest();
  if (message instanceof Uint8Array) return digest.update(message).digest();
  const reader = message.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return digest.digest();
    digest.update(value);
  }
}
