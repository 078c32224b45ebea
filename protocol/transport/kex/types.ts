/**
 * What a key exchange method is to the transport.
 *
 * @module
 */

import type { HashAlgorithm, RandomSource } from "../../../crypto/types.ts";

/** What either side of a method works with. */
export interface KexContext {
  /** Where ephemeral keys come from. */
  readonly random: RandomSource;
  /** Sends a payload. */
  send(payload: Uint8Array): void;
  /** Waits for the peer's message of this number. */
  next(number: number): Promise<Uint8Array>;
}

/** What the client's side works with. */
export interface KexClientContext extends KexContext {
  /**
   * Computes the exchange hash and verifies the server's signature of it.
   *
   * @param reply.hostKey K_S.
   * @param reply.fields What the method has between K_S and K in the exchange hash.
   * @param reply.secret K, encoded.
   */
  verify(reply: {
    hostKey: Uint8Array;
    fields: Uint8Array;
    secret: Uint8Array;
    signature: Uint8Array;
  }): Promise<void>;
}

/** What the server's side works with. */
export interface KexServerContext extends KexContext {
  /** Computes the exchange hash and signs it: gives K_S and the signature. */
  sign(
    fields: Uint8Array,
    secret: Uint8Array,
  ): Promise<{ hostKey: Uint8Array; signature: Uint8Array }>;
}

/** A key exchange method that can be negotiated. */
export interface KexMethod {
  /** The name on the wire. */
  readonly name: string;
  /** The hash of the exchange hash and of the key derivation. */
  readonly hash: HashAlgorithm;
  /** Runs the client's side, up to the verified signature. */
  client(context: KexClientContext): Promise<void>;
  /** Runs the server's side, up to the reply that it sends. */
  server(context: KexServerContext): Promise<void>;
}
