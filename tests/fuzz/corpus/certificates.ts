/**
 * Keys and certificates of all types, and conditions of certificates.
 *
 * @module
 */

import { parsePublicKeyLine } from "../../../keys/public_key.ts";
import { Writer } from "../../../wire/writer.ts";
import { concat } from "../../helpers/bytes.ts";
import { certificates, securityKeys } from "../../keys/certificate_fixtures.ts";
import { publicKeys } from "../../keys/fixtures.ts";
import { fromPayloads } from "../_input.ts";

const lines = [publicKeys, securityKeys, certificates].flatMap((lines) => Object.values(lines));

/** A certificate of Ed25519's up to its authority's key. */
function headOf(line: string): Uint8Array {
  const { blob } = parsePublicKeyLine(line);
  return blob.subarray(0, -(4 + 51 + 4 + 83));
}

function options(...pairs: readonly (readonly [string, string | null])[]): Uint8Array {
  const writer = new Writer();
  for (const [name, value] of pairs) {
    const data = value === null ? new Uint8Array(0) : new Writer().string(value).finish();
    writer.string(name).string(data);
  }
  return writer.finish();
}

export const corpus: readonly Uint8Array[] = [
  ...lines.map((line) => concat([Uint8Array.of(0), parsePublicKeyLine(line).blob])),
  ...[certificates.ed25519, certificates.restricted, certificates.host, certificates.skEd25519]
    .map((line) => concat([Uint8Array.of(1), headOf(line)])),
  concat([
    Uint8Array.of(2),
    fromPayloads(
      options(["force-command", "x"], ["source-address", "192.0.2.0/24,::1"], [
        "verify-required",
        null,
      ]),
      options(["permit-pty", null], ["no-touch-required", null], ["x@example.com", "y"]),
    ),
  ]),
];
