/**
 * How an engine is set up, and what it tells whoever drives it.
 *
 * @module
 */

import type { RandomSource } from "../crypto/types.ts";
import type { PublicKey, Signer } from "../keys/types.ts";
import type { Banner } from "../wire/auth_messages.ts";
import type { Debug, KexInit } from "../wire/transport_messages.ts";
import type { ClientAuthOptions } from "./auth/client.ts";
import type { AuthenticatedUser, ServerAuth } from "./auth/server.ts";
import type { IncomingChannelOpen, IncomingGlobalRequest } from "./connection/multiplexer.ts";
import type { KeepaliveOptions } from "./keepalive.ts";
import type { Algorithms } from "./transport/algorithms.ts";
import type { NegotiatedAlgorithms } from "./transport/negotiation.ts";
import type { RekeyLimits } from "./transport/transport.ts";

/** What an engine tells the driver around it. None of these may throw. */
export interface EngineSink {
  /** There is output to take, and was none before: drain it once this turn is over. */
  onOutput(): void;
  /** Something has become due earlier than was said: `advance` wants to be called. */
  onDeadline(): void;
  /** The user is authenticated: channels can be opened. */
  onAuthenticated(user: AuthenticatedUser): void;
  /** The peer wants to open a channel. It has to be accepted or rejected, at any time. */
  onChannelOpen(open: IncomingChannelOpen): void;
  /** The peer makes a global request, which has to be answered, at any time. */
  onGlobalRequest(request: IncomingGlobalRequest): void;
  /** Channels that had to wait for new keys may send again. */
  onSendable(): void;
  /** The connection has ended; the last that is heard of it. Take the output once more. */
  onClosed(reason: Error): void;
  /** What the server shows before authentication. It is the peer's text. */
  onBanner?(banner: Banner): void;
  /** A line that the server sent before its identification. */
  onLine?(line: string): void;
  /** A DEBUG message. */
  onDebug?(message: Debug): void;
}

/** How an engine is set up, for either role. */
export interface EngineOptions {
  /** Whom the engine tells what happens. */
  readonly sink: EngineSink;
  /** What is offered to the peer. */
  readonly algorithms: Algorithms;
  /** The time in milliseconds; it never goes back. */
  readonly now: () => number;
  /** Where ephemeral keys, cookies and padding come from. */
  readonly random?: RandomSource;
  /** Whether the output may come in many buffers, where that saves copies: not, unless given. */
  readonly gathers?: boolean | undefined;
  /** Our identification, without CR LF. */
  readonly identification?: string | undefined;
  /** When keys are exchanged anew: 1 GiB, 2^31 packets, one hour, unless given. */
  readonly rekey?: Partial<RekeyLimits> | undefined;
  /** How long authentication may take, in milliseconds; two minutes unless given, 0 for ever. */
  readonly loginTimeoutMs?: number | undefined;
  /**
   * How long the peer may take for its identification and the first key exchange, in milliseconds:
   * unless given, only the time for all of the login counts; 0 says the same.
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /** When a peer that is silent is asked for a sign of life: never, unless given. */
  readonly keepalive?: KeepaliveOptions | undefined;
  /** How many channels may be open at once: 1000 unless given. */
  readonly maxChannels?: number | undefined;
}

/** How a client's engine is set up. */
export interface ClientEngineOptions extends EngineOptions {
  /** The client's end. */
  readonly role: "client";
  /** Who logs in, and how. */
  readonly auth: ClientAuthOptions;
  /** Throws if the key, which the server has proven to hold, is not to be trusted. */
  readonly verifyHostKey: (key: PublicKey) => Promise<void>;
}

/** How a server's engine is set up. */
export interface ServerEngineOptions extends EngineOptions {
  /** The server's end. */
  readonly role: "server";
  /** Who is let in, and how: made by `serverAuth`. */
  readonly auth: ServerAuth;
  /** The host keys, the preferred one first. */
  readonly hostKeys: readonly Signer[];
  /**
   * The first KEXINIT, where it is to be known before it is sent: what `kexInitOf` makes of these
   * algorithms and host keys, with a cookie that no other connection has. It is made when it is
   * sent, unless given.
   */
  readonly kexInit?: KexInit | undefined;
}

/** What a connection has agreed on. */
export interface ConnectionInfo {
  /** The client's identification, without CR LF. */
  readonly clientVersion: string;
  /** The server's identification, without CR LF. */
  readonly serverVersion: string;
  /** The algorithms in use. */
  readonly algorithms: NegotiatedAlgorithms;
  /** Whether key exchange is strict (OpenSSH's PROTOCOL section 1.10). */
  readonly strictKex: boolean;
  /** The server's host key. */
  readonly hostKey: PublicKey;
  /** The first exchange hash. */
  readonly sessionId: Uint8Array;
  /** The host key's signature of it, in the encoding of RFC 4253 section 6.6. */
  readonly hostKeySignature: Uint8Array;
}
