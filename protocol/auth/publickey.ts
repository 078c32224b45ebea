/**
 * Authentication by public key (RFC 4252 section 7), and its variant that is bound to the host
 * key (OpenSSH's PROTOCOL section 3.2).
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import { inspectSignature } from "../../keys/inspect_signature.ts";
import type { SecurityKeyDetails } from "../../keys/security_key.ts";
import type { PublicKey, SessionBinding, Signer } from "../../keys/types.ts";
import { decodePublicKeyOk, encodePublicKeyOk } from "../../wire/auth_messages.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { toError } from "../_disconnect.ts";
import { chooseAlgorithm, parseOrNull, signedData } from "./_signed_request.ts";
import { type ClientAuthContext, type ClientAuthMethod, outcomeOf } from "./client.ts";

/** The method's name. */
export const PUBLICKEY = "publickey";
/** The variant whose signature covers the server's host key. */
export const PUBLICKEY_HOSTBOUND = "publickey-hostbound-v00@openssh.com";
/** The extension by which a server says that it takes the variant. */
export const HOSTBOUND_EXTENSION = "publickey-hostbound@openssh.com";

/**
 * Authenticates with a key.
 *
 * @param signer The key, in memory or wherever it can sign.
 * @param options.probe Whether to ask first if the server would take the key, which spares a
 *   signature that may cost the user a touch; false unless given.
 *
 * @example
 * ```ts
 * import { publicKey } from "@sshflow/ssh/client";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const method = publicKey(await generateKey("ed25519"));
 * assert.equal(method.name, "publickey");
 * ```
 */
export function publicKey(signer: Signer, options: { probe?: boolean } = {}): ClientAuthMethod {
  return {
    name: PUBLICKEY,
    async authenticate(context) {
      const { publicKey: key } = signer;
      const algorithm = chooseAlgorithm(key, context.extensions.get("server-sig-algs"));
      if (algorithm === null) {
        return { outcome: "skipped", why: `the server verifies no signature of ${key.type} keys` };
      }
      try {
        await signer.bind?.(bindingOf(context));
      } catch (error) {
        return { outcome: "skipped", why: `the key cannot be used: ${toError(error).message}` };
      }
      if (options.probe === true) {
        context.request(PUBLICKEY, fieldsOf(false, algorithm, key.blob).finish());
        const reply = await context.reply(Msg.USERAUTH_PK_OK);
        if (reply[0] !== Msg.USERAUTH_PK_OK) return outcomeOf(reply);
        const ok = decodePublicKeyOk(reply);
        if (ok.algorithm !== algorithm || !equalBytes(ok.key, key.blob)) {
          throw new ProtocolError("Cannot authenticate: USERAUTH_PK_OK is for another key");
        }
      }
      const hostbound = takesHostbound(context.extensions);
      const method = hostbound ? PUBLICKEY_HOSTBOUND : PUBLICKEY;
      const writer = fieldsOf(true, algorithm, key.blob);
      if (hostbound) writer.string(context.hostKey);
      const fields = writer.finish();
      const data = signedData(context, method, fields);
      let signature: Uint8Array;
      try {
        signature = await signer.sign(algorithm, data);
      } catch (error) {
        // An agent may refuse, and its user decline: other methods may still do.
        return { outcome: "skipped", why: `the key did not sign: ${toError(error).message}` };
      }
      context.request(method, new Writer().raw(fields).string(signature).finish());
      return outcomeOf(await context.reply());
    },
  };
}

/** What an agent is told of the session that a signature is for. */
export function bindingOf(context: ClientAuthContext): SessionBinding {
  const { hostKey, sessionId, hostKeySignature: signature } = context;
  return { hostKey, sessionId, signature, forwarding: false };
}

/** What a client has sent of a key. */
export interface PublicKeyRequest {
  /** The key. */
  readonly key: PublicKey;
  /** The signature algorithm that goes with it. */
  readonly algorithm: string;
  /** Whether a signature came too, and is right; false if the client only asks. */
  readonly proven: boolean;
  /** What a security key says of its signature; null if it is no such key, or there is none. */
  readonly securityKey: SecurityKeyDetails | null;
  /** The answer to a client that only asks, and may prove the key; null if it has proven it. */
  readonly ok: Uint8Array | null;
}

/**
 * Reads a request of either variant and verifies its signature.
 *
 * @param hostKey The server's host key, which the variant has to name.
 * @param algorithms The names of the signature algorithms that are accepted.
 * @returns Null if the key cannot be used, or its signature is wrong.
 */
export async function readPublicKeyRequest(
  request: Pick<ClientAuthContext, "user" | "service" | "sessionId" | "hostKey">,
  method: typeof PUBLICKEY | typeof PUBLICKEY_HOSTBOUND,
  fields: Uint8Array,
  algorithms: readonly string[],
): Promise<PublicKeyRequest | null> {
  const reader = new Reader(fields, "a public key authentication request");
  const signed = reader.boolean("whether a signature follows");
  const algorithm = reader.name("algorithm", 256);
  const blob = reader.string("public key");
  const named = method === PUBLICKEY_HOSTBOUND ? reader.string("host key") : null;
  const signedLength = reader.offset;
  const signature = signed ? reader.string("signature") : null;
  reader.end();

  if (!algorithms.includes(algorithm)) return null;
  if (named !== null && !equalBytes(named, request.hostKey)) return null;
  const key = parseOrNull(blob);
  if (key === null || !key.algorithms.includes(algorithm)) return null;
  if (signature === null) {
    const ok = encodePublicKeyOk(algorithm, blob);
    return { key, algorithm, proven: false, securityKey: null, ok };
  }
  const data = signedData(request, method, fields.subarray(0, signedLength));
  const inspected = await inspectSignature(key, algorithm, data, signature);
  return inspected && { key, algorithm, proven: true, ...inspected, ok: null };
}

function fieldsOf(signed: boolean, algorithm: string, blob: Uint8Array): Writer {
  return new Writer().boolean(signed).string(algorithm).string(blob);
}

/** There is one version of the variant, and its number is 0. */
function takesHostbound(extensions: ReadonlyMap<string, Uint8Array>): boolean {
  const version = extensions.get(HOSTBOUND_EXTENSION);
  return version !== undefined && new TextDecoder().decode(version) === "0";
}
