/**
 * A file of each form.
 *
 * @module
 */

import { utf8 } from "../../helpers/bytes.ts";
import { privateKeys } from "../../keys/fixtures.ts";
import { ppks } from "../../keys/ppk_fixtures.ts";

export const corpus: readonly Uint8Array[] = [
  ...Object.values(privateKeys),
  ppks.ed25519,
  ppks.ecdsa256,
  ppks.ecdsa256Encrypted.replace("Passes: 2", "Passes: 1"),
  ppks.ed25519Version2Encrypted,
  ppks.rsaVersion2Encrypted,
].map(utf8);
