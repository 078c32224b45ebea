/** Stands in for `jsr:@std/streams`. @module */
export * from "./concat_readable_streams.ts";
export * from "./merge_readable_streams.ts";
export * from "./text_line_stream.ts";
export * from "./to_bytes.ts";
export * from "./to_text.ts";
