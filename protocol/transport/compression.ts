/**
 * Compression of payloads: RFC 4253 section 6.2, and OpenSSH's `zlib@openssh.com`, which starts
 * after authentication only.
 *
 * @module
 */

import { concatBytes } from "@noble/hashes/utils.js";
import {
  Z_BUF_ERROR,
  Z_DEFAULT_STRATEGY,
  Z_OK,
  Z_PARTIAL_FLUSH,
  Z_SYNC_FLUSH,
  zlibDeflate,
  zlibDeflateInit2,
  zlibInflate,
  zlibInflateInit,
  ZStream,
} from "pako";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";

/** Compresses the payloads of one direction, one after another. */
export interface Compressor {
  /**
   * Compresses a payload, so that the peer can have all of it back at once.
   *
   * @param payload The payload, which stays as it is.
   * @returns The compressed payload.
   */
  compress(payload: Uint8Array): Uint8Array;
}

/** Decompresses the payloads of one direction, one after another. */
export interface Decompressor {
  /**
   * Decompresses a payload.
   *
   * @param payload The compressed payload.
   * @param maxBytes How long the payload may become. No more than that, and a chunk, is allocated.
   * @returns The payload.
   * @throws {ProtocolError} If it is longer, or no part of a zlib stream; the connection is lost.
   */
  decompress(payload: Uint8Array, maxBytes: number): Uint8Array;
}

/** A compression that can be negotiated. */
export interface CompressionAlgorithm {
  /** The name on the wire. */
  readonly name: string;
  /** Whether it starts after authentication, and not with NEWKEYS. */
  readonly delayed: boolean;
  /**
   * Begins a stream.
   *
   * @param level From 1, the fastest, to 9, the smallest; the algorithm's own unless given.
   */
  createCompressor(level?: number): Compressor;
  /** Begins to read a stream. */
  createDecompressor(): Decompressor;
}

/** `none`: payloads as they are. */
export const noCompression: CompressionAlgorithm = {
  name: "none",
  delayed: false,
  createCompressor: () => ({ compress: (payload) => payload }),
  createDecompressor: () => ({ decompress: (payload) => payload }),
};

/** `zlib@openssh.com` at level 6. */
export const zlibDelayed: CompressionAlgorithm = /* @__PURE__ */ zlibWithLevel(6);

/**
 * `zlib@openssh.com` at another level.
 *
 * @param level From 1, the fastest, to 9, the smallest.
 * @throws {RangeError} If it is no such level.
 */
export function zlibWithLevel(level: number): CompressionAlgorithm {
  checkLevel(level);
  return {
    name: "zlib@openssh.com",
    delayed: true,
    createCompressor: (otherLevel = level) => createDeflater(otherLevel),
    createDecompressor: createInflater,
  };
}

/** How much comes out of zlib at a time: most payloads, whole. */
const CHUNK_BYTES = 36 * 1024;

/** RFC 1950's compression method, and the largest window. */
const METHOD_DEFLATE = 8;
const WINDOW_BITS = 15;
const MEMORY_LEVEL = 8;

function createDeflater(level: number): Compressor {
  checkLevel(level);
  const stream = new ZStream();
  const status = zlibDeflateInit2(
    stream,
    level,
    METHOD_DEFLATE,
    WINDOW_BITS,
    MEMORY_LEVEL,
    Z_DEFAULT_STRATEGY,
  );
  if (status !== Z_OK) throw new Error(`Cannot compress: zlib gives ${status}`);
  const chunk = new Uint8Array(CHUNK_BYTES);
  return {
    compress(payload) {
      feed(stream, payload);
      const chunks: Uint8Array[] = [];
      do {
        takeInto(stream, chunk);
        const status = zlibDeflate(stream, Z_PARTIAL_FLUSH);
        if (status !== Z_OK && status !== Z_BUF_ERROR) {
          throw new Error(`Cannot compress: zlib gives ${status}`);
        }
        chunks.push(chunk.slice(0, stream.next_out));
      } while (stream.avail_out === 0);
      return concatBytes(...chunks);
    },
  };
}

function createInflater(): Decompressor {
  const stream = new ZStream();
  const status = zlibInflateInit(stream);
  if (status !== Z_OK) throw new Error(`Cannot decompress: zlib gives ${status}`);
  const chunk = new Uint8Array(CHUNK_BYTES);
  return {
    decompress(payload, maxBytes) {
      feed(stream, payload);
      const chunks: Uint8Array[] = [];
      let total = 0;
      do {
        takeInto(stream, chunk);
        const status = zlibInflate(stream, Z_SYNC_FLUSH);
        // The end of the stream is an error too: it goes on as long as the connection does.
        if (status !== Z_OK && status !== Z_BUF_ERROR) {
          throw compressionError("it is not the next part of a zlib stream");
        }
        total += stream.next_out;
        if (total > maxBytes) throw compressionError(`it has more than ${maxBytes} bytes`);
        chunks.push(chunk.slice(0, stream.next_out));
      } while (stream.avail_out === 0);
      return concatBytes(...chunks);
    },
  };
}

function feed(stream: ZStream, payload: Uint8Array): void {
  stream.input = payload;
  stream.next_in = 0;
  stream.avail_in = payload.length;
}

function takeInto(stream: ZStream, chunk: Uint8Array<ArrayBuffer>): void {
  stream.output = chunk;
  stream.next_out = 0;
  stream.avail_out = chunk.length;
}

function checkLevel(level: number): void {
  if (!Number.isInteger(level) || level < 1 || level > 9) {
    throw new RangeError(`Cannot compress at level ${level}: levels are 1 to 9`);
  }
}

function compressionError(why: string): ProtocolError {
  return new ProtocolError(`Cannot decompress a payload: ${why}`, {
    code: DisconnectCode.COMPRESSION_ERROR,
  });
}
