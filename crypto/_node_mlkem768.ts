/**
 * ML-KEM-768 by `node:crypto`, which has it from Node 24.7 on.
 *
 * @module
 */

import type { PlatformKem } from "./_kem.ts";

/** A key of `node:crypto`, of which nothing is used here. */
export type NodeKemKey = object;

/** How public keys are written. */
interface NodeKemEncoding {
  readonly format: "der";
  readonly type: "spki";
}

/** The part of `node:crypto` that has to do with it. */
export interface NodeKemCrypto {
  /** Makes a key pair, and exports it as it is made: later is not safe (`NodeCrypto` says why). */
  generateKeyPairSync(
    type: "ml-kem-768",
    options: { readonly publicKeyEncoding: NodeKemEncoding },
  ): { readonly publicKey: Uint8Array; readonly privateKey: NodeKemKey };
  createPublicKey(source: NodeKemEncoding & { readonly key: Uint8Array }): NodeKemKey;
  encapsulate(
    key: NodeKemKey,
  ): { readonly sharedKey: Uint8Array; readonly ciphertext: Uint8Array };
  decapsulate(key: NodeKemKey, ciphertext: Uint8Array): Uint8Array;
}

/** RFC 9935 section 4: what stands before the 1184 bytes of a public key in its DER. */
const SPKI_HEAD = Uint8Array.of(
  ...[0x30, 0x82, 0x04, 0xb2, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48],
  ...[0x01, 0x65, 0x03, 0x04, 0x04, 0x02, 0x03, 0x82, 0x04, 0xa1, 0x00],
);

/** The mechanism of a `node:crypto` that has it. Buffers do not leave it: their methods differ. */
export function nodeMlkem768(node: NodeKemCrypto): PlatformKem {
  return {
    generate() {
      const { publicKey, privateKey } = node.generateKeyPairSync("ml-kem-768", {
        publicKeyEncoding: { format: "der", type: "spki" },
      });
      return {
        publicKey: new Uint8Array(publicKey).subarray(SPKI_HEAD.length),
        decapsulate: (ciphertext) => new Uint8Array(node.decapsulate(privateKey, ciphertext)),
      };
    },
    encapsulate(publicKey) {
      const der = new Uint8Array(SPKI_HEAD.length + publicKey.length);
      der.set(SPKI_HEAD);
      der.set(publicKey, SPKI_HEAD.length);
      const key = node.createPublicKey({ key: der, format: "der", type: "spki" });
      const { sharedKey, ciphertext } = node.encapsulate(key);
      return { ciphertext: new Uint8Array(ciphertext), secret: new Uint8Array(sharedKey) };
    },
  };
}
