/**
 * A flow in, a flow out: the smallest shape of a client.
 *
 * @module
 */

import { withSignal } from "../connection/with_signal.ts";
import type { FlowLike } from "../flow/flow.ts";
import type { AgentSource } from "./agent_forwarding.ts";
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
  /** Lends an agent to it: see `Session.forwardAgent`. None by default. */
  readonly forwardAgent?: AgentSource;
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
 * @example A server and a client, in memory
 * ```ts
 * import { clientOfFlow } from "@sshflow/ssh/client";
 * import { Eof, flowPair } from "@sshflow/ssh/flow";
 * import { fingerprint, generateKey } from "@sshflow/ssh/keys";
 * import { serve } from "@sshflow/ssh/server";
 * import assert from "node:assert/strict";
 *
 * const [near, far] = flowPair();
 * const [hostKey, privateKey] = [await generateKey("ed25519"), await generateKey("ed25519")];
 * await using server = serve(far, {
 *   hostKeys: [hostKey],
 *   authenticate: (attempt) => attempt.method === "publickey",
 *   session: (session) => session.stdin.pipeTo(session.stdout),
 * });
 * const cat = await clientOfFlow(near, {
 *   user: "ada",
 *   auth: { privateKey },
 *   authenticator: fingerprint(hostKey.publicKey),
 *   request: { type: "exec", command: "cat" },
 * });
 * await cat.write(new TextEncoder().encode("hello"));
 * assert.deepEqual(await cat.read(), new TextEncoder().encode("hello"));
 * await cat.closeWrite();
 * assert.equal(await cat.read(), Eof);
 * assert.equal((await cat.exitStatus).code, 0);
 * await cat.close();
 * ```
 *
 * @example Over TCP
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
  const { signal } = options;
  const connection = await openConnection(flow, options);
  try {
    const session = new Session(connection);
    await withSignal(start(session, options), signal);
    return commandFlowOf(connection, session);
  } catch (error) {
    if (signal?.aborted) connection.abort(error);
    await connection.close();
    throw error;
  }
}

async function start(
  session: Session,
  { request, forwardAgent }: ClientOfFlowOptions,
): Promise<void> {
  await session.channel.opened;
  if (forwardAgent !== undefined) await session.forwardAgent(forwardAgent);
  if (request.pty !== undefined) await session.requestPty(ptyRequestOf(request.pty));
  await session.run(request);
}
