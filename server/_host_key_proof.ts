/**
 * Telling clients which host keys there are, and proving them, so that a server can change to
 * another one and is known still (OpenSSH's PROTOCOL section 2.5).
 *
 * @module
 */

import { equalBytes } from "@noble/curves/utils.js";
import type { Connection } from "../connection/connection.ts";
import { plainAlgorithm } from "../keys/certificate_algorithms.ts";
import {
  decodeProofStrings,
  encodeProofStrings,
  HOST_KEYS_PROVE_REQUEST,
  HOST_KEYS_REQUEST,
  hostKeyProofData,
} from "../keys/host_key_proof.ts";
import { samePublicKey } from "../keys/public_key.ts";
import type { Signer } from "../keys/types.ts";
import { isCertifiedSigner } from "../keys/with_certificate.ts";
import type { ConnectionInfo } from "../protocol/engine_options.ts";
import { SshError } from "../wire/errors.ts";

/**
 * Tells the client all host keys once it is authenticated, and proves those that it asks about.
 *
 * @param onError Told of what a key threw that was to sign; the client then gets no proof.
 */
export function offerHostKeys(
  connection: Connection,
  hostKeys: readonly Signer[],
  onError: (error: unknown) => void,
): void {
  const blobs = plainSigners(hostKeys).map(({ publicKey }) => publicKey.blob);
  connection.authenticated.then(
    () => connection.notify(HOST_KEYS_REQUEST, encodeProofStrings(blobs)),
  ).catch(() => {
    // It has ended, and says so itself.
  });
  let isProving = false;
  connection.takeRequests(HOST_KEYS_PROVE_REQUEST, async (request) => {
    const { info } = connection;
    // One at a time: signatures cost more than requests.
    if (isProving || info === null) return request.fail();
    isProving = true;
    try {
      const proofs = await proveHostKeys(request.payload, hostKeys, info);
      if (proofs === null) request.fail();
      else request.succeed(proofs);
    } catch (error) {
      onError(error);
      request.fail();
    } finally {
      isProving = false;
    }
  });
}

/**
 * Proves the keys that a client asks about.
 *
 * @param payload What is specific to the request.
 * @returns What is specific to the answer; null if the request cannot be read, or one of them is not
 * a host key, or asked about twice.
 */
async function proveHostKeys(
  payload: Uint8Array,
  hostKeys: readonly Signer[],
  { sessionId, algorithms }: ConnectionInfo,
): Promise<Uint8Array | null> {
  const signers = plainSigners(hostKeys);
  const asked = blobsOf(payload);
  const found = asked.map((blob) =>
    signers.find(({ publicKey }) => equalBytes(publicKey.blob, blob))
  ).filter((signer) => signer !== undefined);
  if (found.length === 0 || new Set(found).size !== asked.length) return null;
  const signatures: Uint8Array[] = [];
  for (const signer of found) {
    const { blob, algorithms: own } = signer.publicKey;
    // Of RSA's algorithms the client is known to take the one that was agreed on.
    const agreed = plainAlgorithm(algorithms.hostKey);
    const [usual = ""] = own;
    const algorithm = own.includes(agreed) ? agreed : usual;
    signatures.push(await signer.sign(algorithm, hostKeyProofData(sessionId, blob)));
  }
  return encodeProofStrings(signatures);
}

/** The keys themselves, each once: a certificate is no key to be known by. */
function plainSigners(hostKeys: readonly Signer[]): Signer[] {
  const plain = hostKeys.map((signer) => isCertifiedSigner(signer) ? signer.plain : signer);
  return plain.filter((signer, index) =>
    plain.findIndex(({ publicKey }) => samePublicKey(publicKey, signer.publicKey)) === index
  );
}

function blobsOf(payload: Uint8Array): Uint8Array[] {
  try {
    return decodeProofStrings(payload, "host keys to be proven");
  } catch (error) {
    if (error instanceof SshError) return [];
    throw error;
  }
}
