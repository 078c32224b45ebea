/**
 * What fuzzing of public keys starts from.
 *
 * @module
 */

import { fingerprint } from "../../../keys/fingerprint.ts";
import { parsePublicKeyLine } from "../../../keys/public_key.ts";
import { formatRfc4716 } from "../../../keys/rfc4716.ts";
import { concat, utf8 } from "../../helpers/bytes.ts";
import { securityKeys } from "../../keys/certificate_fixtures.ts";
import { publicKeys } from "../../keys/fixtures.ts";

const lines = [...Object.values(publicKeys), ...Object.values(securityKeys)];
const keys = lines.map((line) => parsePublicKeyLine(line));
const ed25519 = publicKeys.ed25519.split(" ")[1] ?? "";

/** Of each form, each key. */
export const corpus: readonly Uint8Array[] = [
  ...lines.map((line) => [0, utf8(line)] as const),
  ...keys.map((key) => [1, utf8(formatRfc4716(key))] as const),
  ...keys.map((key) => [2, key.blob] as const),
  ...[
    ...keys.map((key) => fingerprint(key)),
    ...keys.map((key) => fingerprint(key, "md5")),
    `ed25519:${ed25519}`,
    `rsa:${fingerprint(parsePublicKeyLine(publicKeys.rsa))}`,
    ed25519,
  ].map((text) => [3, utf8(text)] as const),
].map(([how, bytes]) => concat([Uint8Array.of(how), bytes]));
