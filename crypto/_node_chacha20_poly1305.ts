/**
 * `chacha20-poly1305@openssh.com` with ChaCha20 of `node:crypto` and Poly1305 of the kernel: ChaCha20
 * by instructions that WebAssembly does not have takes half the time for large packets.
 *
 * @module
 */

import type { ChaChaPackets } from "./_chacha20_poly1305.ts";
import { move } from "./collector.ts";
import { nodeCiphers, type NodeCrypto, nodeCrypto, plainBytes } from "./_node_crypto.ts";
import { LENGTH_BYTES } from "./_packet.ts";
import type { ChaChaKernel } from "./kernel/chacha20_poly1305.ts";

const NAME = "chacha20";
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** From here on what `node:crypto` saves is more than what its cipher costs to set up. */
const WORTHWHILE_BYTES = 8192;

/** The cipher with whatever does large packets best: the kernel itself, if nothing else does. */
export function fastestChaCha(kernel: ChaChaKernel): ChaChaPackets {
  const node = nodeCiphers().includes(NAME) ? nodeCrypto() : null;
  return node === null ? kernel : withNode(kernel, node);
}

/** The kernel, but what is behind the length of large packets is encrypted by `node:crypto`. */
export function withNode(kernel: ChaChaKernel, node: NodeCrypto): ChaChaPackets {
  return {
    ...kernel,
    seal(key, sequence, packet) {
      if (packet.length < WORTHWHILE_BYTES) return kernel.seal(key, sequence, packet);
      move(chacha20(node, key, sequence, packet), packet, LENGTH_BYTES);
      kernel.sign(key, sequence, packet);
    },
    open(key, sequence, packet) {
      if (packet.length < WORTHWHILE_BYTES) return kernel.open(key, sequence, packet);
      if (!kernel.verify(key, sequence, packet)) return null;
      return plainBytes(chacha20(node, key, sequence, packet));
    },
  };
}

/** What is between a packet's length and its tag, encrypted or decrypted, in a buffer of its own. */
function chacha20(
  node: NodeCrypto,
  key: Uint8Array,
  sequence: number,
  packet: Uint8Array,
): Uint8Array {
  const cipher = node.createCipheriv(NAME, key.subarray(0, KEY_BYTES), ivOf(sequence));
  const result = cipher.update(packet.subarray(LENGTH_BYTES, packet.length - TAG_BYTES));
  // There is nothing left, but on Deno what is not finished is never let go of.
  cipher.final();
  return result;
}

/** OpenSSL's form of the counter and the nonce: block 1, little-endian, and the sequence number. */
function ivOf(sequence: number): Uint8Array {
  const iv = new Uint8Array(16);
  iv[0] = 1;
  new DataView(iv.buffer).setUint32(12, sequence);
  return iv;
}
