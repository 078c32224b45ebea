/**
 * Files of known hosts. The first byte says which host is asked about, by which key.
 *
 * @module
 */

import { concat, utf8 } from "../../helpers/bytes.ts";
import { publicKeys } from "../../keys/fixtures.ts";

const [ed25519, ecdsa] = [publicKeys.ed25519, publicKeys.ecdsa256].map((line) =>
  line.split(" ").slice(0, 2).join(" ")
);

const texts = [
  `# mine\n\nhost.example,192.0.2.7 ${ed25519} a comment\n`,
  `host.example ${ecdsa}\r\nh ${ed25519}\r\n[h]:99,[host.example]:99 ${ecdsa}`,
  `*.example,!h.example,h? ${ed25519}\n[*]:99 ${ecdsa}\n`,
  `@revoked * ${ed25519}\n@cert-authority *.example ${ecdsa}\nh ${ed25519}\n`,
  `|1|MkV8nzgPzWBgRneBbIAc7Wa3/jA=|ILYV7/br3tpJacvSuVksDFIdsWM= ${ed25519}\n|1|x|y ${ecdsa}\n`,
  `\thost.example\t${ecdsa?.replace(" ", "\t")}\tc\n@other h ${ed25519}\nh ssh-rsa AAAA\nh\n`,
  `h,h,host.example ${ed25519}\nhost.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\n,x, ${ecdsa}`,
];

/** Each of them, asked about in several ways. */
export const corpus: readonly Uint8Array[] = texts.flatMap((text) =>
  [0, 3, 5, 14].map((how) => concat([Uint8Array.of(how), utf8(text)]))
);
