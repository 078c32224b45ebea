/**
 * Ed25519 (RFC 8032) by `node:crypto`: at once, and with less ado than by WebCrypto.
 *
 * @module
 */

import { fromBase64Url, toBase64Url } from "./base64.ts";
import { type NodeCrypto, nodeCrypto, type NodeKey } from "./_node_crypto.ts";

/** Ed25519 as `node:crypto` does it. */
export interface NodeEd25519 {
  /** Readies a public key of 32 bytes: gives what verifies signatures, and throws if it cannot. */
  verifier(publicKey: Uint8Array): (data: Uint8Array, signature: Uint8Array) => boolean;
  /** Readies a private key, the seed and the public key of 32 bytes each: gives what signs. */
  signer(seed: Uint8Array, publicKey: Uint8Array): (data: Uint8Array) => Uint8Array;
}

/**
 * How many public keys are kept as `node:crypto` has imported them, those used last: a host's is
 * seen at each connection to it, and to import one takes a third as long as to verify.
 */
const KNOWN_KEYS = 64;

let found: NodeEd25519 | null | undefined;

/** Ed25519 of the runtime's `node:crypto`, or null. It is tried out once, when first asked for. */
export function nodeEd25519(): NodeEd25519 | null {
  if (found === undefined) found = find();
  return found;
}

function ed25519Of(node: NodeCrypto): NodeEd25519 {
  const known = new Map<string, NodeKey>();
  function importKey(publicKey: Uint8Array): NodeKey {
    const jwk = jwkOf(publicKey);
    const name = jwk.x ?? "";
    const key = known.get(name) ?? node.createPublicKey({ key: jwk, format: "jwk" });
    known.delete(name);
    known.set(name, key);
    if (known.size > KNOWN_KEYS) known.delete(known.keys().next().value ?? "");
    return key;
  }
  return {
    verifier(publicKey) {
      const key = importKey(publicKey);
      return (data, signature) => node.verify(null, data, key, signature);
    },
    signer(seed, publicKey) {
      const jwk = { ...jwkOf(publicKey), d: toBase64Url(seed) };
      const key = node.createPrivateKey({ key: jwk, format: "jwk" });
      // What comes back is a Buffer, whose methods are not those of its parent.
      return (data) => new Uint8Array(node.sign(null, data, key));
    },
  };
}

/** RFC 8037 section 2 */
function jwkOf(publicKey: Uint8Array): JsonWebKey {
  return { kty: "OKP", crv: "Ed25519", x: toBase64Url(publicKey) };
}

function find(): NodeEd25519 | null {
  const node = nodeCrypto();
  try {
    if (node === null) return null;
    const encoding = { format: "jwk" } as const;
    const { privateKey } = node.generateKeyPairSync("ed25519", {
      publicKeyEncoding: encoding,
      privateKeyEncoding: encoding,
    });
    const { x = "", d = "" } = privateKey as JsonWebKey;
    const [publicKey, seed] = [fromBase64Url(x), fromBase64Url(d)];
    const ed25519 = ed25519Of(node);
    const signature = ed25519.signer(seed, publicKey)(seed);
    const verify = ed25519.verifier(publicKey);
    return verify(seed, signature) && !verify(publicKey, signature) ? ed25519 : null;
  } catch {
    return null;
  }
}
