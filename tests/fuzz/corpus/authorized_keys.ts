/**
 * Files of authorized keys. The first byte says from where and when somebody comes.
 *
 * @module
 */

import { concat, utf8 } from "../../helpers/bytes.ts";
import { publicKeys } from "../../keys/fixtures.ts";

const { ed25519, rsa } = publicKeys;

const texts = [
  `# mine\n\n${ed25519}\n${rsa}`,
  `restrict,command="echo \\"a b\\"  # c" ${ed25519}\nno-pty,no-x11-forwarding ${rsa}\r\n`,
  `from="192.0.2.0/24,!192.0.2.9,*.example,2001:db8::/32" ${ed25519}\n`,
  `expiry-time="20290101",expiry-time="202901010203Z" ${ed25519}\nprincipals="a,b" ${ed25519}\n`,
  `environment="A=1",environment="B=x=\\"y\\"",tunnel="0" ${ed25519}\n`,
  `permitopen="[::1]:80",permitopen="h:*",permitlisten="8080",permitlisten="*:1" ${ed25519}\n`,
  `cert-authority,no-touch-required,verify-required,principals="ada" ${rsa}\n`,
  `Restrict,PTY,user-rc ${ed25519}\nunknown ${ed25519}\ncommand="x ${ed25519}\nssh-rsa AAAA\n`,
];

/** Each of them, from several places. */
export const corpus: readonly Uint8Array[] = texts.flatMap((text) =>
  [0, 2, 5, 7].map((how) => concat([Uint8Array.of(how), utf8(text)]))
);
