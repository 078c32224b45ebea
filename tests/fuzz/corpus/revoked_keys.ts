/**
 * A list with all that can stand in one, and a text.
 *
 * @module
 */

import { formatKrl, parsePublicKeyLine } from "../../../keys/mod.ts";
import { Writer } from "../../../wire/writer.ts";
import { concat, utf8 } from "../../helpers/bytes.ts";
import { certificates } from "../../keys/certificate_fixtures.ts";
import { publicKeys } from "../../keys/fixtures.ts";

const keys = Object.values(publicKeys).map((line) => parsePublicKeyLine(line));
const [first, second] = keys;

const list = formatKrl({
  comment: "comment",
  keys: keys.slice(0, 2),
  fingerprints: [new Uint8Array(20).fill(1), new Uint8Array(32).fill(2)],
  certificates: [
    {
      ca: first ?? null,
      serials: [{ first: 1n, last: 1n }, { first: 5n, last: 99n }],
      keyIds: ["ada", "bob"],
    },
    { ca: null, serials: [{ first: 2n ** 64n - 1n, last: 2n ** 64n - 1n }], keyIds: ["eve"] },
  ],
});

const bitmap = new Writer().uint64(1000n).mpint(Uint8Array.of(0x81, 0x55, 0xff)).finish();
const extension = new Writer().string("x@example").uint8(0).string("?").finish();
const more = new Writer().string(second?.blob ?? "").string("").uint8(0x22).string(bitmap)
  .uint8(0x39).string(extension).finish();

export const corpus: readonly Uint8Array[] = [
  list,
  concat([
    list,
    new Writer().uint8(1).string(more).uint8(255).string(extension).finish(),
  ]),
  utf8(`# revoked\n${publicKeys.ed25519}\n\n  ${publicKeys.rsa}\r\n${certificates.ed25519}\n`),
];
