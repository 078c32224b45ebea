/**
 * Certificates of OpenSSH: a key, what it may be used for, and an authority's signature over both
 * (PROTOCOL.certkeys). An authority signs directly: there are no chains.
 *
 * @module
 */

import type { MaybePromise } from "../crypto/types.ts";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { plainKeyTypes, readPublicKeyBlob } from "./_public_key_blob.ts";
import { certificateAlgorithm, plainAlgorithm } from "./certificate_algorithms.ts";
import { SecurityKeyPublicKey } from "./security_key.ts";
import type { KeyType, PublicKey } from "./types.ts";

/** What a certificate vouches for: a user, or a host. */
export type CertificateRole = "user" | "host";

/** The most principals that a certificate may have: OpenSSH's limit. */
export const maxCertificatePrincipals = 256;

/** The numbers of PROTOCOL.certkeys: SSH_CERT_TYPE_USER and _HOST. */
export const certificateRoles: ReadonlyMap<number, CertificateRole> = new Map<
  number,
  CertificateRole
>([[1, "user"], [2, "host"]]);

/** The end of the time that certificates know, in seconds: they are valid for ever. */
export const certificateForever: bigint = 2n ** 64n - 1n;

/** The last moment that a `Date` can be, in seconds. */
const LAST_SECOND = 8_640_000_000_000n;

/**
 * A certificate. It is a public key too, of a type of its own: whoever holds the private key can
 * sign, and what is signed is verified with the key that is certified.
 *
 * That proves who holds the key, and nothing of what the certificate says, which anybody can have
 * written: `verifyCertificate` tells if it holds.
 */
export class Certificate implements PublicKey {
  /** The type on the wire, such as `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: string;
  /** The whole certificate in the encoding of PROTOCOL.certkeys. */
  readonly blob: Uint8Array;
  /** The comment that came with it; empty if there was none. */
  readonly comment: string;
  /** The signature algorithms: those of the key, by the names that they have with certificates. */
  readonly algorithms: readonly string[];
  /** The key that is certified. */
  readonly publicKey: PublicKey;
  /** The key of the authority that signed it, by what it says itself. */
  readonly ca: PublicKey;
  /** The algorithm of the authority's signature, such as `ssh-ed25519` or `rsa-sha2-512`. */
  readonly signatureAlgorithm: string;
  /** Whom it vouches for. */
  readonly role: CertificateRole;
  /** The number that its authority gave it; 0 if it numbers none. */
  readonly serial: bigint;
  /** What its authority calls it, for logs. */
  readonly keyId: string;
  /** The names of users or hosts that it is for. */
  readonly principals: readonly string[];
  /** When it begins to be valid; null if it always was. */
  readonly validAfter: Date | null;
  /** From when on it is valid no more; null if it always will be. */
  readonly validBefore: Date | null;
  /** What has to be known and obeyed by whoever accepts it: data as it came, by name. */
  readonly criticalOptions: ReadonlyMap<string, Uint8Array>;
  /** What it allows: data as it came, by name. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  readonly #signed: Uint8Array;
  readonly #signature: Uint8Array;

  /**
   * Reads a certificate.
   *
   * @param blob The whole certificate; it is copied.
   * @param options `algorithms` are those that the key's holder can sign with, by the names that
   * they have without a certificate: all of the key's, unless given.
   * @throws {KeyFormatError} If it is not one, or one of a key or an authority that is too weak.
   */
  constructor(
    blob: Uint8Array,
    options: { comment?: string; algorithms?: readonly string[] } = {},
  ) {
    this.blob = blob.slice();
    this.comment = options.comment ?? "";
    const reader = new Reader(this.blob, "certificate", KeyFormatError);
    this.type = reader.name("type", 256);
    reader.string("nonce");
    this.publicKey = readCertifiedKey(this.type, reader, this.comment);
    const { algorithms = this.publicKey.algorithms } = options;
    this.algorithms = this.publicKey.algorithms.filter((name) => algorithms.includes(name))
      .map(certificateAlgorithm)
      .filter((name) => name !== null);
    this.serial = reader.uint64("serial");
    const role = reader.uint32("role");
    const known = certificateRoles.get(role);
    if (known === undefined) throw reader.error(`role ${role} is not 1 (user) or 2 (host)`);
    this.role = known;
    this.keyId = textField(reader, "key id");
    this.principals = readPrincipals(reader);
    this.validAfter = readTime(reader.uint64("valid after"), 0n);
    this.validBefore = readTime(reader.uint64("valid before"), certificateForever);
    this.criticalOptions = readOptions(reader, "critical options");
    this.extensions = readOptions(reader, "extensions");
    reader.string("reserved");
    this.ca = readAuthority(reader);
    this.#signed = reader.since(0);
    this.#signature = reader.string("signature");
    reader.end();
    this.signatureAlgorithm = new Reader(this.#signature, "certificate's signature", KeyFormatError)
      .name("algorithm", 256);
  }

  /**
   * Whether `signature` is that of the certified key over `data`: see {@linkcode PublicKey.verify}.
   * Nothing is said of the certificate itself.
   */
  verify(algorithm: string, data: Uint8Array, signature: Uint8Array): MaybePromise<boolean> {
    if (!this.algorithms.includes(algorithm)) return false;
    return this.publicKey.verify(plainAlgorithm(algorithm), data, signature);
  }

  /**
   * Whether the authority that the certificate names has signed it. That says nothing yet: anybody
   * can be an authority.
   */
  async isSigned(): Promise<boolean> {
    const { ca, signatureAlgorithm } = this;
    // As with OpenSSH, an authority on a security key need not have been touched.
    if (ca instanceof SecurityKeyPublicKey) {
      return (await ca.inspect(signatureAlgorithm, this.#signed, this.#signature)) !== null;
    }
    return await ca.verify(signatureAlgorithm, this.#signed, this.#signature);
  }
}

/** How certificates are read. */
export const certificateType: KeyType = {
  names: plainKeyTypes.flatMap((type) => type.names).map(certificateAlgorithm)
    .filter((name) => name !== null),
  readPublic(_name: string, reader: Reader, comment: string): Certificate {
    reader.rest();
    return new Certificate(reader.since(0), { comment });
  },
};

/** The key itself: that which a certificate certifies, or the key as it is. */
export function plainKey(key: PublicKey): PublicKey {
  return key instanceof Certificate ? key.publicKey : key;
}

function readCertifiedKey(type: string, reader: Reader, comment: string): PublicKey {
  const plain = plainAlgorithm(type);
  const keyType = plainKeyTypes.find(({ names }) => names.includes(plain));
  if (plain === type || keyType === undefined) {
    const names = certificateType.names.join(", ");
    throw reader.error(`type ${printable(type)} is not one of ${names}`);
  }
  return keyType.readPublic(plain, reader, comment);
}

function readAuthority(reader: Reader): PublicKey {
  const blob = reader.string("authority's key");
  return readPublicKeyBlob(blob, plainKeyTypes, "", "key of a certificate's authority");
}

function readPrincipals(reader: Reader): readonly string[] {
  const list = new Reader(reader.string("principals"), "certificate's principals", KeyFormatError);
  const principals: string[] = [];
  while (list.remaining > 0) {
    if (principals.length === maxCertificatePrincipals) {
      throw list.error(`there are more than ${maxCertificatePrincipals} principals`);
    }
    principals.push(textField(list, "principal"));
  }
  return principals;
}

/** What `ssh-keygen` refuses too: C would see the text end there. */
function textField(reader: Reader, field: string): string {
  const text = reader.text(field);
  if (text.includes("\0")) throw reader.error(`${field} has a NUL in it`);
  return text;
}

function readOptions(reader: Reader, what: string): ReadonlyMap<string, Uint8Array> {
  const list = new Reader(reader.string(what), `certificate's ${what}`, KeyFormatError);
  const options = new Map<string, Uint8Array>();
  while (list.remaining > 0) {
    const name = textField(list, "name");
    if (options.has(name)) throw list.error(`${printable(name)} is there twice`);
    options.set(name, list.string("data"));
  }
  return options;
}

function readTime(seconds: bigint, unlimited: bigint): Date | null {
  if (seconds === unlimited) return null;
  return new Date(Number(seconds < LAST_SECOND ? seconds : LAST_SECOND) * 1000);
}
