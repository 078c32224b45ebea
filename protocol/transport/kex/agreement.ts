/**
 * Key exchange with one share from each end: RFC 4253 section 8, RFC 5656 section 4, RFC 8731,
 * and the hybrids with a post-quantum encapsulation, which keep its messages.
 *
 * @module
 */

import type { HashAlgorithm, KeyAgreement } from "../../../crypto/types.ts";
import {
  decodeKexReply,
  decodeKexShare,
  encodeKexReply,
  encodeKexShare,
  writeShare,
} from "../../../wire/kex_messages.ts";
import { Msg } from "../../../wire/message_numbers.ts";
import { Writer } from "../../../wire/writer.ts";
import type { KexMethod } from "./types.ts";

/** The key exchange method that does `agreement` under a name. */
export function agreementMethod(
  name: string,
  hash: HashAlgorithm,
  agreement: KeyAgreement,
): KexMethod {
  const { shareEncoding, secretEncoding } = agreement;

  function fieldsOf(clientShare: Uint8Array, serverShare: Uint8Array): Uint8Array {
    const writer = new Writer(clientShare.length + serverShare.length + 16);
    writeShare(writer, clientShare, shareEncoding);
    return writeShare(writer, serverShare, shareEncoding).finish();
  }

  function encodeSecret(secret: Uint8Array): Uint8Array {
    return writeShare(new Writer(secret.length + 5), secret, secretEncoding).finish();
  }

  return {
    name,
    hash,
    async client(context) {
      const start = await agreement.start(context.random);
      context.send(encodeKexShare(Msg.KEXDH_INIT, start.share, shareEncoding));
      const reply = decodeKexReply(await context.next(Msg.KEXDH_REPLY), shareEncoding);
      await context.verify({
        hostKey: reply.hostKey,
        fields: fieldsOf(start.share, reply.share),
        secret: encodeSecret(await start.finish(reply.share)),
        signature: reply.signature,
      });
    },
    async server(context) {
      const clientShare = decodeKexShare(await context.next(Msg.KEXDH_INIT), shareEncoding);
      const { share, secret } = await agreement.respond(clientShare, context.random);
      const proof = await context.sign(fieldsOf(clientShare, share), encodeSecret(secret));
      context.send(encodeKexReply(Msg.KEXDH_REPLY, { ...proof, share }, shareEncoding));
    },
  };
}
