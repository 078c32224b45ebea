/**
 * Signatures that look right: of ECDSA, for there is nothing to Ed25519's but its length.
 *
 * @module
 */

import { Writer } from "../../../wire/writer.ts";

const rs = new Writer().mpint(new Uint8Array(32).fill(1)).mpint(new Uint8Array(32).fill(2))
  .finish();

function signature(which: number, bytes: Uint8Array): Writer {
  return new Writer().uint8(which).string(bytes).uint8(1).uint32(7);
}

export const corpus: readonly Uint8Array[] = [
  signature(0, new Uint8Array(64)).finish(),
  signature(1, rs).finish(),
  signature(2, rs).string("https://example.com").string(
    '{"type":"webauthn.get","challenge":"AAAAAAAAAAA","origin":"https://example.com"}',
  ).string("").finish(),
];
