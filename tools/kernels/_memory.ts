/**
 * Where everything is: the kernel has no other memory.
 *
 * @module
 */

/** K_2 for packets, then K_1 for their lengths: 64 bytes. */
export const KEY: usize = 0;
/** 256 bytes of key stream: four blocks. */
export const STREAM: usize = 64;
/** 256 bytes of zeros: applied to them, the key stream is itself. */
export const ZEROS: usize = 320;
/** What Poly1305 multiplies four blocks with: 18 vectors, and 18 for the last time. */
export const FACTORS: usize = 576;
export const LAST_FACTORS: usize = 864;
/** 20 limbs of 16 bits. */
export const LIMBS: usize = 1152;
/** The packet: its length, its payload, and room for the tag. */
export const PACKET: usize = 1280;
