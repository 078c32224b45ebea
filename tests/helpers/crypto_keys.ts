/**
 * WebCrypto's keys of each kind that signs for SSH. None of the private ones can be exported.
 *
 * @module
 */

const rsa = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
};

/** The kinds, and the algorithm that each signs with. */
export const webKeyKinds: readonly {
  readonly title: string;
  readonly algorithm: string;
  readonly web: AlgorithmIdentifier | EcKeyGenParams | RsaHashedKeyGenParams;
}[] = [
  { title: "Ed25519", algorithm: "ssh-ed25519", web: { name: "Ed25519" } },
  {
    title: "ECDSA P-256",
    algorithm: "ecdsa-sha2-nistp256",
    web: { name: "ECDSA", namedCurve: "P-256" },
  },
  {
    title: "ECDSA P-384",
    algorithm: "ecdsa-sha2-nistp384",
    web: { name: "ECDSA", namedCurve: "P-384" },
  },
  {
    title: "ECDSA P-521",
    algorithm: "ecdsa-sha2-nistp521",
    web: { name: "ECDSA", namedCurve: "P-521" },
  },
  { title: "RSA with SHA-512", algorithm: "rsa-sha2-512", web: { ...rsa, hash: "SHA-512" } },
  { title: "RSA with SHA-256", algorithm: "rsa-sha2-256", web: { ...rsa, hash: "SHA-256" } },
];

const made = new Map<string, Promise<CryptoKeyPair>>();

/** A pair of a kind, the same one whenever it is asked for. */
export function makeCryptoKeys(title: string): Promise<CryptoKeyPair> {
  let keys = made.get(title);
  if (keys === undefined) {
    const kind = webKeyKinds.find((kind) => kind.title === title);
    if (kind === undefined) throw new RangeError(`Cannot make keys: ${title} is not a kind`);
    keys = crypto.subtle.generateKey(kind.web, false, ["sign", "verify"]) as Promise<CryptoKeyPair>;
    made.set(title, keys);
  }
  return keys;
}
