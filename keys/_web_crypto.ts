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
export const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;

// Results are kept, not promises: in a Workers isolate one request must not wait for another's.
const tried = new Map<string, boolean>();

/** Whether WebCrypto signs and verifies with an algorithm on a curve; tried once, for real. */
export async function signsWith(algorithm: WebSignatureAlgorithm): Promise<boolean> {
  const id = algorithm.namedCurve ?? algorithm.name;
  const known = tried.get(id);
  if (known !== undefined) return known;
  const works = await tryOut(algorithm);
  tried.set(id, works);
  return works;
}

/** Bytes as WebCrypto's types want them; whatever they lie in, they are read before it returns. */
export function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

async function tryOut(algorithm: WebSignatureAlgorithm): Promise<boolean> {
  if (subtle === undefined) return false;
  try {
    const pair = await subtle.generateKey(algorithm, false, ["sign", "verify"]) as CryptoKeyPair;
    const data = new Uint8Array(3);
    const signature = await subtle.sign(algorithm, pair.privateKey, data);
    return await subtle.verify(algorithm, pair.publicKey, signature, data);
  } catch {
    return false;
  }
}
