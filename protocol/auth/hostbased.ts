/**
 * Authentication by the client's host, which vouches for its user (RFC 4252 section 9).
 *
 * @module
 */

import { inspectSignature } from "../../keys/inspect_signature.ts";
import type { PublicKey, Signer } from "../../keys/types.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { toError } from "../_disconnect.ts";
import { chooseAlgorithm, parseOrNull, signedData } from "./_signed_request.ts";
import { type ClientAuthContext, type ClientAuthMethod, outcomeOf } from "./client.ts";

/** The method's name. */
export const HOSTBASED = "hostbased";

/** Host names have no more (RFC 1035 section 2.3.4), with the dot at the end. */
const MAX_HOSTNAME_BYTES = 256;
const MAX_USER_BYTES = 1024;

/** Who vouches for whom. */
export interface HostbasedOptions {
  /** The fully qualified name of the client's host. */
  readonly hostname: string;
  /** The name of the user there. */
  readonly user: string;
}

/**
 * Authenticates by the host that the client runs on.
 *
 * @param signer The host's key: a user who could read it could pass for any other, so it is
 *   usually a service that signs with it.
 *
 * @example
 * ```ts
 * import { hostbased } from "@sshflow/ssh/client";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const hostKey = await generateKey("ed25519");
 * const method = hostbased(hostKey, { hostname: "desk.example.com", user: "ada" });
 * assert.equal(method.name, "hostbased");
 * ```
 */
export function hostbased(signer: Signer, options: HostbasedOptions): ClientAuthMethod {
  return {
    name: HOSTBASED,
    async authenticate(context) {
      const { publicKey: key } = signer;
      const algorithm = chooseAlgorithm(key, context.extensions.get("server-sig-algs"));
      if (algorithm === null) {
        return { outcome: "skipped", why: `the server verifies no signature of ${key.type} keys` };
      }
      // Servers look the name up with the dot of the root at its end, as OpenSSH sends it.
      const hostname = options.hostname.endsWith(".") ? options.hostname : `${options.hostname}.`;
      const fields = new Writer().string(algorithm).string(key.blob).string(hostname)
        .string(options.user).finish();
      const data = signedData(context, HOSTBASED, fields);
      let signature: Uint8Array;
      try {
        signature = await signer.sign(algorithm, data);
      } catch (error) {
        return { outcome: "skipped", why: `the key did not sign: ${toError(error).message}` };
      }
      context.request(HOSTBASED, new Writer().raw(fields).string(signature).finish());
      return outcomeOf(await context.reply());
    },
  };
}

/** What a client's host has vouched for. */
export interface HostbasedRequest {
  /** The key of the client's host. */
  readonly key: PublicKey;
  /** The signature algorithm that goes with it. */
  readonly algorithm: string;
  /** The name that the client gives its host, without a dot at its end. */
  readonly clientHostname: string;
  /** The name of the user there. */
  readonly clientUser: string;
}

/**
 * Reads a request and verifies its signature.
 *
 * @param algorithms The names of the signature algorithms that are accepted.
 * @returns Null if the key cannot be used, or its signature is wrong.
 */
export async function readHostbasedRequest(
  request: Pick<ClientAuthContext, "user" | "service" | "sessionId">,
  fields: Uint8Array,
  algorithms: readonly string[],
): Promise<HostbasedRequest | null> {
  const reader = new Reader(fields, "a hostbased authentication request");
  const algorithm = reader.name("algorithm", 256);
  const blob = reader.string("host key");
  const hostname = reader.text("client host name", MAX_HOSTNAME_BYTES);
  const clientUser = reader.text("user name on the client host", MAX_USER_BYTES);
  const signedLength = reader.offset;
  const signature = reader.string("signature");
  reader.end();

  if (!algorithms.includes(algorithm)) return null;
  const key = parseOrNull(blob);
  if (key === null || !key.algorithms.includes(algorithm)) return null;
  const data = signedData(request, HOSTBASED, fields.subarray(0, signedLength));
  if (await inspectSignature(key, algorithm, data, signature) === null) return null;
  return { key, algorithm, clientHostname: hostname.replace(/\.$/, ""), clientUser };
}
