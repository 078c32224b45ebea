/**
 * How a server is set up: what it lets in, and who handles it.
 *
 * @module
 */

import type { ChannelOptions } from "../connection/channel.ts";
import type { ChannelOpenRequest, GlobalRequest } from "../connection/connection.ts";
import type { MaybePromise } from "../crypto/types.ts";
import type { Signer } from "../keys/types.ts";
import type { AuthDecision } from "../protocol/auth/decision.ts";
import type { AuthAttempt } from "../protocol/auth/server.ts";
import type { Algorithms } from "../protocol/transport/algorithms.ts";
import type { KeepaliveOptions } from "../protocol/keepalive.ts";
import type { RekeyLimits } from "../protocol/transport/transport.ts";
import type { PtyRequest, ServerSession, SessionHandler } from "./session.ts";

/** Who is at the other end, as far as that is known. */
export interface Peer {
  /** What the client's software says of itself, such as `SSH-2.0-OpenSSH_9.2p1`. */
  readonly identification: string;
  /** Where the flow comes from; null where nobody said. */
  readonly address: PeerAddress | null;
}

/** Where a flow comes from. */
export interface PeerAddress {
  /** An address, or a name. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/** One attempt to authenticate, and who makes it. */
export type ServerAuthAttempt = AuthAttempt & { readonly peer: Peer };

/**
 * Decides on an attempt to authenticate: yes; no; or what has to follow. A client may only ask
 * whether a key would do: `proven` is false then, and nothing may follow from it but the answer.
 */
export type Authenticate = (attempt: ServerAuthAttempt) => MaybePromise<AuthDecision>;

/** A request of a session, undecoded (RFC 4254 section 5.4). */
export interface OtherSessionRequest {
  /** Its name on the wire. */
  readonly name: string;
  /** What is specific to it. */
  readonly payload: Uint8Array;
  /** Whether the client is told what became of it. */
  readonly wantReply: boolean;
}

/** What becomes of sessions. */
export interface SessionOptions
  extends Pick<ChannelOptions, "windowBytes" | "maxWindowBytes" | "maxPacketBytes"> {
  /** Runs shells and commands; they are refused unless it is given. */
  readonly session?: SessionHandler | undefined;
  /** Run subsystems, by their names, or a function that finds one; others are refused. */
  readonly subsystems?:
    | Readonly<Record<string, SessionHandler>>
    | ((name: string) => SessionHandler | undefined)
    | undefined;
  /** Whether a session gets a terminal: yes, unless given. */
  readonly allowPty?:
    | ((pty: PtyRequest, session: ServerSession) => MaybePromise<boolean>)
    | undefined;
  /**
   * Whether a variable may be set: yes, unless given. It is not asked about names that are not of
   * letters, digits and `_`, nor beyond 128 variables or 64 KiB: those are refused.
   */
  readonly allowEnv?:
    | ((name: string, value: string, session: ServerSession) => MaybePromise<boolean>)
    | undefined;
  /**
   * Whether a session gets the agent that the client lends it, if the login may have one: no, unless
   * given. It is there as {@linkcode ServerSession.openAgent} then, and nothing else is done with it.
   */
  readonly allowAgentForwarding?:
    | ((session: ServerSession) => MaybePromise<boolean>)
    | undefined;
  /**
   * Takes the requests of a session that have no place here, such as `x11-req`, but for those that
   * the login's permissions forbid, and says whether they were granted: no, unless given. It is
   * asked while the session runs too.
   */
  readonly onSessionRequest?:
    | ((request: OtherSessionRequest, session: ServerSession) => MaybePromise<boolean>)
    | undefined;
  /** Whether a shell, command or subsystem that there is a handler for may run: yes, unless given. */
  readonly allowSession?: ((session: ServerSession) => MaybePromise<boolean>) | undefined;
  /** Told of each session when its channel is opened, before anything is asked of it. */
  readonly onSession?: ((session: ServerSession) => void) | undefined;
  /**
   * What follows when the client sends EOF: nothing (`half-open`, unless given), for there may be
   * output still; or the session is closed, after what has been written (`close`).
   */
  readonly afterEof?: "half-open" | "close" | undefined;
  /**
   * Told of what a handler or a policy threw; the session is null where it was not about one. It
   * goes to the console unless given. The peer sees a failure, and no more of it.
   */
  readonly onError?: ((error: unknown, session: ServerSession | null) => void) | undefined;
}

/** How connections are set up. */
export interface ServerOptions {
  /**
   * The host keys, the preferred one first. One that `withCertificate` made is shown with its
   * certificate to clients that ask for certificates, and without to others.
   */
  readonly hostKeys: readonly Signer[];
  /**
   * Whether clients are told of all host keys when they are logged in, and have them proven if they
   * ask, so that those that keep up with it (`UpdateHostKeys` of `ssh`) know the server still when a
   * key is given up: yes, unless given. A key that is to take the place of another stands behind it
   * in `hostKeys` for a while.
   */
  readonly announceHostKeys?: boolean | undefined;
  /**
   * The methods of authentication that are offered: `publickey`, `password` and
   * `keyboard-interactive`, unless given. Attempts by others are refused, `none` among them: to let
   * in whoever comes, `["none"]` has to be asked for.
   */
  readonly authMethods?: readonly AuthAttempt["method"][] | undefined;
  /** The signature algorithms that users' keys may use: all that are supported, unless given. */
  readonly signatureAlgorithms?: readonly string[] | undefined;
  /** Shown to users before they authenticate. */
  readonly banner?: string | undefined;
  /** What is offered in place of `serverAlgorithms`, list by list. */
  readonly algorithms?: Partial<Algorithms> | undefined;
  /** How many failures end the connection: 6, unless given. */
  readonly maxAuthAttempts?: number | undefined;
  /**
   * Failures are answered after a multiple of this many milliseconds, so that the time tells
   * nothing of their cause: 100, unless given.
   */
  readonly authFailureDelayMs?: number | undefined;
  /** How long authentication may take, in milliseconds: two minutes, unless given; 0 for ever. */
  readonly loginTimeoutMs?: number | undefined;
  /**
   * How long a client may take to identify itself and to exchange keys, in milliseconds: as long as
   * the login, unless given, or 0.
   */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * When a client that is logged in and silent is asked for a sign of life, and given up: never,
   * unless given.
   */
  readonly keepalive?: KeepaliveOptions | undefined;
  /** What the server says of itself: `SSH-2.0-…`. */
  readonly identification?: string | undefined;
  /** When keys are exchanged anew: 1 GiB, 2^31 packets, one hour, unless given. */
  readonly rekey?: Partial<RekeyLimits> | undefined;
  /** How many channels a client may have open at once: 1000, unless given. */
  readonly maxChannels?: number | undefined;
}

/** What goes with `serve`. */
export interface ServeOptions extends ServerOptions, SessionOptions {
  /** Decides on attempts to authenticate. Signatures have been verified when it is asked. */
  readonly authenticate: Authenticate;
  /**
   * Where the flow comes from; a `Deno.Conn` says so by itself. Authorized keys with `from`, and
   * certificates with `source-address`, let nobody in without it.
   */
  readonly peerAddress?: PeerAddress | undefined;
  /**
   * Takes the channels that are no sessions, but for those that the login's permissions forbid. What
   * it has neither accepted nor rejected when it
   * returns, or its promise settles, is refused, as all are unless it is given.
   */
  readonly onChannelOpen?: ((open: ChannelOpenRequest) => MaybePromise<void>) | undefined;
  /**
   * Takes the client's global requests, but for those that the login's permissions forbid. What it
   * has neither granted nor denied when it returns, or
   * its promise settles, is denied, as all are unless it is given.
   */
  readonly onGlobalRequest?: ((request: GlobalRequest) => MaybePromise<void>) | undefined;
  /** Told of DEBUG messages: the peer's text, as it came. */
  readonly onDebug?: ((message: string) => void) | undefined;
  /** Closes the connection. */
  readonly signal?: AbortSignal | undefined;
}
