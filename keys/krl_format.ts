/**
 * Key revocation lists in files: OpenSSH's PROTOCOL.krl, `ssh-keygen -k`.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { KeyFormatError, printable } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { maxSerial, SerialRangeBuilder } from "./_serial_ranges.ts";
import { type KeyBlob, type KeyRevocations, RevocationList } from "./krl.ts";
import type { RevokedCertificates } from "./krl.ts";

const magic = /* @__PURE__ */ new TextEncoder().encode("SSHKRL\n\0");
const formatVersion = 1;

/** PROTOCOL.krl: the sections of a list. */
const Section = {
  CERTIFICATES: 1,
  EXPLICIT_KEY: 2,
  FINGERPRINT_SHA1: 3,
  SIGNATURE: 4,
  FINGERPRINT_SHA256: 5,
  EXTENSION: 255,
} as const;

/** PROTOCOL.krl: the sections of an authority's certificates. */
const CertificateSection = {
  SERIAL_LIST: 0x20,
  SERIAL_RANGE: 0x21,
  SERIAL_BITMAP: 0x22,
  KEY_ID: 0x23,
  EXTENSION: 0x39,
} as const;

/** As OpenSSH: 2^24 numbers. */
const MAX_BITMAP_BYTES = 2_097_152;
/** What a list may say with a bit or two, it must not make more than so many ranges of. */
const MAX_RANGES = 1_048_576;
/** The last moment that a `Date` can be, in seconds. */
const LAST_SECOND = 8_640_000_000_000n;

/** Whether bytes begin as a key revocation list does. */
export function isKrl(bytes: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, magic.length), magic);
}

/**
 * Parses a key revocation list.
 *
 * As with OpenSSH, a list with a section that is not known is refused, and so is one that is signed:
 * a signature would have to be checked by somebody's key. Extensions are passed over, unless they
 * are said to be critical.
 *
 * @throws {KeyFormatError} If it is not such a list, or damaged. Whoever asks it about keys has to
 *   take all of them as revoked then.
 *
 * @example
 * ```ts
 * import { formatKrl, generateKey, parseKrl } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const { publicKey } = await generateKey("ed25519");
 * const list = parseKrl(formatKrl({ keys: [publicKey], comment: "lost" }));
 * assert.equal(list.comment, "lost");
 * assert.equal(list.isRevoked(publicKey), true);
 * ```
 */
export function parseKrl(bytes: Uint8Array): RevocationList {
  const reader = new Reader(bytes.slice(), "key revocation list", KeyFormatError);
  if (!isKrl(reader.raw(Math.min(magic.length, bytes.length)))) {
    throw reader.error("it does not begin with SSHKRL");
  }
  const format = reader.uint32("format");
  if (format !== formatVersion) throw reader.error(`format ${format} is not ${formatVersion}`);
  const version = reader.uint64("version");
  const seconds = reader.uint64("time");
  const generatedAt = new Date(Number(seconds < LAST_SECOND ? seconds : LAST_SECOND) * 1000);
  reader.uint64("flags");
  reader.string("reserved");
  // A comment is for people; one in an old encoding must not lock everybody out.
  const comment = new TextDecoder().decode(reader.string("comment"));
  if (comment.includes("\0")) throw reader.error("the comment has a NUL in it");
  const keys: KeyBlob[] = [];
  const fingerprints: Uint8Array[] = [];
  const certificates: RevokedCertificates[] = [];
  const budget = { ranges: MAX_RANGES };
  while (reader.remaining > 0) {
    const type = reader.uint8("section");
    const section = within(reader, "section");
    switch (type) {
      case Section.CERTIFICATES:
        certificates.push(readCertificates(section, budget));
        break;
      case Section.EXPLICIT_KEY:
        while (section.remaining > 0) keys.push({ blob: section.string("key") });
        break;
      case Section.FINGERPRINT_SHA1:
        fingerprints.push(...readFingerprints(section, 20));
        break;
      case Section.FINGERPRINT_SHA256:
        fingerprints.push(...readFingerprints(section, 32));
        break;
      case Section.SIGNATURE:
        throw section.error("it is signed, and signatures of lists are not supported");
      case Section.EXTENSION:
        readExtension(section);
        break;
      default:
        throw section.error(`section ${type} is not known`);
    }
  }
  return new RevocationList({ version, generatedAt, comment, keys, fingerprints, certificates });
}

/**
 * Writes a key revocation list, as `ssh`, `sshd` and `ssh-keygen -Q` read it.
 *
 * @param contents What has been revoked: a {@linkcode RevocationList}, or the parts of one.
 * @throws {RangeError} If the parts do not make a list, or a key id or the comment has a NUL in it.
 */
export function formatKrl(contents: Partial<KeyRevocations>): Uint8Array<ArrayBuffer> {
  const list = contents instanceof RevocationList ? contents : new RevocationList(contents);
  if (list.comment.includes("\0")) throw unwritable("the comment has a NUL in it");
  const seconds = BigInt(Math.max(0, Math.floor(list.generatedAt.getTime() / 1000)));
  const writer = new Writer(4096).raw(magic).uint32(formatVersion).uint64(list.version)
    .uint64(seconds).uint64(0n).string("").string(list.comment);
  for (const certificates of list.certificates) {
    writer.uint8(Section.CERTIFICATES).string(encodeCertificates(certificates));
  }
  writeSection(writer, Section.EXPLICIT_KEY, list.keys.map(({ blob }) => blob));
  for (
    const [section, length] of [
      [Section.FINGERPRINT_SHA1, 20],
      [Section.FINGERPRINT_SHA256, 32],
    ] as const
  ) {
    writeSection(writer, section, list.fingerprints.filter((one) => one.length === length));
  }
  return writer.finish();
}

function readCertificates(section: Reader, budget: { ranges: number }): RevokedCertificates {
  const ca = section.string("authority's key");
  section.string("reserved");
  const serials = new SerialRangeBuilder();
  const keyIds: string[] = [];
  const add = (first: bigint, last: bigint): void => {
    if (first < 1n || last < first || last > maxSerial) {
      throw section.error(`the serials from ${first} to ${last} are no range in 1 to 2^64-1`);
    }
    serials.add(first, last);
    if (serials.length > budget.ranges) {
      throw section.error(`there are more than ${MAX_RANGES} ranges of serials`);
    }
  };
  while (section.remaining > 0) {
    const type = section.uint8("section of certificates");
    const part = within(section, "section of certificates");
    switch (type) {
      case CertificateSection.SERIAL_LIST:
        while (part.remaining > 0) {
          const serial = part.uint64("serial");
          add(serial, serial);
        }
        break;
      case CertificateSection.SERIAL_RANGE:
        add(part.uint64("first serial"), part.uint64("last serial"));
        break;
      case CertificateSection.SERIAL_BITMAP: {
        const offset = part.uint64("first serial");
        addBitmap(offset, part.mpint("bitmap", MAX_BITMAP_BYTES + 1), add);
        break;
      }
      case CertificateSection.KEY_ID:
        while (part.remaining > 0) keyIds.push(readKeyId(part));
        break;
      case CertificateSection.EXTENSION:
        readExtension(part);
        break;
      default:
        throw part.error(`section ${type} of certificates is not known`);
    }
    part.end();
  }
  budget.ranges -= serials.length;
  return { ca: ca.length === 0 ? null : { blob: ca }, serials: serials.build(), keyIds };
}

/** The runs of ones in a bitmap, whose last bit stands for the serial `offset`. */
function addBitmap(
  offset: bigint,
  bitmap: Uint8Array,
  add: (first: bigint, last: bigint) => void,
): void {
  const bits = bitmap.length * 8;
  const isSet = (bit: number): boolean =>
    ((bitmap[bitmap.length - 1 - (bit >> 3)] ?? 0) >> (bit & 7) & 1) === 1;
  for (let bit = 0; bit < bits; bit++) {
    if (!isSet(bit)) continue;
    const first = bit;
    while (bit + 1 < bits && isSet(bit + 1)) bit++;
    add(offset + BigInt(first), offset + BigInt(bit));
  }
}

function readKeyId(reader: Reader): string {
  const keyId = reader.text("key id");
  if (keyId.includes("\0")) throw reader.error("a key id has a NUL in it");
  return keyId;
}

function* readFingerprints(reader: Reader, length: number): IterableIterator<Uint8Array> {
  while (reader.remaining > 0) {
    const fingerprint = reader.string("fingerprint");
    if (fingerprint.length !== length) {
      throw reader.error(`fingerprint of ${fingerprint.length} bytes instead of ${length}`);
    }
    yield fingerprint;
  }
}

function readExtension(reader: Reader): void {
  const name = reader.text("extension");
  if (reader.boolean("whether it is critical")) {
    throw reader.error(`the critical extension ${printable(name)} is not known`);
  }
  reader.string("contents");
  reader.end();
}

function within(reader: Reader, field: string): Reader {
  return new Reader(reader.string(field), "key revocation list", KeyFormatError);
}

function encodeCertificates({ ca, serials, keyIds }: RevokedCertificates): Uint8Array {
  const writer = new Writer(1024).string(ca?.blob ?? "").string("");
  const single = new Writer(1024);
  for (const { first, last } of serials) {
    if (first === last) {
      single.uint64(first);
    } else {
      writer.uint8(CertificateSection.SERIAL_RANGE)
        .string(new Writer(16).uint64(first).uint64(last).finish());
    }
  }
  if (single.length > 0) {
    writer.uint8(CertificateSection.SERIAL_LIST).string(single.finish());
  }
  const ids = new Writer(1024);
  for (const keyId of keyIds) {
    if (keyId.includes("\0")) throw unwritable("a key id has a NUL in it");
    ids.string(keyId);
  }
  if (ids.length > 0) writer.uint8(CertificateSection.KEY_ID).string(ids.finish());
  return writer.finish();
}

function writeSection(writer: Writer, section: number, entries: readonly Uint8Array[]): void {
  if (entries.length === 0) return;
  const body = new Writer(1024);
  for (const entry of entries) body.string(entry);
  writer.uint8(section).string(body.finish());
}

function unwritable(why: string): RangeError {
  return new RangeError(`Cannot write key revocation list: ${why}`);
}
