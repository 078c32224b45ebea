/**
 * Reads the data types of RFC 4251 section 5 from bytes that a stranger sent: every length is
 * checked against what is left before it is used.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";

/** Faster than the strict one. */
const looseUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Makes the error that a {@linkcode Reader} throws. */
export type ReadErrorClass = new (message: string) => Error;

/** A cursor over bytes. What it returns as `Uint8Array` are views, not copies. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  readonly #ErrorClass: ReadErrorClass;
  #offset = 0;

  /**
   * Begins at the first byte.
   *
   * @param bytes What to read.
   * @param what What the bytes are, for messages: `KEXINIT`, `public key`.
   * @param ErrorClass What to throw: {@linkcode ProtocolError}, unless given.
   * @param start How many bytes to pass over.
   */
  constructor(
    bytes: Uint8Array,
    what: string,
    ErrorClass: ReadErrorClass = ProtocolError,
    start = 0,
  ) {
    this.#bytes = bytes;
    this.#what = what;
    this.#ErrorClass = ErrorClass;
    this.#skip(start, what);
  }

  /** Where the next field starts, in bytes from the beginning. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes have not been read. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Reads `length` bytes as they are. */
  raw(length: number, field = "bytes"): Uint8Array {
    const start = this.#skip(length, field);
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Reads all that is left. */
  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  /** What has been read from an offset on, as it is: what a signature is over. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#offset);
  }

  /** `byte` */
  uint8(field = "byte"): number {
    return this.#byte(this.#skip(1, field));
  }

  /** `boolean`: any value but 0 is true. */
  boolean(field = "boolean"): boolean {
    return this.uint8(field) !== 0;
  }

  /** `uint32` */
  uint32(field = "uint32"): number {
    return this.#uint32(this.#skip(4, field));
  }

  /** `uint64` */
  uint64(field = "uint64"): bigint {
    const start = this.#skip(8, field);
    return BigInt(this.#uint32(start)) << 32n | BigInt(this.#uint32(start + 4));
  }

  /** `string`: arbitrary bytes, at most `maxBytes` of them. */
  string(field = "string", maxBytes: number = Infinity): Uint8Array {
    const length = this.uint32(field);
    if (length > maxBytes) {
      throw this.error(`${field} of ${length} bytes, but at most ${maxBytes} are allowed`);
    }
    return this.raw(length, field);
  }

  /** `string` that has to be UTF-8 (RFC 3629). */
  text(field = "text", maxBytes: number = Infinity): string {
    const bytes = this.string(field, maxBytes);
    try {
      return strictUtf8.decode(bytes);
    } catch {
      throw this.error(`${field} is not UTF-8`);
    }
  }

  /** `string` that people read: what of it is not UTF-8 is replaced by U+FFFD. */
  looseText(field = "text", maxBytes: number = Infinity): string {
    return looseUtf8.decode(this.string(field, maxBytes));
  }

  /** `string` of US-ASCII without control characters: the name of a thing. */
  name(field = "name", maxBytes: number = Infinity): string {
    const name = this.looseText(field, maxBytes);
    if (!/^[\x20-\x7e]*$/.test(name)) throw this.error(`${field} is not printable US-ASCII`);
    return name;
  }

  /** `name-list`: at most `maxNames` names, none of them empty. */
  nameList(field = "name-list", maxNames = 1000): string[] {
    const text = this.name(field, 65536);
    if (text === "") return [];
    const names = text.split(",", maxNames + 1);
    if (names.length > maxNames) throw this.error(`${field} has more than ${maxNames} names`);
    if (names.includes("")) throw this.error(`${field} has an empty name`);
    return names;
  }

  /**
   * `mpint` that is not negative: its magnitude, big-endian, without leading zeros. Zero is the
   * empty array.
   */
  mpint(field = "mpint", maxBytes: number = Infinity): Uint8Array {
    const bytes = this.string(field, maxBytes);
    const first = bytes[0];
    if (first === undefined) return bytes;
    if (first & 0x80) throw this.error(`${field} is negative`);
    if (first !== 0) return bytes;
    const second = bytes[1];
    if (second === undefined || !(second & 0x80)) {
      throw this.error(`${field} has unnecessary leading zeros`);
    }
    return bytes.subarray(1);
  }

  /** Makes sure that nothing is left. */
  end(): void {
    if (this.remaining > 0) throw this.error(`${this.remaining} bytes too many`);
  }

  /** The error for what was found wrong at this place. */
  error(why: string): Error {
    return new this.#ErrorClass(`Cannot read ${this.#what}: ${why} (at byte ${this.#offset})`);
  }
  /** Moves on by `length` bytes, which have to be there: gives where they start. */
  #skip(length: number, field: string): number {
    if (length > this.remaining) {
      throw this.error(`${field} of ${length} bytes, but ${this.remaining} are left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  #byte(offset: number): number {
    return this.#bytes[offset] ?? 0;
  }

  #uint32(offset: number): number {
    return (this.#byte(offset) << 24 | this.#byte(offset + 1) << 16 |
      this.#byte(offset + 2) << 8 | this.#byte(offset + 3)) >>> 0;
  }
}
