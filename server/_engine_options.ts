/**
 * Turns a server's options into an engine's.
 *
 * @module
 */

import type { DrivenEngineOptions } from "../connection/driver.ts";
import type { FlowLike } from "../flow/flow.ts";
import type { Signer } from "../keys/types.ts";
import { isCertifiedSigner } from "../keys/with_certificate.ts";
import { serverAuth } from "../protocol/auth/server.ts";
import type { ConnectionInfo } from "../protocol/engine_options.ts";
import {
  type Algorithms,
  serverAlgorithms,
  supportedAlgorithms,
  withHostKeys,
} from "../protocol/transport/algorithms.ts";
import { SshError } from "../wire/errors.ts";
import type { KexInit } from "../wire/transport_messages.ts";
import type { PeerAddress, ServeOptions, ServerOptions } from "./serve_options.ts";

const AUTH_METHODS = ["publickey", "password", "keyboard-interactive"] as const;
const MAX_AUTH_ATTEMPTS = 6;
const AUTH_FAILURE_DELAY_MS = 100;

/**
 * The algorithms of a server.
 *
 * @throws {TypeError} If it has no host key for any of them.
 */
export function algorithmsOf({ algorithms, hostKeys }: ServerOptions): Algorithms {
  const signers = withPlainKeys(hostKeys);
  const offered = withHostKeys({ ...serverAlgorithms, ...algorithms }, signers);
  if (offered.hostKeys.length === 0) {
    const have = hostKeys.map((key) => key.publicKey.type).join(", ") || "none";
    const wanted = (algorithms?.hostKeys ?? serverAlgorithms.hostKeys).join(", ");
    throw new TypeError(
      `Cannot serve: of the host keys (${have}) none can be used for ${wanted || "nothing"}`,
    );
  }
  return offered;
}

/** Whoever does not know a certificate's authority may know the key itself. */
function withPlainKeys(hostKeys: readonly Signer[]): readonly Signer[] {
  return hostKeys.flatMap((key) => isCertifiedSigner(key) ? [key, key.plain] : [key]);
}

/** Sets up the engine of one connection. */
export function engineOptionsOf(
  flow: FlowLike,
  options: ServeOptions,
  connection: {
    readonly kexInit: KexInit | undefined;
    /** What was agreed on; it is known when somebody authenticates. */
    readonly info: () => ConnectionInfo | null;
    /** Told of what the policy threw: the connection then ends. */
    readonly onError: (error: unknown) => void;
  },
): DrivenEngineOptions {
  const address = options.peerAddress ?? addressOf(flow);
  const { identification, rekey, loginTimeoutMs, handshakeTimeoutMs, keepalive } = options;
  const { maxChannels } = options;
  return {
    role: "server",
    algorithms: algorithmsOf(options),
    hostKeys: withPlainKeys(options.hostKeys),
    kexInit: connection.kexInit,
    identification,
    rekey,
    loginTimeoutMs,
    handshakeTimeoutMs,
    keepalive,
    maxChannels,
    auth: serverAuth({
      methods: options.authMethods ?? AUTH_METHODS,
      authenticate: async (attempt) => {
        const identification = connection.info()?.clientVersion ?? "";
        try {
          return await options.authenticate({ ...attempt, peer: { identification, address } });
        } catch (error) {
          // A client that gives up in the middle is told to the policy as an error of SSH.
          if (!(error instanceof SshError)) connection.onError(error);
          throw error;
        }
      },
      signatureAlgorithms: options.signatureAlgorithms ?? supportedAlgorithms.hostKeys,
      banner: options.banner,
      maxAttempts: options.maxAuthAttempts ?? MAX_AUTH_ATTEMPTS,
      failureDelayMs: options.authFailureDelayMs ?? AUTH_FAILURE_DELAY_MS,
    }),
  };
}

/** Sockets know where they come from: a `Deno.Conn` says so. */
function addressOf(flow: FlowLike): PeerAddress | null {
  const { remoteAddr } = flow as { remoteAddr?: Partial<PeerAddress> };
  const { hostname, port } = remoteAddr ?? {};
  if (typeof hostname !== "string" || typeof port !== "number") return null;
  return { hostname, port };
}
