/**
 * Files of private keys, in all forms.
 *
 * @module
 */

import { formatPublicKeyLine } from "../../keys/public_key.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { SshError } from "../../wire/errors.ts";
import { passphrase } from "../keys/fixtures.ts";

/** Little enough that a file cannot make it slow. */
const limits = { maxRounds: 1, maxIterations: 10, maxMemoryKib: 64, maxWorkKib: 64 };

/** The data is the file. */
export async function fuzz(data: Uint8Array): Promise<void> {
  try {
    const key = await parsePrivateKey(data, { passphrase, ...limits });
    if (!/[\r\n\0]/.test(key.comment)) formatPublicKeyLine(key.publicKey);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
  }
}
