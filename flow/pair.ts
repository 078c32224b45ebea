/**
 * Two flows in memory, each the other's peer.
 *
 * @module
 */

import { FlowClosedError } from "../wire/errors.ts";
import { copyOf, takeBack } from "./_copies.ts";
import type { Failure } from "./_direction.ts";
import { Duplex } from "./_duplex.ts";
import { Pipe } from "./_pipe.ts";
import type { Flow } from "./flow.ts";

/** How {@linkcode flowPair} is made. */
export interface FlowPairOptions {
  /**
   * How many bytes each direction accepts before they are read: 65536, unless given. With 0, a
   * write waits until the reader has taken what was written.
   */
  capacity?: number;
}

const DEFAULT_CAPACITY_BYTES = 65536;

/**
 * Two flows in memory: what is written to one is read from the other. The buffers themselves are
 * handed over, without a copy, but for those that are lent. A peer that aborts breaks both
 * directions, and what it said is the `cause` of the error.
 *
 * @param options How much is accepted before it is read.
 * @returns The two ends.
 * @throws {RangeError} When the capacity is negative or not a number.
 *
 * @example
 * ```ts
 * import { flowPair } from "@sshflow/ssh/flow";
 * import assert from "node:assert/strict";
 *
 * const [client, server] = flowPair({ capacity: 0 });
 * const written = client.write(new Uint8Array([1]));
 * assert.deepEqual(await server.read(), new Uint8Array([1]));
 * await written;
 * await Promise.all([client.close(), server.close()]);
 * ```
 */
export function flowPair(options: FlowPairOptions = {}): [Flow, Flow] {
  const { capacity = DEFAULT_CAPACITY_BYTES } = options;
  if (!(capacity >= 0)) {
    throw new RangeError(`Cannot make a pair of flows: a capacity of ${capacity} bytes`);
  }
  const one = new Pipe(capacity);
  const other = new Pipe(capacity);
  return [makeEnd(one, other), makeEnd(other, one)];
}

function makeEnd(incoming: Pipe, outgoing: Pipe): Flow {
  return new Duplex(incoming, outgoing, (cause) => {
    const error = new FlowClosedError("Cannot go on: the peer aborted the flow", { cause });
    const failure: Failure = { error, told: false };
    incoming.failWrites(failure);
    outgoing.failReads(failure);
  }, { lend: (data) => outgoing.write(data.map(copyOf)), reuse: takeBack });
}
