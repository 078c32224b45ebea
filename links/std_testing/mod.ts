/** Stands in for `jsr:@std/testing`. @module */
export * from "./bdd.ts";
export * from "./time.ts";
