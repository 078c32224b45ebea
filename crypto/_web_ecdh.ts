/**
 * Diffie-Hellman on curves by WebCrypto, on runtimes that have the curve.
 *
 * @module
 */

/** A curve's name in WebCrypto. */
export type WebCurveName = "X25519" | "P-256" | "P-384" | "P-521";

/** A private key that stays inside of WebCrypto, and its share. */
export interface WebKeyPair {
  /** The public key, uncompressed. */
  readonly share: Uint8Array;
  /**
   * The shared secret.
   *
   * @throws {DOMException} If the share is not a valid one.
   */
  agree(peerShare: Uint8Array): Promise<Uint8Array>;
}

/** A curve that WebCrypto may have. */
export interface WebCurve {
  /** Makes a key pair with the platform's randomness, or gives null if there is no such curve. */
  generate(): Promise<WebKeyPair | null>;
}

/**
 * A curve of WebCrypto. Whether it is there is tried out once, when it is first asked for.
 *
 * @param name The curve.
 * @param secretBytes The shared secret's length in bytes.
 */
export function createWebCurve(name: WebCurveName, secretBytes: number): WebCurve {
  let supported: Promise<boolean> | undefined;
  return {
    async generate() {
      supported ??= agreesWithItself(name, secretBytes);
      return await supported ? await generate(name, secretBytes) : null;
    },
  };
}

async function generate(name: WebCurveName, secretBytes: number): Promise<WebKeyPair> {
  const algorithm = name === "X25519" ? { name } : { name: "ECDH", namedCurve: name };
  const { subtle } = crypto;
  const pair = await subtle.generateKey(algorithm, false, ["deriveBits"]) as CryptoKeyPair;
  return {
    share: new Uint8Array(await subtle.exportKey("raw", pair.publicKey)),
    async agree(peerShare) {
      const raw = new Uint8Array(peerShare);
      const peer = await subtle.importKey("raw", raw, algorithm, false, []);
      const parameters = { name: algorithm.name, public: peer };
      return new Uint8Array(await subtle.deriveBits(parameters, pair.privateKey, secretBytes * 8));
    },
  };
}

async function agreesWithItself(name: WebCurveName, secretBytes: number): Promise<boolean> {
  try {
    const key = await generate(name, secretBytes);
    return (await key.agree(key.share)).length === secretBytes;
  } catch {
    return false;
  }
}
