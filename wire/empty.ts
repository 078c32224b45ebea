/**
 * No bytes.
 *
 * @module
 */

/** No bytes: one array for all, since even an array of no bytes is dear on some runtimes. */
export const EMPTY: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0);
