/**
 * Writes the data types of RFC 4251 section 5.
 *
 * @module
 */

const utf8 = /* @__PURE__ */ new TextEncoder();

/** A buffer that grows. Each method returns the writer, so that calls can be chained. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;

  /** @param room How many bytes to make room for at first, or that room itself. */
  constructor(room: number | Uint8Array<ArrayBuffer> = 256) {
    this.#bytes = typeof room === "number" ? new Uint8Array(room) : room;
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** How many bytes fit behind those that have been finished. */
  get room(): number {
    return this.#bytes.length - this.#start;
  }

  /** Drops what has been written and not been finished. */
  begin(): this {
    this.#end = this.#start;
    return this;
  }

  /** The bytes written so far; what is written from now on, stands behind them. */
  finish(): Uint8Array<ArrayBuffer> {
    const written = this.#bytes.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return written;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): this {
    const start = this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
    return this;
  }

  /** `byte` */
  uint8(value: number): this {
    const start = this.#grow(1);
    this.#bytes[start] = value;
    return this;
  }

  /** `boolean` */
  boolean(value: boolean): this {
    return this.uint8(value ? 1 : 0);
  }

  /** `uint32` */
  uint32(value: number): this {
    this.#setUint32(this.#grow(4), value);
    return this;
  }

  /** `uint64` */
  uint64(value: bigint): this {
    return this.uint32(Number(value >> 32n & 0xffffffffn)).uint32(Number(value & 0xffffffffn));
  }

  /** `string` of bytes, or of text in UTF-8. */
  string(value: Uint8Array | string): this {
    if (typeof value !== "string") return this.uint32(value.length).raw(value);
    const start = this.#grow(4 + value.length);
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) {
        this.#end = start;
        return this.string(utf8.encode(value));
      }
      this.#bytes[start + 4 + index] = unit;
    }
    this.#setUint32(start, value.length);
    return this;
  }

  /** `name-list` */
  nameList(names: readonly string[]): this {
    return this.string(names.join(","));
  }

  /** `mpint` that is not negative, from its magnitude, big-endian; leading zeros may be there. */
  mpint(magnitude: Uint8Array): this {
    let start = 0;
    while (start < magnitude.length && magnitude[start] === 0) start++;
    const bytes = magnitude.subarray(start);
    const first = bytes[0];
    if (first === undefined) return this.uint32(0);
    if (!(first & 0x80)) return this.string(bytes);
    return this.uint32(bytes.length + 1).uint8(0).raw(bytes);
  }

  #grow(count: number): number {
    if (this.#end + count > this.#bytes.length) {
      const written = this.finish();
      this.#bytes = new Uint8Array(Math.max(written.length + count, written.length * 2));
      this.#bytes.set(written);
      this.#start = 0;
      this.#end = written.length;
    }
    this.#end += count;
    return this.#end - count;
  }

  #setUint32(start: number, value: number): void {
    const bytes = this.#bytes;
    bytes[start] = value >>> 24;
    bytes[start + 1] = value >>> 16;
    bytes[start + 2] = value >>> 8;
    bytes[start + 3] = value;
  }
}
