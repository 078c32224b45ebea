/**
 * ChaCha20 (RFC 8439 section 2.4, with the 64-bit nonce of OpenSSH), four blocks abreast: each vector
 * holds the same word of four blocks.
 *
 * @module
 */

import { KEY, STREAM, ZEROS } from "./_memory";

const BLOCK: usize = 64;
const STREAM_BYTES: usize = 256;

/** Applies the key stream from block 1 on; blocks 0 to 3 are there already. */
export function encrypt(sequence: u32, start: usize, length: usize): void {
  const first = min(length, STREAM_BYTES - BLOCK);
  apply(STREAM + BLOCK, start, first);
  let at = start + first;
  const end = start + length;
  let counter: u32 = 4;
  for (; at + STREAM_BYTES <= end; at += STREAM_BYTES, counter += 4) {
    blocks(KEY, counter, sequence, at, at);
  }
  if (at == end) return;
  blocks(KEY, counter, sequence, ZEROS, STREAM);
  apply(STREAM, at, end - at);
}

/** Applies key stream that is there. */
function apply(stream: usize, start: usize, length: usize): void {
  let at = start;
  const end = start + length;
  for (; at + 16 <= end; at += 16, stream += 16) {
    v128.store(at, v128.xor(v128.load(at), v128.load(stream)));
  }
  for (; at < end; at++, stream++) store<u8>(at, load<u8>(at) ^ load<u8>(stream));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function rotl16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function rotl12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function rotl8(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function rotl7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}

/** Four words, one of each block, are applied to where each block has them. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function applyTransposed(source: usize, at: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const ab1 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const cd0 = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd1 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(at, v128.xor(v128.load(source), i64x2.shuffle(ab0, cd0, 0, 2)));
  v128.store(at + 64, v128.xor(v128.load(source + 64), i64x2.shuffle(ab0, cd0, 1, 3)));
  v128.store(at + 128, v128.xor(v128.load(source + 128), i64x2.shuffle(ab1, cd1, 0, 2)));
  v128.store(at + 192, v128.xor(v128.load(source + 192), i64x2.shuffle(ab1, cd1, 1, 3)));
}

/** Applies the four blocks of key stream from `counter` on to the 256 bytes at `source`. */
export function blocks(key: usize, counter: u32, sequence: u32, source: usize, target: usize): void {
  const c0 = i32x4.splat(0x61707865);
  const c1 = i32x4.splat(0x3320646e);
  const c2 = i32x4.splat(0x79622d32);
  const c3 = i32x4.splat(0x6b206574);
  const k0 = v128.load_splat<u32>(key);
  const k1 = v128.load_splat<u32>(key + 4);
  const k2 = v128.load_splat<u32>(key + 8);
  const k3 = v128.load_splat<u32>(key + 12);
  const k4 = v128.load_splat<u32>(key + 16);
  const k5 = v128.load_splat<u32>(key + 20);
  const k6 = v128.load_splat<u32>(key + 24);
  const k7 = v128.load_splat<u32>(key + 28);
  const counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  // A packet is far shorter than 2^32 blocks: the counter's upper word, and that of the nonce,
  // are 0. The sequence number is big-endian.
  const zero = i32x4.splat(0);
  const nonce = i32x4.splat(bswap<u32>(sequence));
  let x0 = c0, x1 = c1, x2 = c2, x3 = c3;
  let x4 = k0, x5 = k1, x6 = k2, x7 = k3;
  let x8 = k4, x9 = k5, x10 = k6, x11 = k7;
  let x12 = counters, x13 = zero, x14 = zero, x15 = nonce;
  for (let round = 0; round < 10; round++) {
    // Columns.
    x0 = i32x4.add(x0, x4);
    x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6);
    x3 = i32x4.add(x3, x7);
    x12 = rotl16(v128.xor(x12, x0));
    x13 = rotl16(v128.xor(x13, x1));
    x14 = rotl16(v128.xor(x14, x2));
    x15 = rotl16(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12);
    x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14);
    x11 = i32x4.add(x11, x15);
    x4 = rotl12(v128.xor(x4, x8));
    x5 = rotl12(v128.xor(x5, x9));
    x6 = rotl12(v128.xor(x6, x10));
    x7 = rotl12(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x4);
    x1 = i32x4.add(x1, x5);
    x2 = i32x4.add(x2, x6);
    x3 = i32x4.add(x3, x7);
    x12 = rotl8(v128.xor(x12, x0));
    x13 = rotl8(v128.xor(x13, x1));
    x14 = rotl8(v128.xor(x14, x2));
    x15 = rotl8(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12);
    x9 = i32x4.add(x9, x13);
    x10 = i32x4.add(x10, x14);
    x11 = i32x4.add(x11, x15);
    x4 = rotl7(v128.xor(x4, x8));
    x5 = rotl7(v128.xor(x5, x9));
    x6 = rotl7(v128.xor(x6, x10));
    x7 = rotl7(v128.xor(x7, x11));
    // Diagonals.
    x0 = i32x4.add(x0, x5);
    x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7);
    x3 = i32x4.add(x3, x4);
    x15 = rotl16(v128.xor(x15, x0));
    x12 = rotl16(v128.xor(x12, x1));
    x13 = rotl16(v128.xor(x13, x2));
    x14 = rotl16(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15);
    x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13);
    x9 = i32x4.add(x9, x14);
    x5 = rotl12(v128.xor(x5, x10));
    x6 = rotl12(v128.xor(x6, x11));
    x7 = rotl12(v128.xor(x7, x8));
    x4 = rotl12(v128.xor(x4, x9));
    x0 = i32x4.add(x0, x5);
    x1 = i32x4.add(x1, x6);
    x2 = i32x4.add(x2, x7);
    x3 = i32x4.add(x3, x4);
    x15 = rotl8(v128.xor(x15, x0));
    x12 = rotl8(v128.xor(x12, x1));
    x13 = rotl8(v128.xor(x13, x2));
    x14 = rotl8(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15);
    x11 = i32x4.add(x11, x12);
    x8 = i32x4.add(x8, x13);
    x9 = i32x4.add(x9, x14);
    x5 = rotl7(v128.xor(x5, x10));
    x6 = rotl7(v128.xor(x6, x11));
    x7 = rotl7(v128.xor(x7, x8));
    x4 = rotl7(v128.xor(x4, x9));
  }
  applyTransposed(
    source,
    target,
    i32x4.add(x0, c0),
    i32x4.add(x1, c1),
    i32x4.add(x2, c2),
    i32x4.add(x3, c3),
  );
  applyTransposed(
    source + 16,
    target + 16,
    i32x4.add(x4, k0),
    i32x4.add(x5, k1),
    i32x4.add(x6, k2),
    i32x4.add(x7, k3),
  );
  applyTransposed(
    source + 32,
    target + 32,
    i32x4.add(x8, k4),
    i32x4.add(x9, k5),
    i32x4.add(x10, k6),
    i32x4.add(x11, k7),
  );
  applyTransposed(
    source + 48,
    target + 48,
    i32x4.add(x12, counters),
    x13,
    x14,
    i32x4.add(x15, nonce),
  );
}
