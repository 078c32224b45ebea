/**
 * Drives the protocol over a flow: connections, and channels as Web Streams.
 *
 * @module
 */

export * from "./channel.ts";
export * from "./channel_events.ts";
export * from "./connection.ts";
export type { DrivenEngineOptions } from "./driver.ts";
