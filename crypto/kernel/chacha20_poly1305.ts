/**
 * The WebAssembly kernel of `chacha20-poly1305@openssh.com`, where the runtime lets it be compiled
 * and has SIMD.
 *
 * @module
 */

import { hexToBytes } from "@noble/hashes/utils.js";
import type { ChaChaPackets } from "../_chacha20_poly1305.ts";
import { LENGTH_BYTES } from "../_packet.ts";
import { wasmHex } from "./_chacha20_poly1305_generated.ts";

/** The tag's length in bytes. */
const TAG_BYTES = 16;

interface Exports {
  readonly memory: WebAssembly.Memory;
  packetAddress(): number;
  openLength(sequence: number, sealed: number): number;
  seal(sequence: number, length: number): void;
  open(sequence: number, length: number): number;
  sign(sequence: number, length: number): void;
  verify(sequence: number, length: number): number;
}

/** The kernel; it can also leave to others what is behind a packet's length. */
export interface ChaChaKernel extends ChaChaPackets {
  /**
   * Encrypts the length of a packet, the rest of which is encrypted already, and writes the tag to
   * its end.
   */
  sign(key: Uint8Array, sequence: number, packet: Uint8Array): void;
  /** Tells whether the tag at the end of an encrypted packet is right. */
  verify(key: Uint8Array, sequence: number, packet: Uint8Array): boolean;
}

/** All connections share one: each call brings its key, and leaves none behind. */
let kernel: ChaChaKernel | null | undefined;

/** The kernel, compiled when it is first asked for; null where it cannot be. */
export function chachaKernel(): ChaChaKernel | null {
  return kernel === undefined ? kernel = load() : kernel;
}

function load(): ChaChaKernel | null {
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(hexToBytes(wasmHex)));
    return kernelOf(instance.exports as unknown as Exports);
  } catch {
    // No WebAssembly, none from bytes, or no SIMD: there is the code in JavaScript.
    return null;
  }
}

function kernelOf(wasm: Exports): ChaChaKernel {
  const memory = new Uint8Array(wasm.memory.buffer);
  const address = wasm.packetAddress();
  return {
    maxPacketBytes: memory.length - address,
    openLength(key, sequence, head) {
      memory.set(key);
      const sealed = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
      const length = wasm.openLength(sequence, sealed) >>> 0;
      memory.fill(0, 0, address);
      return length;
    },
    seal(key, sequence, packet) {
      const length = packet.length - TAG_BYTES;
      memory.set(key);
      memory.set(packet, address);
      wasm.seal(sequence, length);
      packet.set(memory.subarray(address, address + packet.length));
      memory.fill(0, 0, address);
    },
    open(key, sequence, packet) {
      const length = packet.length - TAG_BYTES;
      memory.set(key);
      memory.set(packet, address);
      const isRight = wasm.open(sequence, length) !== 0;
      memory.fill(0, 0, address);
      // A copy of a view is not filled with zeros first, as a new array is.
      return isRight
        ? new Uint8Array(memory.subarray(address + LENGTH_BYTES, address + length))
        : null;
    },
    sign(key, sequence, packet) {
      const length = packet.length - TAG_BYTES;
      memory.set(key);
      memory.set(packet, address);
      wasm.sign(sequence, length);
      packet.set(memory.subarray(address, address + LENGTH_BYTES));
      packet.set(memory.subarray(address + length, address + packet.length), length);
      memory.fill(0, 0, address);
    },
    verify(key, sequence, packet) {
      memory.set(key);
      memory.set(packet, address);
      const isRight = wasm.verify(sequence, packet.length - TAG_BYTES) !== 0;
      memory.fill(0, 0, address);
      return isRight;
    },
  };
}
