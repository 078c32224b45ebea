/**
 * A file of each form.
 *
 * @module
 */

import { formatPrivateKey, parsePublicKeyLine, SecurityKeyPrivateKey } from "../../../keys/mod.ts";
import { utf8 } from "../../helpers/bytes.ts";
import { securityKeys } from "../../keys/certificate_fixtures.ts";
import { privateKeys } from "../../keys/fixtures.ts";
import { ppks } from "../../keys/ppk_fixtures.ts";

const securityKeyFiles = await Promise.all(
  Object.values(securityKeys).map((line) => {
    const publicKey = parsePublicKeyLine(line).blob;
    const parts = { publicKey, flags: 1, keyHandle: utf8("a key's handle") };
    return formatPrivateKey(new SecurityKeyPrivateKey(parts, { comment: "ada" }));
  }),
);

export const corpus: readonly Uint8Array[] = [
  ...Object.values(privateKeys),
  ...securityKeyFiles,
  ppks.ed25519,
  ppks.ecdsa256,
  ppks.ecdsa256Encrypted.replace("Passes: 2", "Passes: 1"),
  ppks.ed25519Version2Encrypted,
  ppks.rsaVersion2Encrypted,
].map(utf8);
