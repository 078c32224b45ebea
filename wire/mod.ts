/**
 * The data types of RFC 4251 section 5, and the errors.
 *
 * @module
 */

export * from "./byte_queue.ts";
export * from "./errors.ts";
export * from "./reader.ts";
export * from "./writer.ts";
