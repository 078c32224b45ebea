/**
 * Private keys as they are handed to an agent (draft-ietf-sshm-ssh-agent section 3.2), with and
 * without a certificate.
 *
 * @module
 */

import { KeyFormatError, ProtocolError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { Certificate } from "./certificate.ts";
import { isCertificateAlgorithm } from "./certificate_algorithms.ts";
import { privateKeyFrom } from "./from_parts.ts";
import { readPrivateKeyFields, writePrivateKeyFields } from "./private_key_fields.ts";
import { parsePublicKey, samePublicKey } from "./public_key.ts";
import { securityKeyType } from "./security_key.ts";
import type { PrivateKey, PublicKey } from "./types.ts";

/** A key, and what an agent is told with it. */
export interface AgentKeyFields {
  /** The key. */
  readonly key: PrivateKey;
  /** Its certificate; null if it goes without. */
  readonly certificate: Certificate | null;
  /** What people know it by. */
  readonly comment: string;
}

/**
 * Reads a key and its comment.
 *
 * @returns The reader too that is at what follows them.
 * @throws {KeyFormatError} If it is not a key of a type that is supported.
 * @throws {ProtocolError} If it is cut short.
 */
export function readAgentKey(fields: Uint8Array): AgentKeyFields & { readonly rest: Reader } {
  const what = "key that an agent is given";
  const start = new Reader(fields, what);
  let certificate: Certificate | null = null;
  let rest = new Reader(fields, what, KeyFormatError);
  if (isCertificateAlgorithm(start.name("type", 256))) {
    certificate = readCertificate(start.string("certificate"));
    // What follows a certificate is what it does not say: the fields become those of the plain key.
    const plain = new Writer(fields.length).raw(fieldsBefore(certificate.publicKey));
    rest = new Reader(plain.raw(start.rest()).finish(), what, KeyFormatError);
  }
  const source = readPrivateKeyFields(rest);
  const comment = new TextDecoder().decode(rest.string("comment"));
  const key = privateKeyFrom(source, { comment });
  if (certificate !== null && !samePublicKey(certificate.publicKey, key.publicKey)) {
    throw rest.error("its certificate is that of another key");
  }
  return { key, certificate, comment, rest };
}

/** Writes a key and its comment. */
export function writeAgentKey({ key, certificate, comment }: AgentKeyFields, writer: Writer): void {
  if (certificate === null) {
    writePrivateKeyFields(key, writer);
  } else {
    const plain = new Writer(1024);
    writePrivateKeyFields(key, plain);
    writer.string(certificate.type).string(certificate.blob)
      .raw(plain.finish().subarray(fieldsBefore(key.publicKey).length));
  }
  writer.string(comment);
}

function readCertificate(blob: Uint8Array): Certificate {
  const key = parsePublicKey(blob);
  if (key instanceof Certificate) return key;
  throw new KeyFormatError(`Cannot read certificate: it is a plain key of type ${key.type}`);
}

/** The first of a plain key's fields, which its certificate stands for. */
function fieldsBefore(key: PublicKey): Uint8Array {
  const blob = new Reader(key.blob, "public key", ProtocolError);
  const type = blob.name("type");
  if (type === "ssh-ed25519") return new Writer().string(type).finish();
  if (securityKeyType.names.includes(type)) {
    // What it was made for is no part of that.
    const writer = new Writer().string(type).string(blob.string("key"));
    return (type.includes("ecdsa") ? writer.string(blob.string("point")) : writer).finish();
  }
  if (type !== "ssh-rsa") return key.blob;
  const publicExponent = blob.mpint("exponent e");
  return new Writer(key.blob.length).string(type).mpint(blob.mpint("modulus n"))
    .mpint(publicExponent).finish();
}
