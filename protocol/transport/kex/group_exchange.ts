/**
 * Diffie-Hellman in a group that the server picks: RFC 4419, with the sizes of RFC 8270.
 *
 * @module
 */

import { chooseGroup, diffieHellmanAgreement } from "../../../crypto/mod.ts";
import type { HashAlgorithm } from "../../../crypto/types.ts";
import {
  decodeGroup,
  decodeGroupRequest,
  decodeKexReply,
  decodeKexShare,
  encodeGroup,
  encodeGroupRequest,
  encodeKexReply,
  encodeKexShare,
  type GroupSizes,
} from "../../../wire/kex_messages.ts";
import { Msg } from "../../../wire/message_numbers.ts";
import { Writer } from "../../../wire/writer.ts";
import type { KexMethod } from "./types.ts";

/** What this client asks for (RFC 8270): 3072 bits are as strong as the 128-bit ciphers. */
const SIZES: GroupSizes = { min: 2048, preferred: 3072, max: 8192 };

/** The group exchange method under a name. */
export function groupExchangeMethod(name: string, hash: HashAlgorithm): KexMethod {
  return {
    name,
    hash,
    async client(context) {
      context.send(encodeGroupRequest(SIZES));
      const group = decodeGroup(await context.next(Msg.KEX_DH_GEX_GROUP));
      const start = await diffieHellmanAgreement(group).start(context.random);
      context.send(encodeKexShare(Msg.KEX_DH_GEX_INIT, start.share, "mpint"));
      const reply = decodeKexReply(await context.next(Msg.KEX_DH_GEX_REPLY), "mpint");
      await context.verify({
        hostKey: reply.hostKey,
        fields: fieldsOf(SIZES, group, start.share, reply.share),
        secret: new Writer(1030).mpint(await start.finish(reply.share)).finish(),
        signature: reply.signature,
      });
    },
    async server(context) {
      const sizes = decodeGroupRequest(await context.next(Msg.KEX_DH_GEX_REQUEST));
      const group = chooseGroup(sizes.min, sizes.preferred, sizes.max);
      context.send(encodeGroup(group));
      const clientShare = decodeKexShare(await context.next(Msg.KEX_DH_GEX_INIT), "mpint");
      const { share, secret } = await diffieHellmanAgreement(group)
        .respond(clientShare, context.random);
      const proof = await context.sign(
        fieldsOf(sizes, group, clientShare, share),
        new Writer(1030).mpint(secret).finish(),
      );
      context.send(encodeKexReply(Msg.KEX_DH_GEX_REPLY, { ...proof, share }, "mpint"));
    },
  };
}

/** RFC 4419 section 3: `min || n || max || p || g || e || f`. */
function fieldsOf(
  sizes: GroupSizes,
  group: { p: Uint8Array; g: Uint8Array },
  clientShare: Uint8Array,
  serverShare: Uint8Array,
): Uint8Array {
  return new Writer(4096).uint32(sizes.min).uint32(sizes.preferred).uint32(sizes.max)
    .mpint(group.p).mpint(group.g).mpint(clientShare).mpint(serverShare).finish();
}
