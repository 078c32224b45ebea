/**
 * The little of ASN.1's distinguished encoding (X.690) that keys are written in: definite lengths
 * in the shortest form, tags below 31.
 *
 * @module
 */

import { concatBytes } from "@noble/curves/utils.js";
import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { trimZeros } from "./_integers.ts";

const tags = { integer: 0x02, bits: 0x03, octets: 0x04, null: 0x05, oid: 0x06, sequence: 0x30 };

/** Reads values one after another. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #reader: Reader;
  readonly #what: string;

  /** @param what What the bytes are, for messages: `PKCS#8 private key`. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#reader = new Reader(bytes, what, KeyFormatError);
    this.#what = what;
  }

  /** Whether nothing is left. */
  get done(): boolean {
    return this.#reader.remaining === 0;
  }

  /** `SEQUENCE` */
  sequence(field: string): DerReader {
    return new DerReader(this.#value(tags.sequence, field), `${field} of ${this.#what}`);
  }

  /** `INTEGER` that is not negative: its magnitude, without leading zeros. */
  integer(field: string): Uint8Array {
    const bytes = this.#value(tags.integer, field);
    const [first, second] = bytes;
    if (first === undefined) throw this.error(`${field} is an empty INTEGER`);
    if (first & 0x80) throw this.error(`${field} is negative`);
    if (first !== 0) return bytes;
    if (second !== undefined && !(second & 0x80)) throw this.error(`${field} has leading zeros`);
    return bytes.subarray(1);
  }

  /** `INTEGER` from 0 to 2^31 - 1. */
  smallInteger(field: string): number {
    const bytes = this.integer(field);
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (value >= 2 ** 31) throw this.error(`${field} is too large`);
    return value;
  }

  /** `OCTET STRING` */
  octets(field: string): Uint8Array {
    return this.#value(tags.octets, field);
  }

  /** `BIT STRING` of whole bytes. */
  bits(field: string): Uint8Array {
    const bytes = this.#value(tags.bits, field);
    if (bytes[0] !== 0) throw this.error(`${field} is not made of whole bytes`);
    return bytes.subarray(1);
  }

  /** `OBJECT IDENTIFIER` in dotted form. */
  oid(field: string): string {
    const bytes = this.#value(tags.oid, field);
    const numbers: number[] = [];
    let number = 0;
    for (const byte of bytes) {
      number = number * 128 + (byte & 0x7f);
      if (number >= 2 ** 31) throw this.error(`${field} is too large`);
      if (byte & 0x80) continue;
      numbers.push(number);
      number = 0;
    }
    const [first, ...rest] = numbers;
    if (first === undefined || ((bytes.at(-1) ?? 0) & 0x80)) throw this.error(`${field} is cut`);
    const root = Math.min(Math.floor(first / 40), 2);
    return [root, first - root * 40, ...rest].join(".");
  }

  /** `NULL`, which may be left out. */
  optionalNull(field: string): void {
    if (this.optional(tags.null, field)?.length) throw this.error(`${field} is not NULL`);
  }

  /** Whether an `INTEGER` comes next. */
  get atInteger(): boolean {
    return this.#peek() === tags.integer;
  }

  /** What has the explicit tag `[number]`, if it comes next. */
  tagged(number: number, field: string): DerReader | null {
    const content = this.optional(0xa0 | number, field);
    return content && new DerReader(content, `${field} of ${this.#what}`);
  }

  /** The content of a value of any tag, if it comes next. */
  optional(tag: number, field: string): Uint8Array | null {
    return this.#peek() === tag ? this.#value(tag, field) : null;
  }

  /** Makes sure that nothing is left. */
  end(): void {
    this.#reader.end();
  }

  /** The error for what was found wrong at this place. */
  error(why: string): Error {
    return this.#reader.error(why);
  }

  #peek(): number | undefined {
    return this.#bytes[this.#reader.offset];
  }

  #value(tag: number, field: string): Uint8Array {
    const found = this.#reader.uint8(field);
    if (found !== tag) {
      throw this.error(`${field} has the tag 0x${found.toString(16)}, not 0x${tag.toString(16)}`);
    }
    return this.#reader.raw(this.#length(field), field);
  }

  #length(field: string): number {
    const first = this.#reader.uint8(`length of ${field}`);
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw this.error(`length of ${field} in ${count} bytes`);
    const length = this.#reader.raw(count, `length of ${field}`)
      .reduce((sum, byte) => sum * 256 + byte, 0);
    if (length < 0x80 || length < 256 ** (count - 1)) {
      throw this.error(`length of ${field} is not in its shortest form`);
    }
    return length;
  }
}

/** `SEQUENCE` of encoded values. */
export function derSequence(...values: Uint8Array[]): Uint8Array {
  return derValue(tags.sequence, ...values);
}

/** `INTEGER` from a magnitude, big-endian. */
export function derInteger(magnitude: Uint8Array | number): Uint8Array {
  const bytes = trimZeros(
    typeof magnitude === "number" ? new Writer(4).uint32(magnitude).finish() : magnitude,
  );
  const padded = bytes.length === 0 || (bytes[0] as number) & 0x80;
  return derValue(tags.integer, ...(padded ? [new Uint8Array(1)] : []), bytes);
}

/** `OCTET STRING` */
export function derOctets(bytes: Uint8Array): Uint8Array {
  return derValue(tags.octets, bytes);
}

/** `BIT STRING` of whole bytes. */
export function derBits(bytes: Uint8Array): Uint8Array {
  return derValue(tags.bits, new Uint8Array(1), bytes);
}

/** `NULL` */
export function derNull(): Uint8Array {
  return derValue(tags.null);
}

/** `OBJECT IDENTIFIER` from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [root = 0, first = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [root * 40 + first, ...rest].flatMap((number) => {
    const groups = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | left & 0x7f);
    return groups;
  });
  return derValue(tags.oid, new Uint8Array(bytes));
}

/** A value with the explicit tag `[number]` around it. */
export function derTagged(number: number, value: Uint8Array): Uint8Array {
  return derValue(0xa0 | number, value);
}

function derValue(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const content = concatBytes(...contents);
  const { length } = content;
  if (length < 0x80) return concatBytes(new Uint8Array([tag, length]), content);
  const lengthBytes = trimZeros(new Writer(4).uint32(length).finish());
  return concatBytes(new Uint8Array([tag, 0x80 | lengthBytes.length]), lengthBytes, content);
}
