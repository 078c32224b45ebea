/** Stands in for `jsr:@std/crypto`. @module */
export * from "./timing_safe_equal.ts";
