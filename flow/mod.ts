/**
 * Flows: what SSH runs over, and what it gives back.
 *
 * @module
 */

export { asFlow, isFlow } from "./as_flow.ts";
export { copy, type CopyOptions, type CopyStatistics } from "./copy.ts";
export { type DuplexLike, Eof, type Flow, type FlowLike, type StreamPair } from "./flow.ts";
export { type ConnLike, fromConn } from "./from_conn.ts";
export { fromDuplex } from "./from_duplex.ts";
export { fromStreams } from "./from_streams.ts";
export { fromWebSocket, type WebSocketFlowOptions, type WebSocketLike } from "./from_web_socket.ts";
export { flowPair, type FlowPairOptions } from "./pair.ts";
export { proxy, type ProxyStatistics } from "./proxy.ts";
export { type FlowStreams, toStreams } from "./to_streams.ts";
export { FlowClosedError, SshError } from "../wire/errors.ts";
