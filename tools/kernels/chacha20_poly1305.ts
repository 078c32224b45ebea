/**
 * chacha20-poly1305@openssh.com, a packet at a time, for WebAssembly with SIMD (OpenSSH's
 * PROTOCOL.chacha20poly1305; RFC 8439 for the primitives).
 *
 * ChaCha20 runs four blocks abreast, each vector holding the same word of four blocks. Poly1305
 * runs two abreast, on limbs of 26 bits, whose products fit into 64.
 *
 * This is AssemblyScript. The host puts the key and the packet into memory at the addresses below.
 */

/** K_2 for packets, then K_1 for their lengths: 64 bytes. */
const KEY: usize = 0;
/** 256 bytes of key stream: four blocks. */
const STREAM: usize = 64;
/** 256 bytes of zeros: applied to them, the key stream is itself. */
const ZEROS: usize = 320;
/** The packet: its length, its payload, and room for the tag. */
const PACKET: usize = 1024;

const LENGTH_BYTES: usize = 4;
const BLOCK: usize = 64;
const STREAM_BYTES: usize = 256;
const LIMB: u64 = 0x3ffffff;

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
  blocks(KEY + 32, 0, sequence, ZEROS, STREAM);
  store<u32>(PACKET, load<u32>(PACKET) ^ load<u32>(STREAM));
  blocks(KEY, 0, sequence, ZEROS, STREAM);
  const key0 = v128.load(STREAM);
  const key1 = v128.load(STREAM + 16);
  encrypt(sequence, PACKET + LENGTH_BYTES, length - LENGTH_BYTES);
  v128.store(PACKET + length, authenticate(key0, key1, PACKET, length));
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
  const paired = length & ~31;
  if (paired > 0) absorbPairs(start, paired);
  absorb(start + paired, length - paired);
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
  const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
  let d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
  let d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
  let d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
  let d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
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

// @ts-ignore: a decorator of AssemblyScript
@inline
function both(low: u64, high: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

/** Two limbs, of 32 bits at most, to where `extmul_low` takes its factors from. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function factors(x: v128): v128 {
  return i32x4.shuffle(x, x, 0, 2, 0, 2);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function product(a: v128, b: v128): v128 {
  return i64x2.extmul_low_i32x4_u(a, b);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function sum(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.add(a, b), i64x2.add(c, d)), e);
}

/**
 * Takes in pairs of blocks, the even and the odd ones in a lane each. Both lanes are multiplied by
 * r^2, but the last time the odd one by r; their sum is then what one after the other would give.
 */
function absorbPairs(start: usize, length: usize): void {
  const limb = i64x2.splat(LIMB);
  const top = i64x2.splat(1 << 24);
  const k0 = r0, k1 = r1, k2 = r2, k3 = r3, k4 = r4;
  h0 = r0;
  h1 = r1;
  h2 = r2;
  h3 = r3;
  h4 = r4;
  multiply();
  // r^2, to be multiplied with both lanes.
  let p0 = factors(i64x2.splat(h0)), p1 = factors(i64x2.splat(h1));
  let p2 = factors(i64x2.splat(h2)), p3 = factors(i64x2.splat(h3));
  let p4 = factors(i64x2.splat(h4));
  let q1 = i32x4.mul(p1, i32x4.splat(5)), q2 = i32x4.mul(p2, i32x4.splat(5));
  let q3 = i32x4.mul(p3, i32x4.splat(5)), q4 = i32x4.mul(p4, i32x4.splat(5));
  let a0 = i64x2.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0;
  const end = start + length;
  for (let at = start; at < end; at += 32) {
    const even = v128.load(at);
    const odd = v128.load(at + 16);
    const low = i64x2.shuffle(even, odd, 0, 2);
    const high = i64x2.shuffle(even, odd, 1, 3);
    a0 = i64x2.add(a0, v128.and(low, limb));
    a1 = i64x2.add(a1, v128.and(i64x2.shr_u(low, 26), limb));
    a2 = i64x2.add(a2, v128.and(v128.or(i64x2.shr_u(low, 52), i64x2.shl(high, 12)), limb));
    a3 = i64x2.add(a3, v128.and(i64x2.shr_u(high, 14), limb));
    a4 = i64x2.add(a4, v128.or(i64x2.shr_u(high, 40), top));
    if (at + 32 == end) {
      p0 = factors(both(h0, k0));
      p1 = factors(both(h1, k1));
      p2 = factors(both(h2, k2));
      p3 = factors(both(h3, k3));
      p4 = factors(both(h4, k4));
      q1 = i32x4.mul(p1, i32x4.splat(5));
      q2 = i32x4.mul(p2, i32x4.splat(5));
      q3 = i32x4.mul(p3, i32x4.splat(5));
      q4 = i32x4.mul(p4, i32x4.splat(5));
    }
    const f0 = factors(a0), f1 = factors(a1), f2 = factors(a2), f3 = factors(a3);
    const f4 = factors(a4);
    const d0 = sum(
      product(f0, p0),
      product(f1, q4),
      product(f2, q3),
      product(f3, q2),
      product(f4, q1),
    );
    let d1 = sum(
      product(f0, p1),
      product(f1, p0),
      product(f2, q4),
      product(f3, q3),
      product(f4, q2),
    );
    let d2 = sum(
      product(f0, p2),
      product(f1, p1),
      product(f2, p0),
      product(f3, q4),
      product(f4, q3),
    );
    let d3 = sum(
      product(f0, p3),
      product(f1, p2),
      product(f2, p1),
      product(f3, p0),
      product(f4, q4),
    );
    let d4 = sum(
      product(f0, p4),
      product(f1, p3),
      product(f2, p2),
      product(f3, p1),
      product(f4, p0),
    );
    d1 = i64x2.add(d1, i64x2.shr_u(d0, 26));
    d2 = i64x2.add(d2, i64x2.shr_u(d1, 26));
    d3 = i64x2.add(d3, i64x2.shr_u(d2, 26));
    d4 = i64x2.add(d4, i64x2.shr_u(d3, 26));
    const carry = i64x2.shr_u(d4, 26);
    a0 = i64x2.add(v128.and(d0, limb), i64x2.add(carry, i64x2.shl(carry, 2)));
    a1 = i64x2.add(v128.and(d1, limb), i64x2.shr_u(a0, 26));
    a0 = v128.and(a0, limb);
    a2 = v128.and(d2, limb);
    a3 = v128.and(d3, limb);
    a4 = v128.and(d4, limb);
  }
  h0 = i64x2.extract_lane(a0, 0) + i64x2.extract_lane(a0, 1);
  h1 = i64x2.extract_lane(a1, 0) + i64x2.extract_lane(a1, 1);
  h2 = i64x2.extract_lane(a2, 0) + i64x2.extract_lane(a2, 1);
  h3 = i64x2.extract_lane(a3, 0) + i64x2.extract_lane(a3, 1);
  h4 = i64x2.extract_lane(a4, 0) + i64x2.extract_lane(a4, 1);
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
  return both(tagLow, high + i64x2.extract_lane(s, 1) + carry);
}
