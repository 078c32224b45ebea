/**
 * What a peer is told of an error that ends the connection.
 *
 * @module
 */

import {
  AuthenticationError,
  DisconnectCode,
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

/** Whatever was thrown, as an error. */
export function toError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  return new SshError(`The connection failed: ${String(reason)}`, { cause: reason });
}
