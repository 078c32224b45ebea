/**
 * Makes new data of old: what a seed decides, so that every run can be had again.
 *
 * @module
 */

import type { Dice } from "../helpers/dice.ts";
import { concat } from "../helpers/bytes.ts";
import { fromPayloads, payloadsOf } from "./_input.ts";

const INTERESTING = [0, 1, 4, 0x7f, 0x80, 0xff];
const INTERESTING_LENGTHS = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 35_000];
const MAX_BYTES = 40_000;

/** Changes bytes, here and there. */
export function mutateBytes(
  random: Dice,
  data: Uint8Array,
  corpus: readonly Uint8Array[],
): Uint8Array {
  let bytes: Uint8Array = data.slice();
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    bytes = changeBytes(random, bytes, corpus).subarray(0, MAX_BYTES);
  }
  return bytes;
}

/** Changes payloads, and their order; what stands before them stays about as it is. */
export function mutatePayloads(
  random: Dice,
  data: Uint8Array,
  corpus: readonly Uint8Array[],
  headBytes: number,
): Uint8Array {
  const head = data.slice(0, headBytes);
  if (random.chance(20)) head[random.below(headBytes)] = random.below(256);
  const payloads = payloadsOf(data.subarray(headBytes));
  const others = (): Uint8Array[] => payloadsOf(random.pick(corpus).subarray(headBytes));
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(payloads.length + 1);
    const payload = payloads[at] ?? new Uint8Array(1);
    switch (random.below(5)) {
      case 0:
        payloads.splice(at, 1);
        break;
      case 1:
        payloads.splice(at, 0, payload);
        break;
      case 2:
        payloads.splice(at, 0, ...others());
        break;
      default:
        payloads[at] = mutateBytes(random, payload, corpus);
    }
  }
  return concat([head, fromPayloads(...payloads.slice(0, 50))]);
}

function changeBytes(
  random: Dice,
  bytes: Uint8Array,
  corpus: readonly Uint8Array[],
): Uint8Array {
  const at = random.below(bytes.length + 1);
  const length = Math.min(1 + random.below(8), bytes.length - at);
  switch (random.below(8)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.pick(INTERESTING);
      return bytes;
    case 2: {
      if (at + 4 > bytes.length) return bytes;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setUint32(at, random.pick(INTERESTING_LENGTHS));
      return bytes;
    }
    case 3: {
      if (at + 4 > bytes.length) return bytes;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setUint32(at, view.getUint32(at) + random.below(9) - 4);
      return bytes;
    }
    case 4:
      return concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 5:
      return concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 6: {
      const added = Uint8Array.from({ length: 1 + random.below(20) }, () => random.below(256));
      return concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
    }
    default: {
      const other = random.pick(corpus);
      const from = random.below(other.length);
      return concat([bytes.subarray(0, at), other.subarray(from)]);
    }
  }
}
