/**
 * Signatures, as texts and as they are, and files of signers.
 *
 * @module
 */

import { parsePem } from "../../../keys/pem.ts";
import { concat, utf8 } from "../../helpers/bytes.ts";
import { publicKeys } from "../../keys/fixtures.ts";
import { signatures } from "../../keys/sshsig_fixtures.ts";

const key = publicKeys.ed25519;
const files = [
  `# nobody\nada,*@example.com ${key}\n\n`,
  `"a b",ad? namespaces="file,g*",valid-after="20240101Z" ${key}\r\nada ${key}`,
  `* cert-authority,valid-before="203001010203Z" ${key}\n!x ${publicKeys.rsa}\n`,
];

export const corpus: readonly Uint8Array[] = [
  ...Object.values(signatures).map((text) => concat([Uint8Array.of(0), utf8(text)])),
  ...Object.values(signatures).flatMap(parsePem)
    .map(({ bytes }) => concat([Uint8Array.of(1), bytes])),
  ...files.map((text) => concat([Uint8Array.of(2), utf8(text)])),
];
