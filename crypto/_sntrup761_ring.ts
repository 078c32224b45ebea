/**
 * The rings of Streamlined NTRU Prime 761: polynomials modulo x^761 - x - 1, with coefficients
 * modulo 4591 or 3. A polynomial is an array of its 761 coefficients, the constant one first, each
 * nearest to zero. They are kept as doubles, in which all of this is exact. What is computed, and
 * in which order, does not depend on them.
 *
 * @module
 */

/** How many coefficients a polynomial has. */
export const P = 761;

/** The larger modulus of the coefficients. */
export const Q = 4591;

/** A polynomial. */
export type Polynomial = Float64Array<ArrayBuffer>;

/** The representative of an integer below 2^40 that is nearest to zero. */
export function reduced(value: number, modulus: number): number {
  return value - modulus * Math.floor(value * (1 / modulus) + 0.5);
}

/**
 * The product of two polynomials.
 *
 * @param a Any polynomial.
 * @param small One whose coefficients are -1, 0 or 1.
 * @param modulus The modulus of the product's coefficients.
 */
export function multiplied(a: Polynomial, small: Polynomial, modulus: number): Polynomial {
  const product = new Float64Array(2 * P - 1);
  for (let i = 0; i < P; i++) {
    const factor = small[i] as number;
    for (let j = 0; j < P; j++) {
      product[i + j] = (product[i + j] as number) + factor * (a[j] as number);
    }
  }
  // x^761 is x + 1.
  for (let i = 2 * P - 2; i >= P; i--) {
    product[i - P] = (product[i - P] as number) + (product[i] as number);
    product[i - P + 1] = (product[i - P + 1] as number) + (product[i] as number);
  }
  return product.slice(0, P).map((value) => reduced(value, modulus));
}

/**
 * The quotient of a number and a polynomial, by division steps that are the same for every
 * polynomial: Bernstein and Yang, "Fast constant-time gcd computation and modular inversion",
 * section 6.
 *
 * @param numerator The number.
 * @param a The polynomial.
 * @param modulus The modulus of the coefficients, a prime.
 * @returns The quotient, or null if the polynomial has no reciprocal.
 */
export function quotient(numerator: number, a: Polynomial, modulus: number): Polynomial | null {
  // The ring's modulus and the polynomial, from the highest coefficient on.
  const f = new Float64Array(P + 1);
  f[0] = 1;
  f[P - 1] = f[P] = -1;
  const g = new Float64Array(P + 1);
  g.set(a.slice().reverse());
  // How often the polynomial is in each of them.
  const v = new Float64Array(P + 1);
  const r = new Float64Array(P + 1);
  r[0] = numerator;

  const steps = 2 * P - 1;
  let delta = 1;
  for (let step = 0; step < steps; step++) {
    v.copyWithin(1, 0);
    v[0] = 0;
    const f0 = f[0] as number;
    const g0 = g[0] as number;
    // 1 if delta is positive and g0 is not zero.
    const swap = (-delta >> 31) & (-(g0 * g0) >> 31) & 1;
    delta = delta * (1 - 2 * swap) + 1;
    // Higher coefficients cannot become the lowest any more, or are still zero.
    divisionStep(f, g, f0, g0, swap, modulus, Math.min(P + 1, steps + 1 - step));
    divisionStep(v, r, f0, g0, swap, modulus, Math.min(P + 1, step + 1));
    g.copyWithin(0, 1);
    g[P] = 0;
  }
  if (delta !== 0) return null;
  const scale = reciprocal(f[0] as number, modulus);
  return v.slice(0, P).reverse().map((value) => reduced(scale * value, modulus));
}

/**
 * Exchanges `a` and `b` if `swap` is 1, and f0 and g0 with them; then `b` becomes f0 b - g0 a. All
 * for the first `count` coefficients.
 */
function divisionStep(
  a: Polynomial,
  b: Polynomial,
  f0: number,
  g0: number,
  swap: number,
  modulus: number,
  count: number,
): void {
  const change0 = swap * (g0 - f0);
  const newF0 = f0 + change0;
  const newG0 = g0 - change0;
  const inverse = 1 / modulus;
  for (let i = 0; i < count; i++) {
    const oldA = a[i] as number;
    const oldB = b[i] as number;
    const change = swap * (oldB - oldA);
    const newA = oldA + change;
    a[i] = newA;
    const value = newF0 * (oldB - change) - newG0 * newA;
    b[i] = value - modulus * Math.floor(value * inverse + 0.5);
  }
}

/** The reciprocal of a number modulo a prime, by Fermat's little theorem. */
function reciprocal(value: number, prime: number): number {
  let result = 1;
  for (let i = 0; i < prime - 2; i++) result = reduced(result * value, prime);
  return result;
}
