/**
 * A flow in between.
 *
 * @module
 */

import type { Flow } from "../../flow/mod.ts";

/** A flow that passes all on to another, but for the methods that are given. It lends nothing. */
export function passingFlow(flow: Flow, own: Partial<Flow>): Flow {
  return {
    read: () => flow.read(),
    write: (data) => flow.write(data),
    writev: (data) => flow.writev(data),
    closeWrite: () => flow.closeWrite(),
    close: (options) => flow.close(options),
    abort: (reason) => flow.abort(reason),
    [Symbol.asyncDispose]: () => flow.close(),
    ...own,
  };
}
