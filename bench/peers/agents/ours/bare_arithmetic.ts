/**
 * The arithmetic that no login with curve25519-sha256 and keys of Ed25519 can go without, at both
 * ends, by `node:crypto`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";

type CurveName = "X25519" | "Ed25519";

/** A key pair; of the public key, the 32 bytes that are sent. */
interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** What both ends have sent by the time they hash it, about. */
const EXCHANGE_BYTES = 1500;
/** RFC 4253 section 7.2: the shared secret, the exchange hash, a letter and the session's name. */
const DERIVATION_BYTES = 100;
/** Two each: initialization vectors, keys of ciphers, and keys of MACs. */
const DERIVED_KEYS = 6;
/** RFC 4252 section 7, about. */
const REQUEST_BYTES = 150;

/** Makes the keys of both ends, and gives what does the arithmetic of one login. */
export function createLogin(): () => void {
  const [host, user] = [generate("Ed25519"), generate("Ed25519")];
  const exchange = new Uint8Array(EXCHANGE_BYTES);
  const request = new Uint8Array(REQUEST_BYTES);
  return () => {
    const [near, far] = [generate("X25519"), generate("X25519")];
    const secret = agree(near, far.publicKey);
    if (!timingSafeEqual(secret, agree(far, near.publicKey))) {
      throw new Error("The ends have not agreed");
    }
    const [hash] = [deriveKeys(exchange, secret), deriveKeys(exchange, secret)];
    prove(hash, host);
    prove(request, user);
  };
}

/**
 * The public key is exported as it is made, and never later: Node 20 can wait for itself for ever
 * then. JSON Web Keys are what `node:crypto` is fastest with.
 */
function generate(curve: CurveName): KeyPair {
  const publicKeyEncoding = { format: "jwk" } as const;
  const { publicKey, privateKey } = curve === "X25519"
    ? generateKeyPairSync("x25519", { publicKeyEncoding })
    : generateKeyPairSync("ed25519", { publicKeyEncoding });
  // The types tell of keys that are not exported.
  const exported: unknown = publicKey;
  const { x = "" } = exported as JsonWebKey;
  return { publicKey: Buffer.from(x, "base64url"), privateKey };
}

/** RFC 8037 section 2 */
function readPublicKey(curve: CurveName, bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: curve, x }, format: "jwk" });
}

function agree({ privateKey }: KeyPair, peerKey: Uint8Array): Uint8Array {
  return diffieHellman({ privateKey, publicKey: readPublicKey("X25519", peerKey) });
}

/** What one end derives; gives the exchange hash. */
function deriveKeys(exchange: Uint8Array, secret: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(exchange).update(secret).digest();
  const input = new Uint8Array(DERIVATION_BYTES);
  for (let key = 0; key < DERIVED_KEYS; key++) {
    input[0] = key;
    createHash("sha256").update(input).digest();
  }
  return hash;
}

/** Signs at one end, and verifies at the other. */
function prove(data: Uint8Array, { privateKey, publicKey }: KeyPair): void {
  const signature = sign(null, data, privateKey);
  if (!verify(null, data, readPublicKey("Ed25519", publicKey), signature)) {
    throw new Error("A signature is wrong");
  }
}
