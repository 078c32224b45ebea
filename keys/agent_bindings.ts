/**
 * What a connection to an agent is for: `session-bind@openssh.com` of OpenSSH's PROTOCOL.agent.
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { KeyFormatError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { plainKey } from "./certificate.ts";
import { inspectSignature } from "./inspect_signature.ts";
import { parsePublicKey } from "./public_key.ts";
import type { PublicKey, SessionBinding } from "./types.ts";

/** The name of the extension by which an agent is told. */
export const sessionBindExtension = "session-bind@openssh.com";

/** As with OpenSSH's agent. */
const MAX_HOPS = 16;
const MAX_SESSION_ID_BYTES = 128;

/** A session that a connection to an agent has been bound to. */
export interface AgentHop extends Pick<SessionBinding, "sessionId" | "forwarding"> {
  /** The server's host key, which has proven the session to be its own. */
  readonly hostKey: PublicKey;
}

/** Encodes what an agent is told with {@linkcode sessionBindExtension}. */
export function encodeSessionBinding(binding: SessionBinding): Uint8Array<ArrayBuffer> {
  const { hostKey, sessionId, signature, forwarding } = binding;
  return new Writer(1024).string(hostKey).string(sessionId).string(signature).boolean(forwarding)
    .finish();
}

/**
 * Decodes what an agent is told with {@linkcode sessionBindExtension}.
 *
 * @returns Views of the payload.
 * @throws {KeyFormatError} If it is cut short, or too long.
 */
export function decodeSessionBinding(payload: Uint8Array): SessionBinding {
  const reader = new Reader(payload, "session binding", KeyFormatError);
  const hostKey = reader.string("host key");
  const sessionId = reader.string("session id", MAX_SESSION_ID_BYTES);
  const signature = reader.string("signature");
  const forwarding = reader.boolean("forwarding");
  reader.end();
  return { hostKey, sessionId, signature, forwarding };
}

/**
 * What one connection to an agent is bound to: the sessions through which it leads, the nearest
 * first. `serveAgent` has one for each flow.
 */
export class AgentBindings {
  readonly #hops: AgentHop[] = [];
  #tried = false;

  /** The sessions, in the order in which they were bound. */
  get hops(): readonly AgentHop[] {
    return this.#hops;
  }

  /** Whether it was tried to bind the connection, and nothing has come of it. */
  get hasFailed(): boolean {
    return this.#tried && this.#hops.length === 0;
  }

  /**
   * Takes what an agent is told with {@linkcode sessionBindExtension}: see {@linkcode bind}.
   *
   * @throws {KeyFormatError} If that is cut short, or too long.
   */
  take(payload: Uint8Array): Promise<boolean> {
    this.#tried = true;
    return this.bind(decodeSessionBinding(payload));
  }

  /**
   * Binds the connection to one session more.
   *
   * @returns Whether it is bound to it: not if the signature is wrong, the session is known by
   *   another key, the connection has been bound to log in, or has too many sessions already.
   */
  async bind(binding: SessionBinding): Promise<boolean> {
    this.#tried = true;
    const { sessionId, forwarding } = binding;
    const hostKey = await provenKey(binding);
    if (hostKey === null || sessionId.length === 0 || sessionId.length > MAX_SESSION_ID_BYTES) {
      return false;
    }
    if (this.#hops.some((hop) => !hop.forwarding)) return false;
    const same = this.#hops.find((hop) => equalBytes(hop.sessionId, sessionId));
    if (same !== undefined) return equalBytes(same.hostKey.blob, hostKey.blob);
    if (this.#hops.length >= MAX_HOPS) return false;
    this.#hops.push({ hostKey, sessionId: sessionId.slice(), forwarding });
    return true;
  }
}

/** The host key, if it has signed the session id. */
async function provenKey(binding: SessionBinding): Promise<PublicKey | null> {
  const { hostKey, sessionId, signature } = binding;
  try {
    const key = parsePublicKey(hostKey);
    const algorithm = new Reader(signature, "signature", KeyFormatError).name("algorithm", 256);
    const plain = plainKey(key);
    return await inspectSignature(plain, algorithm, sessionId, signature) === null ? null : key;
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}
