/**
 * Public keys of all types, and certificates whose authority has signed whatever is in them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Certificate } from "../../keys/certificate.ts";
import { Ed25519PrivateKey } from "../../keys/ed25519.ts";
import { inspectSignature } from "../../keys/inspect_signature.ts";
import { parsePublicKey } from "../../keys/public_key.ts";
import { verifyCertificate } from "../../keys/verify_certificate.ts";
import { SshError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { concat } from "../helpers/bytes.ts";
import { payloadsOf } from "./_input.ts";

/** An authority that signs anything. */
const ca = new Ed25519PrivateKey({ seed: new Uint8Array(32).fill(7) });

/**
 * The first byte says what the rest is: a key; a certificate without its authority and signature,
 * which it gets; or the payloads of which one are its conditions, and one what it allows.
 */
export async function fuzz(data: Uint8Array): Promise<void> {
  const rest = data.subarray(1);
  try {
    switch ((data[0] ?? 0) % 3) {
      case 0:
        return await use(rest);
      case 1:
        return await use(await signed(rest));
      default: {
        const [criticalOptions = EMPTY, extensions = EMPTY] = payloadsOf(rest);
        const blob = new Writer().string("ssh-ed25519-cert-v01@openssh.com").string("nonce")
          .string(ca.publicKey.raw).uint64(0n).uint32(1).string("id").string(PRINCIPALS)
          .uint64(0n).uint64(2n ** 64n - 1n).string(criticalOptions).string(extensions).string("");
        return await use(await signed(blob.finish()));
      }
    }
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
  }
}

const EMPTY = new Uint8Array(0);
const PRINCIPALS = new Writer().string("ada").finish();

async function signed(head: Uint8Array): Promise<Uint8Array> {
  const all = new Writer().raw(head).string(ca.publicKey.blob).finish();
  return concat([all, new Writer().string(await ca.sign("ssh-ed25519", all)).finish()]);
}

async function use(blob: Uint8Array): Promise<void> {
  const key = parsePublicKey(blob);
  assert.deepEqual(key.blob, blob);
  for (const algorithm of key.algorithms) {
    const inspected = await inspectSignature(key, algorithm, blob, blob.subarray(0, 200));
    assert.equal(inspected, null);
  }
  if (!(key instanceof Certificate)) return;
  const verdict = await verifyCertificate(key, {
    role: key.role,
    principals: "ada",
    trustedCas: [ca.publicKey],
    address: "192.0.2.1",
    now: () => 1_750_000_000_000,
  });
  assert.equal(typeof (verdict.accepted ? "" : verdict.reason), "string");
}
