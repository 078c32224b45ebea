/**
 * A flow in, a flow out: the smallest shape of a client.
 *
 * @module
 */

import { withSignal } from "../connection/with_signal.ts";
import type { FlowLike } from "../flow/flow.ts";
import { type CommandFlow, commandFlowOf } from "./command_flow.ts";
import { type ConnectOptions, openConnection } from "./connect.ts";
import { type PtyOptions, ptyRequestOf } from "./pty.ts";
import { Session, type SessionRequest } from "./session.ts";

/** The one request, and the terminal that it may need. */
export type FlowRequest = SessionRequest & { readonly pty?: PtyOptions | true };

/** Who logs in, how, how the server is known, and what is asked of it. */
export type ClientOfFlowOptions = ConnectOptions & {
  /** What runs at the other end of the flow. */
  readonly request: FlowRequest;
};

/**
 * Upgrades a flow: makes sure of the server, logs in, opens one session, makes one request, waits
 * until it is confirmed, and gives a flow to what runs then.
 *
 * @param flow The flow to the server, or a pair of streams, such as a `Deno.Conn`. It is closed
 *   with the one that is returned, and when the promise rejects.
 * @returns What runs: its output to read, its input to write.
 * @throws {RequestError} If the server refuses the request. For more, see `connect`.
 *
 * @example
 * ```ts ignore
 * import { clientOfFlow } from "@sshflow/ssh/client";
 * import { fromStreams } from "@sshflow/ssh/flow";
 *
 * const flow = fromStreams(await Deno.connect({ hostname: "git.example", port: 22 }));
 * const git = await clientOfFlow(flow, {
 *   user: "git",
 *   auth: { privateKey },
 *   authenticator: "SHA256:qROtOE23cYkmBk83mz2nh3bASGLG8yYrLVkRfHoMgKI",
 *   request: { type: "exec", command: "git-upload-pack 'r.git'" },
 * });
 * await git.write(new TextEncoder().encode("0000"));
 * await git.close();
 * ```
 */
export async function clientOfFlow(
  flow: FlowLike,
  options: ClientOfFlowOptions,
): Promise<CommandFlow> {
  const { request, signal } = options;
  const connection = await openConnection(flow, options);
  try {
    const session = new Session(connection);
    await withSignal(start(session, request), signal);
    return commandFlowOf(connection, session);
  } catch (error) {
    if (signal?.aborted) connection.abort(error);
    await connection.close();
    throw error;
  }
}

async function start(session: Session, request: FlowRequest): Promise<void> {
  await session.channel.opened;
  if (request.pty !== undefined) await session.requestPty(ptyRequestOf(request.pty));
  await session.run(request);
}
