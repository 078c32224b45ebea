/**
 * The synchronous `node:crypto`, where a runtime has one: found by feature, never imported.
 *
 * @module
 */

/** A cipher of `node:crypto`, in the part that is used here. */
export interface NodeCipher {
  setAAD(data: Uint8Array): unknown;
  setAuthTag(tag: Uint8Array): unknown;
  getAuthTag(): Uint8Array;
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

/** A hash of `node:crypto`, in the part that is used here. */
export interface NodeHash {
  copy(): NodeHash;
  update(data: Uint8Array): NodeHash;
  digest(): Uint8Array<ArrayBuffer>;
}

/** A key of `node:crypto`, of which nothing is used here. */
export type NodeKey = object;

/** How keys are exported. */
interface NodeKeyEncoding {
  readonly format: "jwk";
}

/** What `node:crypto` makes a key of: other encodings than this one take it much longer. */
interface NodeKeySource {
  readonly key: JsonWebKey;
  readonly format: "jwk";
}

/** `node:crypto`, in the part that is used here. */
export interface NodeCrypto {
  getCiphers(): string[];
  createCipheriv(name: string, key: Uint8Array, iv: Uint8Array): NodeCipher;
  createDecipheriv(name: string, key: Uint8Array, iv: Uint8Array): NodeCipher;
  createHash(name: string): NodeHash;
  /**
   * Makes a key pair. It is exported as it is made, and never later: if Node 20 collects what has
   * made a key while that key is exported, it waits for itself, for ever.
   */
  generateKeyPairSync(
    type: string,
    options: {
      readonly namedCurve?: string;
      readonly publicKeyEncoding: NodeKeyEncoding;
      /** Without one, the private key stays inside. */
      readonly privateKeyEncoding?: NodeKeyEncoding;
    },
  ): { readonly publicKey: JsonWebKey; readonly privateKey: NodeKey | JsonWebKey };
  createPublicKey(source: NodeKeySource): NodeKey;
  createPrivateKey(source: NodeKeySource): NodeKey;
  diffieHellman(keys: { readonly privateKey: NodeKey; readonly publicKey: NodeKey }): Uint8Array;
  sign(algorithm: null, data: Uint8Array, key: NodeKey): Uint8Array;
  verify(algorithm: null, data: Uint8Array, key: NodeKey, signature: Uint8Array): boolean;
}

interface ProcessLike {
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown };
}

/** OpenSSL has at least as many. */
const OPENSSL_CIPHERS = 64;

let found: NodeCrypto | null | undefined;
let ciphers: readonly string[] | undefined;

/** The runtime's `node:crypto`, or null. It is looked for once, when it is first asked for. */
export function nodeCrypto(): NodeCrypto | null {
  if (found === undefined) found = findNodeCrypto();
  return found;
}

/** The names of the ciphers that `node:crypto` has: none, if there is no `node:crypto`. */
export function nodeCiphers(): readonly string[] {
  if (ciphers === undefined) ciphers = nodeCrypto()?.getCiphers() ?? [];
  return ciphers;
}

/**
 * Whether `node:crypto` is OpenSSL itself: then nothing else is as fast for large packets. Those of
 * other runtimes are a fraction as fast as their WebCrypto, and list fewer ciphers.
 */
export function hasOpenSsl(): boolean {
  return nodeCiphers().length >= OPENSSL_CIPHERS;
}

/** What `node:crypto` gives, without the methods of Node's own class: `slice` among them differs. */
export function plainBytes({ buffer, byteOffset, length }: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}

function findNodeCrypto(): NodeCrypto | null {
  try {
    const module = (globalThis as ProcessLike).process?.getBuiltinModule?.("node:crypto") as
      | NodeCrypto
      | undefined;
    // A runtime may have the module and yet not this part of it: the calls then throw.
    module?.getCiphers();
    module?.createHash("sha256").update(new Uint8Array(1)).copy().digest();
    return module ?? null;
  } catch {
    return null;
  }
}
