/**
 * What comes first on a connection. The first byte says in which role and how cut.
 *
 * @module
 */

import { concat, utf8 } from "../../helpers/bytes.ts";

const texts = [
  "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
  "SSH-1.99-Cisco-1.25\n",
  "SSH-2.0-x",
  "Welcome\r\nto this host\nSSH-2.0-dropbear_2022.83\r\n",
  "SSH-1.5-old\r\n",
  "HTTP/1.1 400 Bad Request\r\n\r\n",
  "\0\0\0\n",
  "\r\n".repeat(1023) + "SSH-2.0-x\r\n",
  `SSH-2.0-${"x".repeat(245)}\r\n\0\0\0\x0c`,
  `${"y".repeat(400)}\nSSH-2.0-x\r\n`,
];

/** Each text in both roles, whole and byte by byte. */
export const corpus: readonly Uint8Array[] = texts.flatMap((text) =>
  [0, 1, 2, 3, 14].map((how) => concat([Uint8Array.of(how), utf8(text)]))
);
