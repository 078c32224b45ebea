/**
 * `chacha20-poly1305@openssh.com` with ChaCha20 of `node:crypto` and Poly1305 of the kernel: that is
 * the fastest way to open large packets where `node:crypto` is OpenSSL. What it gives is in a buffer
 * of its own, as opened packets have to be; for sealing that is one buffer too many.
 *
 * @module
 */

import type { ChaChaPackets } from "./_chacha20_poly1305.ts";
import {
  hasOpenSsl,
  nodeCiphers,
  type NodeCrypto,
  nodeCrypto,
  plainBytes,
} from "./_node_crypto.ts";
import { LENGTH_BYTES } from "./_packet.ts";
import type { ChaChaKernel } from "./kernel/chacha20_poly1305.ts";

const NAME = "chacha20";
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** From here on what OpenSSL saves is more than what its cipher costs to set up. */
const WORTHWHILE_BYTES = 8192;

/** The cipher with whatever does large packets best: the kernel itself, if nothing else does. */
export function fastestChaCha(kernel: ChaChaKernel): ChaChaPackets {
  const node = hasOpenSsl() && nodeCiphers().includes(NAME) ? nodeCrypto() : null;
  return node === null ? kernel : withNode(kernel, node);
}

/** The kernel, but large packets are decrypted by `node:crypto`. */
export function withNode(kernel: ChaChaKernel, node: NodeCrypto): ChaChaPackets {
  return {
    ...kernel,
    open(key, sequence, packet) {
      if (packet.length < WORTHWHILE_BYTES) return kernel.open(key, sequence, packet);
      if (!kernel.verify(key, sequence, packet)) return null;
      const cipher = node.createDecipheriv(NAME, key.subarray(0, KEY_BYTES), ivOf(sequence));
      return plainBytes(cipher.update(packet.subarray(LENGTH_BYTES, packet.length - TAG_BYTES)));
    },
  };
}

/** OpenSSL's form of the counter and the nonce: block 1, little-endian, and the sequence number. */
function ivOf(sequence: number): Uint8Array {
  const iv = new Uint8Array(16);
  iv[0] = 1;
  new DataView(iv.buffer).setUint32(12, sequence);
  return iv;
}
