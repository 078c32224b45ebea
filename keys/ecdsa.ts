/**
 * ECDSA keys on the NIST curves: `ecdsa-sha2-nistp256`, `-nistp384` and `-nistp521`, RFC 5656.
 *
 * @module
 */

import { p256, p384, p521 } from "@noble/curves/nist.js";
import { toBase64Url } from "../crypto/base64.ts";
import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { leftPad } from "./_integers.ts";
import { algorithmError, decodeSignature, encodeRs, encodeSignature } from "./_signature.ts";
import { source, webCryptoWith, type WebSignatureAlgorithm } from "./_web_crypto.ts";
import type { EcdsaCurveName, EcdsaParts, KeyType, PrivateKey, PublicKey } from "./types.ts";

/** What a curve brings with it. */
export interface EcdsaCurve {
  /** The curve's name in RFC 5656. */
  readonly name: EcdsaCurveName;
  /** The size in bits, as people call it. */
  readonly bits: 256 | 384 | 521;
  /** The length of a coordinate, and of a private number. */
  readonly coordinateBytes: number;
  /** The order n: private keys are the numbers from 1 to n - 1. */
  readonly order: () => bigint;
}

/** The curves, smallest first. */
export const ecdsaCurves: readonly EcdsaCurve[] = [
  { name: "nistp256", bits: 256, coordinateBytes: 32, order: () => p256.Point.CURVE().n },
  { name: "nistp384", bits: 384, coordinateBytes: 48, order: () => p384.Point.CURVE().n },
  { name: "nistp521", bits: 521, coordinateBytes: 66, order: () => p521.Point.CURVE().n },
];

// RFC 5656 section 6.2.1 says which hash goes with which curve; noble's curves have it built in.
const implementations = {
  nistp256: { noble: p256, web: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } },
  nistp384: { noble: p384, web: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } },
  nistp521: { noble: p521, web: { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" } },
} as const satisfies Record<EcdsaCurveName, { noble: unknown; web: WebSignatureAlgorithm }>;

/** A public key of a type `ecdsa-sha2-…`. */
export class EcdsaPublicKey implements PublicKey {
  /** `ecdsa-sha2-` and the curve's name. */
  readonly type: string;
  /** The key in the encoding of RFC 5656 section 3.1. */
  readonly blob: Uint8Array;
  /** The comment that came with the key; empty if there was none. */
  readonly comment: string;
  /** The key's type alone. */
  readonly algorithms: readonly string[];
  /** The curve. */
  readonly curve: EcdsaCurve;
  /** The point, uncompressed: 4, x, y (SEC 1 section 2.3.3). */
  readonly point: Uint8Array;
  #cryptoKey: CryptoKey | undefined;

  /**
   * Checks a point and makes it a key.
   *
   * @param curve The curve's name.
   * @param point The point, uncompressed.
   * @throws {KeyFormatError} If `point` is not an uncompressed point of the curve.
   */
  constructor(curve: EcdsaCurveName, point: Uint8Array, options: { comment?: string } = {}) {
    this.curve = curveNamed(curve);
    const why = whyNoPoint(this.curve, point);
    if (why) throw new KeyFormatError(`Cannot use ECDSA public key: ${why}`);
    this.type = `ecdsa-sha2-${curve}`;
    this.algorithms = [this.type];
    this.point = point.slice();
    this.blob = new Writer(256).string(this.type).string(curve).string(point).finish();
    this.comment = options.comment ?? "";
  }

  /** Whether `signature` is this key's over `data`: see {@linkcode PublicKey.verify}. */
  async verify(name: string, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (name !== this.type) return false;
    const bytes = decodeSignature(name, signature);
    const fixed = bytes && readRs(bytes, this.curve.coordinateBytes);
    if (!fixed) return false;
    const message = data.slice();
    const { noble, web } = implementations[this.curve.name];
    try {
      const subtle = await webCryptoWith(web);
      if (subtle !== undefined) {
        this.#cryptoKey ??= await subtle.importKey("raw", source(this.point), web, false, [
          "verify",
        ]);
        return await subtle.verify(web, this.#cryptoKey, fixed, message);
      }
      return noble.verify(fixed, message, this.point, { lowS: false });
    } catch {
      return false;
    }
  }
}

/** A private key of a type `ecdsa-sha2-…`. */
export class EcdsaPrivateKey implements PrivateKey {
  /** The public half. */
  readonly publicKey: EcdsaPublicKey;
  readonly #scalar: Uint8Array;
  #cryptoKey: CryptoKey | undefined;

  /**
   * Checks a secret and makes it a key.
   *
   * @param parts The secret, from which the public half is derived; the private number may be
   * shorter than a coordinate.
   * @throws {KeyFormatError} If the private number is zero, or not below the curve's order.
   */
  constructor(parts: Omit<EcdsaParts, "kind">, options: { comment?: string } = {}) {
    const { noble } = implementations[parts.curve];
    const scalar = leftPad(parts.scalar, curveNamed(parts.curve).coordinateBytes);
    if (scalar === null || !noble.utils.isValidSecretKey(scalar)) {
      throw new KeyFormatError(
        `Cannot use ECDSA private key: its number is not between 1 and the order of ${parts.curve}`,
      );
    }
    this.#scalar = scalar;
    const point = noble.getPublicKey(scalar, false);
    this.publicKey = new EcdsaPublicKey(parts.curve, point, options);
  }

  /** The comment that came with the key; empty if there was none. */
  get comment(): string {
    return this.publicKey.comment;
  }

  /** The secret itself. */
  parts(): EcdsaParts {
    return { kind: "ecdsa", curve: this.publicKey.curve.name, scalar: this.#scalar.slice() };
  }

  /** Signs `data`: see {@linkcode PrivateKey.sign}. */
  async sign(name: string, data: Uint8Array): Promise<Uint8Array> {
    if (name !== this.publicKey.type) throw algorithmError(this.publicKey, name);
    const message = data.slice();
    const { noble, web } = implementations[this.publicKey.curve.name];
    const subtle = await webCryptoWith(web);
    if (subtle !== undefined) {
      this.#cryptoKey ??= await subtle.importKey("jwk", this.#jwk(), web, false, ["sign"]);
      const signature = await subtle.sign(web, this.#cryptoKey, message);
      return encodeSignature(name, encodeRs(new Uint8Array(signature)));
    }
    return encodeSignature(name, encodeRs(noble.sign(message, this.#scalar, { lowS: false })));
  }

  #jwk(): JsonWebKey {
    const { curve, point } = this.publicKey;
    const middle = 1 + curve.coordinateBytes;
    return {
      kty: "EC",
      crv: implementations[curve.name].web.namedCurve,
      x: toBase64Url(point.subarray(1, middle)),
      y: toBase64Url(point.subarray(middle)),
      d: toBase64Url(this.#scalar),
    };
  }
}

/** How `ecdsa-sha2-…` blobs are read. */
export const ecdsaKeyType: KeyType = {
  names: ecdsaCurves.map((curve) => `ecdsa-sha2-${curve.name}`),
  readPublic(name: string, reader: Reader, comment: string): EcdsaPublicKey {
    const curve = curveNamed(name.slice("ecdsa-sha2-".length) as EcdsaCurveName);
    const said = reader.name("curve", 64);
    if (said !== curve.name) throw reader.error(`curve ${said} in a key of type ${name}`);
    const point = reader.string("point");
    const why = whyNoPoint(curve, point);
    if (why) throw reader.error(why);
    return new EcdsaPublicKey(curve.name, point, { comment });
  },
};

function curveNamed(name: EcdsaCurveName): EcdsaCurve {
  const curve = ecdsaCurves.find((curve) => curve.name === name);
  if (curve) return curve;
  const names = ecdsaCurves.map((curve) => curve.name).join(", ");
  throw new RangeError(`Cannot use the curve ${name}: the supported ones are ${names}`);
}

/** RFC 5656 section 3.1: the point has to be validated. Compressed ones are not in use. */
function whyNoPoint(curve: EcdsaCurve, point: Uint8Array): string | null {
  const length = 1 + 2 * curve.coordinateBytes;
  if (point.length !== length) {
    return `point of ${point.length} bytes instead of ${length}, uncompressed`;
  }
  try {
    implementations[curve.name].noble.Point.fromBytes(point);
    return null;
  } catch {
    return `point that is not on ${curve.name}`;
  }
}

/** RFC 5656 section 3.1.2: `mpint r | mpint s`, here one after the other at their full length. */
function readRs(signature: Uint8Array, coordinateBytes: number): Uint8Array<ArrayBuffer> | null {
  try {
    const reader = new Reader(signature, "ECDSA signature", KeyFormatError);
    const r = leftPad(reader.mpint("r"), coordinateBytes);
    const s = leftPad(reader.mpint("s"), coordinateBytes);
    reader.end();
    if (!r || !s) return null;
    const fixed = new Uint8Array(2 * coordinateBytes);
    fixed.set(r);
    fixed.set(s, coordinateBytes);
    return fixed;
  } catch {
    return null;
  }
}
