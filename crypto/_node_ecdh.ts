/**
 * Diffie-Hellman on curves by `node:crypto`: at once, and with less ado than by WebCrypto.
 *
 * @module
 */

import { fromBase64Url, toBase64Url } from "./base64.ts";
import { type NodeCrypto, nodeCrypto } from "./_node_crypto.ts";

/** A curve's name in JSON Web Keys. */
export type NodeCurveName = "X25519" | "P-256";

/** A private key that stays inside of `node:crypto`, and its share. */
export interface NodeKeyPair {
  /** The public key, uncompressed. */
  readonly share: Uint8Array;
  /**
   * The shared secret.
   *
   * @throws {Error} If the share is not a valid one.
   */
  agree(peerShare: Uint8Array): Uint8Array;
}

/** A curve that `node:crypto` may have. */
export interface NodeCurve {
  /** Makes a key pair with the platform's randomness, or gives null if there is no such curve. */
  generate(): NodeKeyPair | null;
}

/** A curve of `node:crypto`. Whether it is there is tried out once, when it is first asked for. */
export function createNodeCurve(name: NodeCurveName): NodeCurve {
  let node: NodeCrypto | null | undefined;
  return {
    generate() {
      if (node === undefined) node = nodeCryptoWith(name);
      return node && generate(node, name);
    },
  };
}

function generate(node: NodeCrypto, name: NodeCurveName): NodeKeyPair {
  const publicKeyEncoding = { format: "jwk" } as const;
  const { publicKey, privateKey } = name === "X25519"
    ? node.generateKeyPairSync("x25519", { publicKeyEncoding })
    : node.generateKeyPairSync("ec", { namedCurve: name, publicKeyEncoding });
  return {
    share: shareOf(publicKey),
    agree(peerShare) {
      const peer = node.createPublicKey({ key: jwkOf(name, peerShare), format: "jwk" });
      // What comes back is a Buffer, whose methods are not those of its parent.
      return new Uint8Array(node.diffieHellman({ privateKey, publicKey: peer }));
    },
  };
}

/** RFC 8037 section 2 and RFC 7518 section 6.2.1: x alone, or both coordinates. */
function jwkOf(name: NodeCurveName, share: Uint8Array): JsonWebKey {
  if (name === "X25519") return { kty: "OKP", crv: name, x: toBase64Url(share) };
  const middle = (share.length + 1) / 2;
  const [x, y] = [share.subarray(1, middle), share.subarray(middle)];
  return { kty: "EC", crv: name, x: toBase64Url(x), y: toBase64Url(y) };
}

function shareOf({ x = "", y }: JsonWebKey): Uint8Array {
  const first = fromBase64Url(x);
  return y === undefined ? first : Uint8Array.of(4, ...first, ...fromBase64Url(y));
}

function nodeCryptoWith(name: NodeCurveName): NodeCrypto | null {
  const node = nodeCrypto();
  try {
    if (node === null) return null;
    const [one, other] = [generate(node, name), generate(node, name)];
    const [secret, same] = [one.agree(other.share), other.agree(one.share)];
    return secret.length === 32 && secret.join() === same.join() ? node : null;
  } catch {
    return null;
  }
}
