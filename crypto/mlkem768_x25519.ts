/**
 * ML-KEM-768 (FIPS 203) together with X25519, as `mlkem768x25519-sha256` uses them
 * (draft-ietf-sshm-mlkem-hybrid-kex).
 *
 * @module
 */

import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { hybridAgreement } from "./_hybrid.ts";
import type { PlatformKem } from "./_kem.ts";
import { nodeCrypto } from "./_node_crypto.ts";
import { type NodeKemCrypto, nodeMlkem768 } from "./_node_mlkem768.ts";
import { webMlkem768 } from "./_web_mlkem768.ts";
import { sha256 } from "./hashes.ts";
import type { KeyAgreement } from "./types.ts";

const SEED_BYTES = 64;
const MESSAGE_BYTES = 32;

/**
 * ML-KEM-768 with X25519. The client's share is an encapsulation key of 1184 bytes and an X25519
 * share of 32; the server's is a ciphertext of 1088 bytes and an X25519 share. The secret is the
 * SHA-256 of both secrets, a string of 32 bytes.
 */
export const mlkem768X25519: KeyAgreement = /* @__PURE__ */ hybridAgreement({
  name: "ML-KEM-768 with X25519",
  hash: sha256,
  publicKeyBytes: 1184,
  ciphertextBytes: 1088,
  generate: (random) => ml_kem768.keygen(random(SEED_BYTES)),
  // Checks the key's coefficients too, which FIPS 203 section 7.2 asks for.
  encapsulate(publicKey, random) {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, random(MESSAGE_BYTES));
    return { ciphertext: cipherText, secret: sharedSecret };
  },
  decapsulate: (ciphertext, secretKey) => ml_kem768.decapsulate(ciphertext, secretKey),
  platform: platformMlkem768,
});

/** Node has both, but warns of WebCrypto's. */
function platformMlkem768(): PlatformKem {
  const node = nodeCrypto() as Partial<NodeKemCrypto> | null;
  return node?.encapsulate === undefined ? webMlkem768 : nodeMlkem768(node as NodeKemCrypto);
}
