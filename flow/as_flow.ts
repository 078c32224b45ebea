/**
 * Takes a flow in any of its forms.
 *
 * @module
 */

import type { Flow, FlowLike } from "./flow.ts";
import { fromDuplex, isDuplex } from "./from_duplex.ts";
import { fromStreams } from "./from_streams.ts";

/**
 * The flow itself, or one over the pair of streams, or over the duplex.
 *
 * @param source What to read from and write to.
 * @returns `source` where it is a flow.
 * @throws {TypeError} When it is none of these, or when one of the streams is locked.
 */
export function asFlow(source: FlowLike): Flow {
  if (isFlow(source)) return source;
  return isDuplex(source) ? fromDuplex(source) : fromStreams(source);
}

/** Whether a value is a flow, told by its methods. */
export function isFlow(value: unknown): value is Flow {
  if (typeof value !== "object" || value === null) return false;
  const methods = value as Partial<Record<keyof Flow, unknown>>;
  return typeof methods.read === "function" && typeof methods.writev === "function" &&
    typeof methods.closeWrite === "function" && typeof methods.abort === "function";
}
