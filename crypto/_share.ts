/**
 * What all key agreements say of shares that they do not take.
 *
 * @module
 */

import { DisconnectCode, ProtocolError } from "../wire/errors.ts";

/** The error for a share that is not a valid one. */
export function badShare(agreement: string, why: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`Cannot agree on a key with ${agreement}: ${why}`, {
    code: DisconnectCode.KEY_EXCHANGE_FAILED,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Makes sure that a peer's share has the length that it has to have.
 *
 * @throws {ProtocolError} If it has not.
 */
export function checkShareLength(agreement: string, share: Uint8Array, bytes: number): void {
  if (share.length !== bytes) {
    throw badShare(agreement, `the peer's share has ${share.length} bytes, and not ${bytes}`);
  }
}
