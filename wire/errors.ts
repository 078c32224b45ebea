/**
 * The family of errors that this library throws. Misuse of the API throws `TypeError` or
 * `RangeError` instead.
 *
 * @module
 */

/** RFC 4253 section 11.1: the reason codes of SSH_MSG_DISCONNECT. */
export const DisconnectCode = {
  HOST_NOT_ALLOWED_TO_CONNECT: 1,
  PROTOCOL_ERROR: 2,
  KEY_EXCHANGE_FAILED: 3,
  RESERVED: 4,
  MAC_ERROR: 5,
  COMPRESSION_ERROR: 6,
  SERVICE_NOT_AVAILABLE: 7,
  PROTOCOL_VERSION_NOT_SUPPORTED: 8,
  HOST_KEY_NOT_VERIFIABLE: 9,
  CONNECTION_LOST: 10,
  BY_APPLICATION: 11,
  TOO_MANY_CONNECTIONS: 12,
  AUTH_CANCELLED_BY_USER: 13,
  NO_MORE_AUTH_METHODS_AVAILABLE: 14,
  ILLEGAL_USER_NAME: 15,
} as const;

/** RFC 4254 section 5.1: why an SSH_MSG_CHANNEL_OPEN was refused. */
export const ChannelOpenReason = {
  ADMINISTRATIVELY_PROHIBITED: 1,
  CONNECT_FAILED: 2,
  UNKNOWN_CHANNEL_TYPE: 3,
  RESOURCE_SHORTAGE: 4,
} as const;

/** Whatever goes wrong in SSH: every error below is one. */
export class SshError extends Error {
  /** The class's name, which stays the same in a minified bundle. */
  override readonly name: string = "SshError";
}

/** The connection has ended, by a DISCONNECT message or because the flow did. */
export class DisconnectError extends SshError {
  /** The class's name. */
  override readonly name: string = "DisconnectError";
  /** The reason code of RFC 4253 section 11.1: see {@linkcode DisconnectCode}. */
  readonly code: number;
  /** The text that came with the code; what the peer sent is stripped of control characters. */
  readonly description: string;
  /** Who ended it. */
  readonly by: "us" | "peer";

  /** Makes the error of a message, and of what a caller may want to know besides. */
  constructor(
    message: string,
    options: { code: number; description: string; by: "us" | "peer"; cause?: unknown },
  ) {
    super(message, options);
    this.code = options.code;
    this.description = options.description;
    this.by = options.by;
  }
}

/** The peer broke the protocol, or a limit that keeps it in bounds. */
export class ProtocolError extends SshError {
  /** The class's name. */
  override readonly name: string = "ProtocolError";
  /** The reason code that the DISCONNECT to the peer carries: see {@linkcode DisconnectCode}. */
  readonly code: number;

  /** Makes the error of a message, and of what a caller may want to know besides. */
  constructor(message: string, options: { code?: number; cause?: unknown } = {}) {
    super(message, options);
    this.code = options.code ?? DisconnectCode.PROTOCOL_ERROR;
  }
}

/** The two ends have no algorithm in common (RFC 4253 section 7.1). */
export class NegotiationError extends SshError {
  /** The class's name. */
  override readonly name: string = "NegotiationError";
  /** What could not be agreed on, such as `key exchange` or `cipher from client to server`. */
  readonly what: string;
  /** The names that this end offered, in order of preference. */
  readonly ours: readonly string[];
  /** The names that the peer offered, in order of preference. */
  readonly theirs: readonly string[];

  /** Makes the error of a message, and of what a caller may want to know besides. */
  constructor(what: string, ours: readonly string[], theirs: readonly string[]) {
    super(
      `Cannot agree on ${what}: we offer ${ours.join(", ") || "nothing"}; ` +
        `the peer offers ${listForMessage(theirs)}`,
    );
    this.what = what;
    this.ours = ours;
    this.theirs = theirs;
  }
}

/** How a host's key stands to what is known of the host. */
export type HostKeyStatus =
  | "known-changed"
  | "found-other"
  | "not-known"
  | "revoked"
  | "file-not-found"
  | "error";

/** The server's host key was not accepted: nothing secret has been sent. */
export class HostKeyError extends SshError {
  /** The class's name. */
  override readonly name: string = "HostKeyError";
  /** Why the key was refused. */
  readonly status: HostKeyStatus;
  /** The public key that the server proved to hold, in the encoding of RFC 4253 section 6.6. */
  readonly key: Uint8Array;

  /** Makes the error of a message, and of what a caller may want to know besides. */
  constructor(
    message: string,
    options: { status: HostKeyStatus; key: Uint8Array; cause?: unknown },
  ) {
    super(message, options);
    this.status = options.status;
    this.key = options.key;
  }
}

/** No method of authentication was accepted (RFC 4252). */
export class AuthenticationError extends SshError {
  /** The class's name. */
  override readonly name: string = "AuthenticationError";
  /** The methods that the server would still take. */
  readonly remaining: readonly string[];
  /** Whether one method was accepted, and another was still wanted. */
  readonly partial: boolean;

  /** Makes the error of a message, and of what a caller may want to know besides. */
  constructor(
    message: string,
    options: { remaining: readonly string[]; partial: boolean; cause?: unknown },
  ) {
    super(message, options);
    this.remaining = options.remaining;
    this.partial = options.partial;
  }
}

/** The peer refused to open a channel (RFC 4254 section 5.1). */
export class ChannelOpenError extends SshError {
  /** The class's name. */
  override readonly name: string = "ChannelOpenError";
  /** The reason code: see {@linkcode ChannelOpenReason}. */
  readonly reason: number;

  /** Makes the error of a message, and of what a caller may want to know besides. */
  constructor(message: string, options: { reason: number; cause?: unknown }) {
    super(message, options);
    this.reason = options.reason;
  }
}

/** The channel was closed before what was asked of it could be done. */
export class ChannelClosedError extends SshError {
  /** The class's name. */
  override readonly name: string = "ChannelClosedError";
}

/** The peer answered a channel request or a global request with failure (RFC 4254). */
export class RequestError extends SshError {
  /** The class's name. */
  override readonly name: string = "RequestError";
}

/** A flow's direction is closed: what was to be written to it was not accepted. */
export class FlowClosedError extends SshError {
  /** The class's name. */
  override readonly name: string = "FlowClosedError";
}

/** A key, a signature or a file of keys is not in the form that it should have. */
export class KeyFormatError extends SshError {
  /** The class's name. */
  override readonly name: string = "KeyFormatError";
}

// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text that a peer sent, made fit for a message: no control characters, bounded in length. */
export function printable(text: string, maxLength = 200): string {
  const clean = text.replace(UNPRINTABLE, "\ufffd");
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength)}…`;
}

function listForMessage(names: readonly string[]): string {
  return printable(names.join(", ") || "nothing", 1000);
}
