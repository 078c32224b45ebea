/**
 * Poly1305 (RFC 8439 section 2.5). Of long messages four blocks are taken in abreast, on limbs of 13
 * bits, of which two are multiplied, and the products added, at once.
 *
 * @module
 */

import { FACTORS, LAST_FACTORS, LIMBS } from "./_memory";

const LIMB: u64 = 0x3ffffff;
/** From here on taking four blocks at once saves more than what it costs to ready it. */
const WORTHWHILE: usize = 256;

/** The accumulator of Poly1305, and its key: five limbs of 26 bits each. */
let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;
let r0: u64 = 0, r1: u64 = 0, r2: u64 = 0, r3: u64 = 0, r4: u64 = 0;

/** Poly1305 (RFC 8439 section 2.5) of `length` bytes, under the key r || s. */
export function authenticate(r: v128, s: v128, start: usize, length: usize): v128 {
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
