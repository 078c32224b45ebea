/**
 * What WebCrypto can do here. A runtime may have none at all (a page that was not served over
 * TLS), or lack an algorithm: Ed25519 came late, and P-521 is not everywhere.
 *
 * @module
 */

/** A signature algorithm, as WebCrypto asks for it. */
export interface WebSignatureAlgorithm {
  readonly name: string;
  readonly namedCurve?: string;
  readonly hash?: string;
}

/** WebCrypto, or nothing. */
export function webCrypto(): SubtleCrypto | undefined {
  return globalThis.crypto?.subtle;
}

// Results are kept, not promises: in a Workers isolate one request must not wait for another's.
const tried = new Map<string, boolean>();

/** WebCrypto if it signs and verifies with an algorithm on a curve; tried once, for real. */
export async function webCryptoWith(
  algorithm: WebSignatureAlgorithm,
): Promise<SubtleCrypto | undefined> {
  const subtle = webCrypto();
  if (subtle === undefined) return undefined;
  const id = algorithm.namedCurve ?? algorithm.name;
  let works = tried.get(id);
  if (works === undefined) {
    works = await tryOut(subtle, algorithm);
    tried.set(id, works);
  }
  return works ? subtle : undefined;
}

/** Bytes as WebCrypto's types want them; whatever they lie in, they are read before it returns. */
export function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

async function tryOut(subtle: SubtleCrypto, algorithm: WebSignatureAlgorithm): Promise<boolean> {
  try {
    const pair = await subtle.generateKey(algorithm, false, ["sign", "verify"]) as CryptoKeyPair;
    const data = new Uint8Array(3);
    const signature = await subtle.sign(algorithm, pair.privateKey, data);
    return await subtle.verify(algorithm, pair.publicKey, signature, data);
  } catch {
    return false;
  }
}
