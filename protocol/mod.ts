/**
 * The protocol itself, without I/O, for those who drive it themselves.
 *
 * @module
 */

export {
  type ClientAuthContext,
  type ClientAuthMethod,
  type ClientAuthOptions,
  type ClientAuthOutcome,
  none,
  outcomeOf,
} from "./auth/client.ts";
export type { AuthDecision } from "./auth/decision.ts";
export * from "./auth/hostbased.ts";
export * from "./auth/keyboard_interactive.ts";
export * from "./auth/password.ts";
export * from "./auth/publickey.ts";
export {
  type AttemptByMethod,
  type AuthAttempt,
  type AuthenticatedUser,
  type ServerAuth,
  serverAuth,
  type ServerAuthContext,
  type ServerAuthOptions,
} from "./auth/server.ts";
export * from "./connection/channel.ts";
export * from "./connection/multiplexer.ts";
export type { Conversation } from "./conversation.ts";
export * from "./engine.ts";
export * from "./engine_options.ts";
export * from "./gate.ts";
export type { KeepaliveOptions } from "./keepalive.ts";
export * from "./transport/algorithms.ts";
export * from "./transport/compression.ts";
export * from "./transport/kex/types.ts";
export * from "./transport/negotiation.ts";
export type { DataStream } from "./transport/packet_writer.ts";
export type { RekeyLimits } from "./transport/transport.ts";
export type {
  CipherAlgorithm,
  CipherKeys,
  HashAlgorithm,
  KeyAgreement,
  KeyAgreementStart,
  MacAlgorithm,
  MaybePromise,
  PacketMac,
  PacketOpener,
  PacketProtection,
  PacketSealer,
  RandomSource,
} from "../crypto/types.ts";
export type { Permissions } from "../keys/permissions.ts";
export type { SecurityKeyDetails } from "../keys/security_key.ts";
export type { PublicKey, Signer } from "../keys/types.ts";
export type { Banner, Challenge, Prompt } from "../wire/auth_messages.ts";
export type { Debug, KexInit } from "../wire/transport_messages.ts";
export * from "../wire/errors.ts";
