/**
 * Learning which other host keys a server has, so that it can change to one of them and is known
 * still (OpenSSH's PROTOCOL section 2.5).
 *
 * @module
 */

import type { Connection } from "../connection/mod.ts";
import type { MaybePromise } from "../crypto/types.ts";
import { isCertificateAlgorithm } from "../keys/certificate_algorithms.ts";
import { plainKey } from "../keys/certificate.ts";
import {
  decodeProofStrings,
  encodeProofStrings,
  HOST_KEYS_PROVE_REQUEST,
  HOST_KEYS_REQUEST,
  hostKeyProofData,
} from "../keys/host_key_proof.ts";
import { parsePublicKey, samePublicKey } from "../keys/public_key.ts";
import type { PublicKey } from "../keys/types.ts";
import { KeyFormatError, SshError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";

/** Where keys have come from. */
export interface HostKeysContext {
  /** The name or address that was connected to. */
  readonly hostname?: string;
  /** The port that was connected to. */
  readonly port?: number;
  /** The key that the server has shown when it was connected to, and that has been accepted. */
  readonly hostKey: PublicKey;
}

/**
 * Told of all host keys that a server has, of the types that are supported: each has been proven to
 * be its own. Those that it is known by, and are not among them, are of no use any more.
 */
export type HostKeysListener = (
  keys: readonly PublicKey[],
  context: HostKeysContext,
) => MaybePromise<void>;

/**
 * Waits for a server's announcement, the first of the connection, and has the keys proven. What is
 * not proven is told to nobody, and the connection goes on, as it does whatever else the server does
 * wrong here.
 *
 * @param tell Told of the keys, and of the one that the server has shown; what it throws is reported
 *   to the console.
 */
export function takeHostKeys(
  connection: Connection,
  tell: (keys: readonly PublicKey[], hostKey: PublicKey) => MaybePromise<void>,
): void {
  let isFirst = true;
  connection.takeRequests(HOST_KEYS_REQUEST, (request) => {
    request.fail();
    if (isFirst) handle(connection, request.payload, tell);
    isFirst = false;
  });
}

async function handle(
  connection: Connection,
  payload: Uint8Array,
  tell: (keys: readonly PublicKey[], hostKey: PublicKey) => MaybePromise<void>,
): Promise<void> {
  try {
    const keys = await proofOf(connection, payload);
    const { info } = connection;
    if (keys !== null && info !== null) await tell(keys, plainKey(info.hostKey));
  } catch (error) {
    console.error(error);
  }
}

/** The proven keys; null if the server denies the proof, sends what cannot be read, or is gone. */
async function proofOf(
  connection: Connection,
  payload: Uint8Array,
): Promise<readonly PublicKey[] | null> {
  try {
    return await provenHostKeys(connection, payload);
  } catch (error) {
    if (error instanceof SshError || connection.closeReason !== null) return null;
    throw error;
  }
}

/**
 * Has a server prove that the host keys are its own that it has announced.
 *
 * @param payload What is specific to the announcement.
 * @returns All keys of supported types, the one that the connection was made by among them if it has
 * been announced; null if one of them was not proven.
 * @throws {SshError} If the announcement or the answer cannot be read, or there is no answer.
 */
export async function provenHostKeys(
  connection: Connection,
  payload: Uint8Array,
): Promise<readonly PublicKey[] | null> {
  const { info } = connection;
  if (info === null) return null;
  const keys = decodeProofStrings(payload, "host keys").map(parseOrNull).filter((key) =>
    key !== null
  );
  const isTwice = keys.some((key, index) =>
    keys.findIndex((other) => samePublicKey(other, key)) < index
  );
  if (isTwice) return null;
  // The key exchange has proven this one.
  const open = keys.filter((key) => !samePublicKey(key, plainKey(info.hostKey)));
  if (open.length === 0) return keys;
  const request = encodeProofStrings(open.map(({ blob }) => blob));
  const reply = await connection.request(HOST_KEYS_PROVE_REQUEST, request);
  const signatures = decodeProofStrings(reply, "proofs of host keys");
  if (signatures.length !== open.length) return null;
  for (const [index, key] of open.entries()) {
    const signature = signatures[index];
    if (signature === undefined || !(await isProven(key, info.sessionId, signature))) return null;
  }
  return keys;
}

async function isProven(
  key: PublicKey,
  sessionId: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const algorithm = new Reader(signature, "proof of a host key").name("algorithm", 256);
  const data = hostKeyProofData(sessionId, key.blob);
  return key.algorithms.includes(algorithm) && await key.verify(algorithm, data, signature);
}

/** Keys that are not supported could not be used either; a certificate is no key to be known by. */
function parseOrNull(blob: Uint8Array): PublicKey | null {
  try {
    const key = parsePublicKey(blob);
    return isCertificateAlgorithm(key.type) ? null : key;
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}
