/**
 * What has been revoked: keys, certificates by what they say, and fingerprints.
 *
 * @module
 */

import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { toBase64 } from "../crypto/base64.ts";
import { SerialRangeBuilder, type SerialRanges } from "./_serial_ranges.ts";
import type { SerialRange } from "./_serial_ranges.ts";
import { Certificate, plainKey } from "./certificate.ts";
import type { PublicKey } from "./types.ts";

export type { SerialRange } from "./_serial_ranges.ts";

/** A key, by its encoding of RFC 4253 section 6.6. */
export type KeyBlob = Pick<PublicKey, "blob">;

/** Certificates of one authority, or of all, that have been revoked. */
export interface RevokedCertificates {
  /** The authority's key; null for all authorities. */
  readonly ca: KeyBlob | null;
  /** The serial numbers. 0, which is that of certificates without a number, cannot be revoked. */
  readonly serials: Iterable<SerialRange>;
  /** The key ids. */
  readonly keyIds: Iterable<string>;
}

/** What stands in a key revocation list. */
export interface KeyRevocations {
  /** A number that grows from one list to the next. */
  readonly version: bigint;
  /** When it was made; in whole seconds. */
  readonly generatedAt: Date;
  /** A comment, for people. */
  readonly comment: string;
  /** Keys; whatever is certified by one, or is its certificate, is revoked with it. */
  readonly keys: Iterable<KeyBlob>;
  /** Fingerprints of keys: 20 bytes of SHA-1, or 32 of SHA-256. */
  readonly fingerprints: Iterable<Uint8Array>;
  /** Certificates, by authority. */
  readonly certificates: Iterable<RevokedCertificates>;
}

/** Certificates of one authority, to be looked up. */
interface CertificateSet extends RevokedCertificates {
  readonly serials: SerialRanges;
  readonly keyIds: ReadonlySet<string>;
}

/**
 * A list of what has been revoked, for whatever takes a `Revocation`. It is made by `parseKrl`, by
 * `parseRevokedKeys`, or of its parts.
 *
 * @example
 * ```ts
 * import { generateKey, issueCertificate, RevocationList } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const [ca, key] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * const certificate = await issueCertificate({
 *   key: key.publicKey,
 *   ca,
 *   role: "user",
 *   keyId: "ada's laptop",
 *   serial: 7n,
 *   principals: ["ada"],
 *   validBefore: null,
 * });
 * const revoked = new RevocationList({
 *   certificates: [{ ca: ca.publicKey, serials: [{ first: 5n, last: 9n }], keyIds: [] }],
 * });
 * assert.equal(revoked.isRevoked(certificate), true);
 * assert.equal(revoked.isRevoked(key.publicKey), false);
 * ```
 */
export class RevocationList implements KeyRevocations {
  /** A number that grows from one list to the next; 0 unless given. */
  readonly version: bigint;
  /** When it was made: now, unless given. */
  readonly generatedAt: Date;
  /** A comment, for people. */
  readonly comment: string;
  readonly #keys = new Map<string, KeyBlob>();
  readonly #fingerprints = new Map<string, Uint8Array>();
  readonly #certificates = new Map<string, CertificateSet>();
  #hasSha1 = false;

  /**
   * Makes a list.
   *
   * @param contents What is in it; a certificate among the keys stands for its key.
   * @throws {RangeError} If a fingerprint has another length, or a range of serials begins below 1,
   *   or ends before it begins or above 2^64-1.
   */
  constructor(contents: Partial<KeyRevocations> = {}) {
    const { version = 0n, generatedAt = new Date(), comment = "" } = contents;
    this.version = version;
    this.generatedAt = generatedAt;
    this.comment = comment;
    for (const key of contents.keys ?? []) {
      const { blob } = key instanceof Certificate ? plainKey(key) : key;
      this.#keys.set(toBase64(blob), { blob });
    }
    for (const fingerprint of contents.fingerprints ?? []) {
      if (fingerprint.length !== 20 && fingerprint.length !== 32) {
        throw new RangeError(
          `Cannot revoke a key by a fingerprint of ${fingerprint.length} bytes: ` +
            "those of SHA-1 have 20, those of SHA-256 have 32",
        );
      }
      this.#hasSha1 ||= fingerprint.length === 20;
      this.#fingerprints.set(toBase64(fingerprint), fingerprint);
    }
    this.#addCertificates(contents.certificates ?? []);
  }

  /** The keys, without comments. */
  get keys(): readonly KeyBlob[] {
    return [...this.#keys.values()];
  }

  /** The fingerprints: 20 bytes of SHA-1, or 32 of SHA-256. */
  get fingerprints(): readonly Uint8Array[] {
    return [...this.#fingerprints.values()];
  }

  /** The certificates: one entry for each authority, and one for all, if there are any. */
  get certificates(): readonly RevokedCertificates[] {
    return [...this.#certificates.values()];
  }

  /**
   * Whether a key has been revoked: itself; or, of a certificate, its key, its authority's, or the
   * certificate by its serial number or key id.
   */
  isRevoked(key: PublicKey): boolean {
    if (this.#hasKey(plainKey(key))) return true;
    if (!(key instanceof Certificate)) return false;
    if (this.#hasKey(key.ca)) return true;
    return [toBase64(key.ca.blob), ANY_CA].some((ca) => {
      const revoked = this.#certificates.get(ca);
      if (revoked === undefined) return false;
      return revoked.keyIds.has(key.keyId) || key.serial !== 0n && revoked.serials.has(key.serial);
    });
  }

  #hasKey({ blob }: PublicKey): boolean {
    if (this.#keys.has(toBase64(blob))) return true;
    if (this.#fingerprints.size === 0) return false;
    return this.#fingerprints.has(toBase64(sha256(blob))) ||
      this.#hasSha1 && this.#fingerprints.has(toBase64(sha1(blob)));
  }

  #addCertificates(certificates: Iterable<RevokedCertificates>): void {
    const sets = new Map<
      string,
      { ca: KeyBlob | null; serials: SerialRangeBuilder; keyIds: Set<string> }
    >();
    for (const { ca, serials, keyIds } of certificates) {
      const id = ca === null ? ANY_CA : toBase64(ca.blob);
      const set = sets.get(id) ?? {
        ca: ca && { blob: ca.blob },
        serials: new SerialRangeBuilder(),
        keyIds: new Set(),
      };
      sets.set(id, set);
      for (const { first, last } of serials) {
        if (first < 1n || last < first || last >= 2n ** 64n) {
          throw new RangeError(
            `Cannot revoke the serial numbers from ${first} to ${last}: that is no range in 1 to 2^64-1`,
          );
        }
        set.serials.add(first, last);
      }
      for (const keyId of keyIds) set.keyIds.add(keyId);
    }
    for (const [id, { serials, ...set }] of sets) {
      this.#certificates.set(id, { ...set, serials: serials.build() });
    }
  }
}

/**
 * What revokes one certificate, and not its key, as `ssh-keygen -k` does it for a `-cert.pub` file:
 * by the serial number, or the key id where there is no number. Others of the same authority that
 * have the same are revoked with it.
 *
 * @example
 * ```ts
 * import { formatKrl, generateKey, issueCertificate, parseKrl, revocationOf } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const key = await generateKey("ed25519");
 * const certificate = await issueCertificate({
 *   key: key.publicKey,
 *   ca: key,
 *   role: "user",
 *   keyId: "ada's laptop",
 *   serial: 7n,
 *   principals: ["ada"],
 *   validBefore: null,
 * });
 * const list = parseKrl(formatKrl({ certificates: [revocationOf(certificate)] }));
 * assert.equal(list.isRevoked(certificate), true);
 * assert.equal(list.isRevoked(key.publicKey), false);
 * ```
 */
export function revocationOf({ ca, serial, keyId }: Certificate): RevokedCertificates {
  return serial === 0n
    ? { ca, serials: [], keyIds: [keyId] }
    : { ca, serials: [{ first: serial, last: serial }], keyIds: [] };
}

/** What stands for all authorities where others have their key's base64. */
const ANY_CA = "";
