/**
 * Sets of certificates' serial numbers, as large as revocation lists make them.
 *
 * @module
 */

/** Serial numbers from one to another, both included. */
export interface SerialRange {
  /** The first. */
  readonly first: bigint;
  /** The last. */
  readonly last: bigint;
}

/** The largest number that a serial can be. */
export const maxSerial = 0xffff_ffff_ffff_ffffn;

/** Ranges that are being collected, in any order; they may overlap. */
export class SerialRangeBuilder {
  #firsts = new BigUint64Array(16);
  #lasts = new BigUint64Array(16);
  #length = 0;

  /** How many ranges have been added, but for what joined the one before. */
  get length(): number {
    return this.#length;
  }

  /** Adds a range. */
  add(first: bigint, last: bigint): void {
    const before = this.#length - 1;
    // What is listed in order becomes few ranges at once.
    if (before >= 0 && this.#lasts[before] === first - 1n) {
      this.#lasts[before] = last;
      return;
    }
    if (this.#length === this.#firsts.length) {
      this.#firsts = grown(this.#firsts);
      this.#lasts = grown(this.#lasts);
    }
    this.#firsts[this.#length] = first;
    this.#lasts[this.#length] = last;
    this.#length++;
  }

  /** The set of all that was added. */
  build(): SerialRanges {
    // The n-th range ends before another begins exactly if the n-th end, of all ends in order,
    // lies before the next beginning, of all beginnings in order: which range an end is of, does
    // not matter.
    const firsts = this.#firsts.slice(0, this.#length).sort();
    const lasts = this.#lasts.slice(0, this.#length).sort();
    let count = 0;
    for (let i = 0, start = 0; i < firsts.length; i++) {
      const next = firsts[i + 1];
      const last = lasts[i] ?? 0n;
      if (next !== undefined && (last === maxSerial || next <= last + 1n)) continue;
      firsts[count] = firsts[start] ?? 0n;
      lasts[count] = last;
      count++;
      start = i + 1;
    }
    return new SerialRanges(firsts.subarray(0, count), lasts.subarray(0, count));
  }
}

/** A set of serial numbers: its ranges, in order, with gaps between them. */
export class SerialRanges implements Iterable<SerialRange> {
  readonly #firsts: BigUint64Array;
  readonly #lasts: BigUint64Array;

  /** Sets are made by {@linkcode SerialRangeBuilder}. */
  constructor(firsts: BigUint64Array, lasts: BigUint64Array) {
    this.#firsts = firsts;
    this.#lasts = lasts;
  }

  /** How many ranges there are. */
  get length(): number {
    return this.#firsts.length;
  }

  /** Whether a number is in the set. */
  has(serial: bigint): boolean {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firsts[middle] ?? 0n) <= serial) low = middle + 1;
      else high = middle;
    }
    return low > 0 && serial <= (this.#lasts[low - 1] ?? 0n);
  }

  /** The ranges, in order. */
  *[Symbol.iterator](): IterableIterator<SerialRange> {
    for (const [index, first] of this.#firsts.entries()) {
      yield { first, last: this.#lasts[index] ?? first };
    }
  }
}

function grown(numbers: BigUint64Array<ArrayBuffer>): BigUint64Array<ArrayBuffer> {
  const larger = new BigUint64Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
