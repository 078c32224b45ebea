/**
 * What comes in a first key exchange. The first byte says how far it is, the second the role.
 *
 * @module
 */

import { encodeKexInit } from "../../../wire/transport_messages.ts";
import { kexInitOf } from "../../../protocol/transport/negotiation.ts";
import { concat } from "../../helpers/bytes.ts";
import { debug, ignore, wellFormed } from "../../helpers/messages.ts";
import { quickAlgorithms } from "../../helpers/quick_kex.ts";
import { fromPayloads } from "../_input.ts";

const kexInit = (role: "client" | "server"): Uint8Array =>
  encodeKexInit(kexInitOf(quickAlgorithms, { cookie: new Uint8Array(16), role, first: true }));

/** Honest beginnings, in both roles, at each point. */
export const corpus: readonly Uint8Array[] = [0, 1].flatMap((role) => {
  const init = kexInit(role === 0 ? "client" : "server");
  const share = wellFormed(role === 0 ? 30 : 31);
  return [
    concat([Uint8Array.of(0, role), fromPayloads(init, share, wellFormed(21))]),
    concat([Uint8Array.of(0, role), fromPayloads(ignore, init, debug, share)]),
    concat([Uint8Array.of(1, role), fromPayloads(share, wellFormed(21), wellFormed(5))]),
    concat([Uint8Array.of(2, role), fromPayloads(wellFormed(21), wellFormed(7), wellFormed(5))]),
    concat([Uint8Array.of(1, role), fromPayloads(wellFormed(34), wellFormed(32), wellFormed(1))]),
  ];
});
