/**
 * chacha20-poly1305@openssh.com, a packet at a time, for WebAssembly with SIMD (OpenSSH's
 * PROTOCOL.chacha20poly1305; RFC 8439 for the primitives).
 *
 * This is AssemblyScript. The host puts the key into memory at 0, and the packet where it is told.
 */

import { blocks, encrypt } from "./_chacha20";
import { KEY, PACKET, STREAM, ZEROS } from "./_memory";
import { authenticate } from "./_poly1305";

const LENGTH_BYTES: usize = 4;

/** Where the packet is to be put. */
export function packetAddress(): usize {
  return PACKET;
}

/** Tells the packet length whose four encrypted bytes are given, little-endian. */
export function openLength(sequence: u32, sealed: u32): u32 {
  blocks(KEY + 32, 0, sequence, ZEROS, STREAM);
  return bswap<u32>(sealed ^ load<u32>(STREAM));
}

/** Encrypts the packet of `length` bytes in place, and writes its tag behind it. */
export function seal(sequence: u32, length: usize): void {
  sealLength(sequence);
  blocks(KEY, 0, sequence, ZEROS, STREAM);
  const key0 = v128.load(STREAM);
  const key1 = v128.load(STREAM + 16);
  encrypt(sequence, PACKET + LENGTH_BYTES, length - LENGTH_BYTES);
  v128.store(PACKET + length, authenticate(key0, key1, PACKET, length));
}

/**
 * Encrypts the length of the packet of `length` bytes, the rest of which is encrypted already, and
 * writes its tag behind it.
 */
export function sign(sequence: u32, length: usize): void {
  sealLength(sequence);
  v128.store(PACKET + length, tagOf(sequence, length));
}

/** Tells whether the tag behind the packet of `length` bytes is right. */
export function verify(sequence: u32, length: usize): bool {
  return !v128.any_true(v128.xor(tagOf(sequence, length), v128.load(PACKET + length)));
}

/**
 * Verifies the tag behind the packet of `length` bytes, and decrypts the packet in place, but for
 * its length. Without a right tag nothing is decrypted.
 */
export function open(sequence: u32, length: usize): bool {
  if (!verify(sequence, length)) return false;
  encrypt(sequence, PACKET + LENGTH_BYTES, length - LENGTH_BYTES);
  return true;
}

function sealLength(sequence: u32): void {
  blocks(KEY + 32, 0, sequence, ZEROS, STREAM);
  store<u32>(PACKET, load<u32>(PACKET) ^ load<u32>(STREAM));
}

/** Block 0 of the key stream begins with Poly1305's key; what it leaves behind is used, too. */
function tagOf(sequence: u32, length: usize): v128 {
  blocks(KEY, 0, sequence, ZEROS, STREAM);
  return authenticate(v128.load(STREAM), v128.load(STREAM + 16), PACKET, length);
}
