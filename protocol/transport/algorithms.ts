/**
 * What can be negotiated (RFC 4253 section 7.1): algorithms are objects in readonly arrays, the
 * preferred one first.
 *
 * @module
 */

import {
  aes128Ctr,
  aes128Gcm,
  aes192Ctr,
  aes256Ctr,
  aes256Gcm,
  chacha20Poly1305,
  dhGroup14,
  dhGroup16,
  dhGroup18,
  ecdhP256,
  ecdhP384,
  ecdhP521,
  hmacSha256,
  hmacSha256Etm,
  hmacSha512,
  hmacSha512Etm,
  mlkem768X25519,
  sha256,
  sha384,
  sha512,
  sntrup761X25519,
  x25519Agreement,
} from "../../crypto/mod.ts";
import type { CipherAlgorithm, MacAlgorithm } from "../../crypto/types.ts";
import { certificateAlgorithm } from "../../keys/certificate_algorithms.ts";
import { supportedSignatures } from "../../keys/supported_signatures.ts";
import type { Signer } from "../../keys/types.ts";
import { type CompressionAlgorithm, noCompression, zlibDelayed } from "./compression.ts";
import { agreementMethod } from "./kex/agreement.ts";
import { groupExchangeMethod } from "./kex/group_exchange.ts";
import type { KexMethod } from "./kex/types.ts";

/** The algorithms that one end offers, each list in order of preference. */
export interface Algorithms {
  /** Key exchange methods. */
  readonly kex: readonly KexMethod[];
  /**
   * Names of signature algorithms, with certificates and without; a server offers those of them
   * that its host keys have.
   */
  readonly hostKeys: readonly string[];
  /** Ciphers, for either direction. */
  readonly ciphers: readonly CipherAlgorithm[];
  /** MACs, for ciphers that do not authenticate by themselves. */
  readonly macs: readonly MacAlgorithm[];
  /** Compression methods, for either direction. */
  readonly compression: readonly CompressionAlgorithm[];
}

const certificateSignatures: readonly string[] = supportedSignatures.map(certificateAlgorithm)
  .filter((name) => name !== null);

/** Every algorithm that is supported and not known to be weak. What a client offers by default. */
export const supportedAlgorithms: Algorithms = {
  kex: [
    agreementMethod("mlkem768x25519-sha256", sha256, mlkem768X25519),
    agreementMethod("sntrup761x25519-sha512", sha512, sntrup761X25519),
    agreementMethod("sntrup761x25519-sha512@openssh.com", sha512, sntrup761X25519),
    agreementMethod("curve25519-sha256", sha256, x25519Agreement),
    agreementMethod("curve25519-sha256@libssh.org", sha256, x25519Agreement),
    agreementMethod("ecdh-sha2-nistp256", sha256, ecdhP256),
    agreementMethod("ecdh-sha2-nistp384", sha384, ecdhP384),
    agreementMethod("ecdh-sha2-nistp521", sha512, ecdhP521),
    groupExchangeMethod("diffie-hellman-group-exchange-sha256", sha256),
    agreementMethod("diffie-hellman-group16-sha512", sha512, dhGroup16),
    agreementMethod("diffie-hellman-group18-sha512", sha512, dhGroup18),
    agreementMethod("diffie-hellman-group14-sha256", sha256, dhGroup14),
  ],
  hostKeys: [...certificateSignatures, ...supportedSignatures],
  ciphers: [chacha20Poly1305, aes256Gcm, aes128Gcm, aes256Ctr, aes192Ctr, aes128Ctr],
  macs: [hmacSha256Etm, hmacSha512Etm, hmacSha256, hmacSha512],
  compression: [noCompression, zlibDelayed],
};

/**
 * What a server offers by default: of the supported algorithms those that auditors have no
 * objection to. The NIST curves, encrypt-and-MAC and the 2048-bit group are left out, and so is
 * sntrup761x25519-sha512 by its first name, `@openssh.com`, which ssh-audit takes for experimental.
 */
export const serverAlgorithms: Algorithms = /* @__PURE__ */ selectAlgorithms({
  kex: [
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
  ],
  macs: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
});

/** Names of algorithms, each list in order of preference. */
export interface AlgorithmNames {
  /** Names of key exchange methods. */
  readonly kex?: readonly string[];
  /** Names of signature algorithms of host keys. */
  readonly hostKeys?: readonly string[];
  /** Names of ciphers. */
  readonly ciphers?: readonly string[];
  /** Names of MACs. */
  readonly macs?: readonly string[];
  /** Names of compression methods. */
  readonly compression?: readonly string[];
}

/**
 * Picks algorithms by their names, in the order given. A list that is left out is taken whole.
 *
 * @param names What to pick.
 * @param from What to pick from: {@linkcode supportedAlgorithms}, unless given.
 * @throws {TypeError} If a name is not among them; the message lists those that are.
 */
export function selectAlgorithms(
  names: AlgorithmNames,
  from: Algorithms = supportedAlgorithms,
): Algorithms {
  return {
    kex: select("key exchange", names.kex, from.kex),
    hostKeys: select("host key", names.hostKeys, from.hostKeys.map((name) => ({ name })))
      .map(({ name }) => name),
    ciphers: select("cipher", names.ciphers, from.ciphers),
    macs: select("MAC", names.macs, from.macs),
    compression: select("compression", names.compression, from.compression),
  };
}

/** What a server can offer with the keys it has. */
export function withHostKeys(algorithms: Algorithms, signers: readonly Signer[]): Algorithms {
  const have = new Set(signers.flatMap((signer) => signer.publicKey.algorithms));
  return { ...algorithms, hostKeys: algorithms.hostKeys.filter((name) => have.has(name)) };
}

function select<T extends { readonly name: string }>(
  kind: string,
  names: readonly string[] | undefined,
  from: readonly T[],
): readonly T[] {
  if (names === undefined) return from;
  return names.map((name) => {
    const found = from.find((algorithm) => algorithm.name === name);
    if (found !== undefined) return found;
    throw new TypeError(
      `Cannot use the ${kind} algorithm ${JSON.stringify(name)}: ` +
        `supported are ${from.map((algorithm) => algorithm.name).join(", ")}`,
    );
  });
}
