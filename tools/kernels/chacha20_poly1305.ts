/**
 * chacha20-poly1305@openssh.com, a packet at a time, for WebAssembly with SIMD (OpenSSH's
 * PROTOCOL.chacha20poly1305; RFC 8439 for the primitives).
 *
 * ChaCha20 runs four blocks abreast, each vector holding the same word of four blocks. Poly1305
 * does so too, on limbs of 13 bits, of which two are multiplied, and the products added, at once.
 *
 * This is AssemblyScript. The host puts the key and the packet into memory at the addresses below.
 */

/** K_2 for packets, then K_1 for their lengths: 64 bytes. */
const KEY: usize = 0;
/** 256 bytes of key stream: four blocks. */
const STREAM: usize = 64;
/** 256 bytes of zeros: applied to them, the key stream is itself. */
const ZEROS: usize = 320;
/** What Poly1305 multiplies four blocks with: 18 vectors, and 18 for the last time. */
const FACTORS: usize = 576;
const LAST_FACTORS: usize = 864;
/** 20 limbs of 16 bits. */
const LIMBS: usize = 1152;
/** The packet: its length, its payload, and room for the tag. */
const PACKET: usize = 1280;

const LENGTH_BYTES: usize = 4;
const BLOCK: usize = 64;
const STREAM_BYTES: usize = 256;
const LIMB: u64 = 0x3ffffff;
/** From here on taking four blocks at once saves more than what it costs to ready it. */
const WORTHWHILE: usize = 256;

/** Where the packet is to be put. */
export function packetAddress(): usize {
  return PACKET;
}

/** Tells the packet length whose four encrypted bytes are given, little-endian. */
export function openLength(sequence: u32, sealed: u32): u32 {
  blocks(KEY + 32, 0, sequence, ZEROS, STREAM);
  return bswap<u32>(sealed ^ load<u32>(STREAM));
}

/** Encrypts the packet of `length` bytes in place, and writes its tag behind it. */
export function seal(sequence: u32, length: usize): void {
  sealLength(sequence);
  blocks(KEY, 0, sequence, ZEROS, STREAM);
  const key0 = v128.load(STREAM);
  const key1 = v128.load(STREAM + 16);
  encrypt(sequence, PACKET + LENGTH_BYTES, length - LENGTH_BYTES);
  v128.store(PACKET + length, authenticate(key0, key1, PACKET, length));
}

/**
 * Encrypts the length of the packet of `length` bytes, the rest of which is encrypted already, and
 * writes its tag behind it.
 */
export function sign(sequence: u32, length: usize): void {
  sealLength(sequence);
  v128.store(PACKET + length, tagOf(sequence, length));
}

/** Tells whether the tag behind the packet of `length` bytes is right. */
export function verify(sequence: u32, length: usize): bool {
  return !v128.any_true(v128.xor(tagOf(sequence, length), v128.load(PACKET + length)));
}

/**
 * Verifies the tag behind the packet of `length` bytes, and decrypts the packet in place, but for
 * its length. Without a right tag nothing is decrypted.
 */
export function open(sequence: u32, length: usize): bool {
  if (!verify(sequence, length)) return false;
  encrypt(sequence, PACKET + LENGTH_BYTES, length - LENGTH_BYTES);
  return true;
}

function sealLength(sequence: u32): void {
  blocks(KEY + 32, 0, sequence, ZEROS, STREAM);
  store<u32>(PACKET, load<u32>(PACKET) ^ load<u32>(STREAM));
}

/** Block 0 of the key stream begins with Poly1305's key; what it leaves behind is used, too. */
function tagOf(sequence: u32, length: usize): v128 {
  blocks(KEY, 0, sequence, ZEROS, STREAM);
  return authenticate(v128.load(STREAM), v128.load(STREAM + 16), PACKET, length);
}

/** Applies the key stream from block 1 on; blocks 0 to 3 are there already. */
function encrypt(sequence: u32, start: usize, length: usize): void {
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
function blocks(key: usize, counter: u32, sequence: u32, source: usize, target: usize): void {
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

/** The accumulator of Poly1305, and its key: five limbs of 26 bits each. */
let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;
let r0: u64 = 0, r1: u64 = 0, r2: u64 = 0, r3: u64 = 0, r4: u64 = 0;

/** Poly1305 (RFC 8439 section 2.5) of `length` bytes, under the key r || s. */
function authenticate(r: v128, s: v128, start: usize, length: usize): v128 {
  const rLow = i64x2.extract_lane(r, 0) & 0x0ffffffc0fffffff;
  const rHigh = i64x2.extract_lane(r, 1) & 0x0ffffffc0ffffffc;
  r0 = rLow & LIMB;
  r1 = (rLow >> 26) & LIMB;
  r2 = ((rLow >> 52) | (rHigh << 12)) & LIMB;
  r3 = (rHigh >> 14) & LIMB;
  r4 = rHigh >> 40;
  h0 = h1 = h2 = h3 = h4 = 0;
  const abreast = length >= WORTHWHILE ? length & ~63 : 0;
  if (abreast > 0) absorbFours(start, abreast);
  absorb(start + abreast, length - abreast);
  return tag(s);
}

/** Takes in blocks one after the other; the last may be short. */
function absorb(start: usize, length: usize): void {
  let at = start;
  let left = length;
  while (left > 0) {
    let low: u64, high: u64, top: u64;
    if (left >= 16) {
      low = load<u64>(at);
      high = load<u64>(at, 8);
      top = 1 << 24;
      at += 16;
      left -= 16;
    } else {
      // The last block ends with a 1, and zeros to its full length.
      low = 0;
      high = 0;
      for (let i: usize = 0; i < left; i++) {
        const byte = <u64>load<u8>(at + i);
        if (i < 8) low |= byte << (i * 8);
        else high |= byte << ((i - 8) * 8);
      }
      if (left < 8) low |= <u64>1 << (left * 8);
      else high |= <u64>1 << ((left - 8) * 8);
      top = 0;
      left = 0;
    }
    h0 += low & LIMB;
    h1 += (low >> 26) & LIMB;
    h2 += ((low >> 52) | (high << 12)) & LIMB;
    h3 += (high >> 14) & LIMB;
    h4 += (high >> 40) | top;
    multiply();
  }
}

/** h = h * r, carried as far as the next multiplication needs. */
function multiply(): void {
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  carry(
    h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1,
    h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2,
    h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3,
    h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4,
    h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0,
  );
}

/** The accumulator, of limbs that are too long. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function carry(d0: u64, d1: u64, d2: u64, d3: u64, d4: u64): void {
  d1 += d0 >> 26;
  d2 += d1 >> 26;
  d3 += d2 >> 26;
  d4 += d3 >> 26;
  h0 = (d0 & LIMB) + (d4 >> 26) * 5;
  h1 = (d1 & LIMB) + (h0 >> 26);
  h0 &= LIMB;
  h2 = d2 & LIMB;
  h3 = d3 & LIMB;
  h4 = d4 & LIMB;
}

/**
 * The 18 vectors of factors of a power of r that a product takes: `FACTORS + 128 + 16 * m` has, in
 * each lane, `R(m)` in its lower half and `R(m - 1)` in its upper one. `R(m)` is limb m of the
 * power, of 13 bits and signed; below 0 it is 5 times limb 10 + m, since 2^130 is 5.
 */
function putFactors(factors: usize, firstLane: usize, lastLane: usize): void {
  // Limbs of -4096 to 4095: five times as much is still within 16 bits, signs and all.
  let carry: i32 = 0;
  for (let i: usize = 0; i < 10; i++) {
    const pair = <i32>(i < 2 ? h0 : i < 4 ? h1 : i < 6 ? h2 : i < 8 ? h3 : h4);
    const limb = (i & 1 ? pair >> 13 : pair & 0x1fff) + carry;
    carry = (limb + 4096) >> 13;
    store<i16>(LIMBS + 20 + i * 2, limb - (carry << 13));
  }
  store<i16>(LIMBS + 20, load<i16>(LIMBS + 20) + carry * 5);
  for (let i: usize = 0; i < 10; i++) {
    store<i16>(LIMBS + i * 2, load<i16>(LIMBS + 20 + i * 2) * 5);
  }
  for (let i: usize = 0; i < 18; i++) {
    const pair = <u32>load<u16>(LIMBS + i * 2 + 4) | <u32>load<u16>(LIMBS + i * 2 + 2) << 16;
    for (let lane = firstLane; lane <= lastLane; lane++) {
      store<u32>(factors + i * 16 + lane * 4, pair);
    }
  }
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function dot(a: v128, factors: usize): v128 {
  return i32x4.dot_i16x8_s(a, v128.load(factors));
}

/** Limb n of a product: `factors` are those of R(n). */
// @ts-ignore: a decorator of AssemblyScript
@inline
function product(factors: usize, a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return i32x4.add(
    i32x4.add(
      i32x4.add(dot(a, factors), dot(b, factors - 32)),
      i32x4.add(dot(c, factors - 64), dot(d, factors - 96)),
    ),
    dot(e, factors - 128),
  );
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function carryOf(x: v128): v128 {
  return i32x4.shr_s(x, 13);
}

/** A limb into the lower half of each lane, and the next one into the upper. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function paired(low: v128, high: v128): v128 {
  return i16x8.shuffle(low, i32x4.shl(high, 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

/**
 * Takes in blocks, every fourth of them in the same lane. Lanes are multiplied by r^4, but the last
 * time by r^4, r^3, r^2 and r; their sum is then what one after the other would give.
 *
 * Limbs have 13 bits, so that the sum of ten products of a limb with a factor is within 32:
 * 8191 * (4096 + 9 * 5 * 4096) < 2^30.6.
 */
function absorbFours(start: usize, length: usize): void {
  h0 = r0;
  h1 = r1;
  h2 = r2;
  h3 = r3;
  h4 = r4;
  putFactors(LAST_FACTORS, 3, 3);
  multiply();
  putFactors(LAST_FACTORS, 2, 2);
  multiply();
  putFactors(LAST_FACTORS, 1, 1);
  multiply();
  putFactors(LAST_FACTORS, 0, 0);
  putFactors(FACTORS, 0, 3);
  const mask26 = i32x4.splat(0x3ffffff);
  const mask = i32x4.splat(0x1fff);
  const top = i32x4.splat(1 << 24);
  let a = i32x4.splat(0), b = a, c = a, d = a, e = a;
  const end = start + length;
  let factors = FACTORS + 128;
  for (let at = start;; at += 64) {
    if (at == end) factors = LAST_FACTORS + 128;
    let d0 = product(factors, a, b, c, d, e);
    let d1 = product(factors + 16, a, b, c, d, e);
    let d2 = product(factors + 32, a, b, c, d, e);
    let d3 = product(factors + 48, a, b, c, d, e);
    let d4 = product(factors + 64, a, b, c, d, e);
    let d5 = product(factors + 80, a, b, c, d, e);
    let d6 = product(factors + 96, a, b, c, d, e);
    let d7 = product(factors + 112, a, b, c, d, e);
    let d8 = product(factors + 128, a, b, c, d, e);
    let d9 = product(factors + 144, a, b, c, d, e);
    if (at == end) {
      carry(
        sumOf(d0, 0x1ffb) + (sumOf(d1, 0x1fff) << 13),
        sumOf(d2, 0x1fff) + (sumOf(d3, 0x1fff) << 13),
        sumOf(d4, 0x1fff) + (sumOf(d5, 0x1fff) << 13),
        sumOf(d6, 0x1fff) + (sumOf(d7, 0x1fff) << 13),
        sumOf(d8, 0x1fff) + (sumOf(d9, 0x1fff) << 13),
      );
      return;
    }
    // The same word of each of four blocks.
    const m0 = v128.load(at), m1 = v128.load(at + 16), m2 = v128.load(at + 32);
    const m3 = v128.load(at + 48);
    const m01 = i32x4.shuffle(m0, m1, 0, 4, 1, 5), n01 = i32x4.shuffle(m0, m1, 2, 6, 3, 7);
    const m23 = i32x4.shuffle(m2, m3, 0, 4, 1, 5), n23 = i32x4.shuffle(m2, m3, 2, 6, 3, 7);
    const w0 = i64x2.shuffle(m01, m23, 0, 2), w1 = i64x2.shuffle(m01, m23, 1, 3);
    const w2 = i64x2.shuffle(n01, n23, 0, 2), w3 = i64x2.shuffle(n01, n23, 1, 3);
    // 26 bits at every second limb: what is too much for it is carried to the next.
    d0 = i32x4.add(d0, v128.and(w0, mask26));
    d2 = i32x4.add(d2, v128.and(v128.or(i32x4.shr_u(w0, 26), i32x4.shl(w1, 6)), mask26));
    d4 = i32x4.add(d4, v128.and(v128.or(i32x4.shr_u(w1, 20), i32x4.shl(w2, 12)), mask26));
    d6 = i32x4.add(d6, v128.and(v128.or(i32x4.shr_u(w2, 14), i32x4.shl(w3, 18)), mask26));
    d8 = i32x4.add(d8, v128.or(i32x4.shr_u(w3, 8), top));

    d1 = i32x4.add(d1, carryOf(d0));
    d6 = i32x4.add(d6, carryOf(d5));
    d2 = i32x4.add(d2, carryOf(d1));
    d7 = i32x4.add(d7, carryOf(d6));
    d3 = i32x4.add(d3, carryOf(d2));
    d8 = i32x4.add(d8, carryOf(d7));
    d4 = i32x4.add(d4, carryOf(d3));
    d9 = i32x4.add(d9, carryOf(d8));
    d5 = i32x4.add(v128.and(d5, mask), carryOf(d4));
    const over = carryOf(d9);
    d0 = i32x4.add(v128.and(d0, mask), i32x4.add(over, i32x4.shl(over, 2)));
    d6 = i32x4.add(v128.and(d6, mask), carryOf(d5));
    d1 = i32x4.add(v128.and(d1, mask), carryOf(d0));
    a = paired(v128.and(d0, mask), d1);
    b = paired(v128.and(d2, mask), v128.and(d3, mask));
    c = paired(v128.and(d4, mask), v128.and(d5, mask));
    d = paired(d6, v128.and(d7, mask));
    e = paired(v128.and(d8, mask), v128.and(d9, mask));
  }
}

/** The sum of four lanes, and 2^21 times a limb of the prime, so that it is not negative. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function sumOf(lanes: v128, primeLimb: u64): u64 {
  const pairs = i64x2.add(i64x2.extend_low_i32x4_s(lanes), i64x2.extend_high_i32x4_s(lanes));
  return i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1) + (primeLimb << 21);
}

/** h + s: carried fully, and less the prime if that leaves nothing negative. */
function tag(s: v128): v128 {
  h1 += h0 >> 26;
  h0 &= LIMB;
  h2 += h1 >> 26;
  h1 &= LIMB;
  h3 += h2 >> 26;
  h2 &= LIMB;
  h4 += h3 >> 26;
  h3 &= LIMB;
  h0 += (h4 >> 26) * 5;
  h4 &= LIMB;
  h1 += h0 >> 26;
  h0 &= LIMB;
  const g0 = h0 + 5;
  const g1 = h1 + (g0 >> 26);
  const g2 = h2 + (g1 >> 26);
  const g3 = h3 + (g2 >> 26);
  const g4 = h4 + (g3 >> 26);
  // All ones if h is at least the prime.
  const above = 0 - (g4 >> 26);
  h0 = (h0 & ~above) | (g0 & LIMB & above);
  h1 = (h1 & ~above) | (g1 & LIMB & above);
  h2 = (h2 & ~above) | (g2 & LIMB & above);
  h3 = (h3 & ~above) | (g3 & LIMB & above);
  h4 = (h4 & ~above) | (g4 & LIMB & above);
  const low = h0 | (h1 << 26) | (h2 << 52);
  const high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
  const tagLow = low + i64x2.extract_lane(s, 0);
  const carry: u64 = tagLow < low ? 1 : 0;
  return i64x2.replace_lane(i64x2.splat(tagLow), 1, high + i64x2.extract_lane(s, 1) + carry);
}
