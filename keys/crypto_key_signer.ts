/**
 * Signing with WebCrypto's keys, which need not be ones that can be exported: then nobody can take
 * them away, the program itself included.
 *
 * @module
 */

import { fromBase64Url } from "../crypto/base64.ts";
import { algorithmError, encodeRs, encodeSignature } from "./_signature.ts";
import { source, webCrypto, type WebSignatureAlgorithm } from "./_web_crypto.ts";
import { EcdsaPublicKey } from "./ecdsa.ts";
import { Ed25519PublicKey } from "./ed25519.ts";
import { RsaPublicKey } from "./rsa.ts";
import type { EcdsaCurveName, PublicKey, Signer } from "./types.ts";

/** What WebCrypto says of a key, as far as it matters here. */
interface WebKeyAlgorithm {
  readonly name: string;
  readonly namedCurve?: string;
  readonly hash?: { readonly name: string };
}

/** How a key of WebCrypto's signs. */
interface Method {
  /** The one algorithm of SSH's that it can sign with. */
  readonly algorithm: string;
  readonly web: WebSignatureAlgorithm;
  /** Makes what SSH has in a signature of what WebCrypto gives. */
  encode(signature: Uint8Array): Uint8Array;
}

const asItIs = (signature: Uint8Array): Uint8Array => signature;
const RSA = "RSASSA-PKCS1-v1_5";

const methods: readonly Method[] = [
  { algorithm: "ssh-ed25519", web: { name: "Ed25519" }, encode: asItIs },
  ecdsa("nistp256", "P-256", "SHA-256"),
  ecdsa("nistp384", "P-384", "SHA-384"),
  ecdsa("nistp521", "P-521", "SHA-512"),
  { algorithm: "rsa-sha2-512", web: { name: RSA, hash: "SHA-512" }, encode: asItIs },
  { algorithm: "rsa-sha2-256", web: { name: RSA, hash: "SHA-256" }, encode: asItIs },
];

/**
 * Makes a signer of a pair of WebCrypto's keys: Ed25519, ECDSA on P-256, P-384 or P-521, or
 * RSASSA-PKCS1-v1_5 with SHA-512 or SHA-256, which is then the only hash that it signs with. The
 * private key need not be one that can be exported, and is never asked to be.
 *
 * @param keys The pair; the public key has to be one that can be exported.
 * @param options `comment` goes with the public half.
 * @throws {TypeError} If a key is of another algorithm, or may not sign; or if the two are of
 * different algorithms, or the public one cannot be exported.
 * @throws {KeyFormatError} If the key is too weak to be used.
 *
 * @example A key that never leaves WebCrypto
 * ```ts
 * import { cryptoKeySigner, formatPublicKeyLine } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const algorithm = { name: "ECDSA", namedCurve: "P-256" };
 * const keys = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
 * const signer = await cryptoKeySigner(keys, { comment: "ada@example" });
 * assert.match(formatPublicKeyLine(signer.publicKey), /^ecdsa-sha2-nistp256 \S+ ada@example$/);
 * ```
 */
export async function cryptoKeySigner(
  keys: CryptoKeyPair,
  options: { readonly comment?: string } = {},
): Promise<Signer> {
  const { privateKey } = keys;
  const subtle = webCrypto();
  if (subtle === undefined) throw refusal("this runtime has no WebCrypto");
  const method = methodOf(privateKey);
  if (privateKey.type !== "private" || !privateKey.usages.includes("sign")) {
    throw refusal("the private key is not one that may sign");
  }
  if (!keys.publicKey.extractable || methodOf(keys.publicKey) !== method) {
    throw refusal("the public key cannot be exported, or is of another algorithm");
  }
  const jwk = await subtle.exportKey("jwk", keys.publicKey);
  const publicKey = publicKeyOf(method, jwk, options);
  return {
    publicKey,
    async sign(algorithm, data) {
      if (algorithm !== method.algorithm) throw algorithmError(publicKey, algorithm);
      const signature = await subtle.sign(method.web, privateKey, source(data.slice()));
      return encodeSignature(algorithm, method.encode(new Uint8Array(signature)));
    },
  };
}

function ecdsa(curve: EcdsaCurveName, namedCurve: string, hash: string): Method {
  const web = { name: "ECDSA", namedCurve, hash };
  return { algorithm: `ecdsa-sha2-${curve}`, web, encode: encodeRs };
}

function methodOf({ algorithm }: CryptoKey): Method {
  const { name, namedCurve, hash } = algorithm as WebKeyAlgorithm;
  const method = methods.find(({ web }) =>
    web.name === name && web.namedCurve === namedCurve &&
    // Of an ECDSA key the hash is only said with each signature.
    (name !== RSA || web.hash === hash?.name)
  );
  if (method !== undefined) return method;
  const said = [name, namedCurve, hash?.name].filter((word) => word !== undefined).join(" ");
  throw refusal(
    `it is of ${said}, and not of Ed25519, of ECDSA on P-256, P-384 or P-521, or of ${RSA} ` +
      "with SHA-512 or SHA-256",
  );
}

function publicKeyOf(
  { algorithm }: Method,
  jwk: JsonWebKey,
  options: { readonly comment?: string },
): PublicKey {
  const [n, e, x, y] = [jwk.n, jwk.e, jwk.x, jwk.y].map((text = "") => fromBase64Url(text)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (algorithm === "ssh-ed25519") return new Ed25519PublicKey(x, options);
  if (algorithm.startsWith("rsa-")) {
    return new RsaPublicKey(n, e, { ...options, algorithms: [algorithm] });
  }
  const curve = algorithm.slice("ecdsa-sha2-".length) as EcdsaCurveName;
  return new EcdsaPublicKey(curve, Uint8Array.of(4, ...x, ...y), options);
}

function refusal(why: string): TypeError {
  return new TypeError(`Cannot sign with a key of WebCrypto's: ${why}`);
}
