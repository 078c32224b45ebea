/**
 * Signatures of messages, and files of the signers that are allowed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { formatAllowedSigners, parseAllowedSigners } from "../../keys/allowed_signers.ts";
import { checkSigner } from "../../keys/check_signer.ts";
import { formatPem } from "../../keys/pem.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { checkMessage, parseMessageSignature } from "../../keys/sshsig.ts";
import { SshError } from "../../wire/errors.ts";
import { certificates } from "../keys/certificate_fixtures.ts";
import { publicKeys } from "../keys/fixtures.ts";

const keys = [publicKeys.ed25519, certificates.ed25519].map((line) => parsePublicKeyLine(line));
const expected = { identity: "ada", namespace: "file", now: () => 1_750_000_000_000 };

/**
 * The first byte says what the rest is: the text of a signature, a signature to be put into such a
 * text, or the file.
 */
export async function fuzz(data: Uint8Array): Promise<void> {
  const rest = data.subarray(1);
  const text = new TextDecoder().decode(rest);
  try {
    switch ((data[0] ?? 0) % 3) {
      case 0:
        return void await checkMessage(text, "data", expected);
      case 1: {
        const signature = parseMessageSignature(formatPem("SSH SIGNATURE", rest));
        assert.notEqual(signature.namespace, "");
        return void await checkMessage(signature, "data", expected);
      }
      default: {
        const lines = parseAllowedSigners(text);
        assert.equal(formatAllowedSigners(lines), text);
        for (const key of keys) await checkSigner(lines, key, expected);
      }
    }
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
  }
}
