/**
 * The protocol itself, without I/O, for those who drive it themselves.
 *
 * @module
 */

export * from "./auth/client.ts";
export * from "./auth/keyboard_interactive.ts";
export * from "./auth/password.ts";
export * from "./auth/publickey.ts";
export * from "./auth/server.ts";
export * from "./connection/channel.ts";
export * from "./connection/multiplexer.ts";
export * from "./engine.ts";
export * from "./engine_options.ts";
export * from "./gate.ts";
export * from "./transport/algorithms.ts";
export * from "./transport/compression.ts";
export * from "./transport/kex/types.ts";
export * from "./transport/negotiation.ts";
export type { RekeyLimits } from "./transport/transport.ts";
