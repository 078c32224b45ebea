/**
 * How connections end: what a peer is told of an error, and what the application is told.
 *
 * @module
 */

import {
  AuthenticationError,
  DisconnectCode,
  DisconnectError,
  HostKeyError,
  NegotiationError,
  printable,
  ProtocolError,
  SshError,
} from "../wire/errors.ts";
import type { Disconnect } from "../wire/transport_messages.ts";

/** How long a description may be, in characters: it may quote what the peer sent. */
const MAX_DESCRIPTION = 1024;

/**
 * The DISCONNECT for an error. Only what the peer itself caused is described: the text of any
 * other error is nobody else's business.
 */
export function disconnectFor(reason: unknown): Disconnect {
  if (reason instanceof ProtocolError) return disconnect(reason.code, reason.message);
  if (reason instanceof NegotiationError) {
    return disconnect(DisconnectCode.KEY_EXCHANGE_FAILED, reason.message);
  }
  if (reason instanceof HostKeyError) {
    return {
      code: DisconnectCode.HOST_KEY_NOT_VERIFIABLE,
      description: "The host key is not trusted",
    };
  }
  if (reason instanceof AuthenticationError) {
    return {
      code: DisconnectCode.NO_MORE_AUTH_METHODS_AVAILABLE,
      description: "No more authentication methods available",
    };
  }
  return { code: DisconnectCode.BY_APPLICATION, description: "The connection cannot go on" };
}

function disconnect(code: number, message: string): Disconnect {
  return { code, description: printable(message, MAX_DESCRIPTION) };
}

/** The flow has ended, and nobody has said so. */
export function lostBy(when: string, cause: unknown): DisconnectError {
  const message = `The connection was lost${when && ` ${when}`}: the peer sent no DISCONNECT`;
  return new DisconnectError(message, {
    code: DisconnectCode.CONNECTION_LOST,
    description: "",
    by: "peer",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** We have ended the connection. */
export function closedByUs({ code, description }: Disconnect): DisconnectError {
  const message = `The connection was closed${description && `: ${description}`}`;
  return new DisconnectError(message, { code, description, by: "us" });
}

/** The peer has ended the connection. */
export function closedByPeer({ code, description }: Disconnect): DisconnectError {
  const text = printable(description);
  const message = `The peer closed the connection${text && `: ${text}`} (reason ${code})`;
  return new DisconnectError(message, { code, description: text, by: "peer" });
}

/** Whatever was thrown, as an error. */
export function toError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  return new SshError(`The connection failed: ${String(reason)}`, { cause: reason });
}
