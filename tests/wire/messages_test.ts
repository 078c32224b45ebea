import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { ProtocolError } from "../../wire/errors.ts";
import {
  encodeChannelMessage,
  encodeDataHead,
  encodeRequestSuccess,
  encodeWindowAdjust,
} from "../../wire/connection_messages.ts";
import { messageName, Msg } from "../../wire/message_numbers.ts";
import {
  decodeDisconnect,
  decodeExtInfo,
  encodeIgnore,
  encodeUnimplemented,
} from "../../wire/transport_messages.ts";
import { decodeChallenge, decodeResponses } from "../../wire/auth_messages.ts";
import { decodeChannelOpenFailure } from "../../wire/connection_messages.ts";
import { Writer } from "../../wire/writer.ts";
import { fromHex as hex } from "../helpers/hex.ts";
import { codecs } from "./_codecs.ts";

describe("messages", () => {
  for (const { name, values, encode, decode, open } of codecs) {
    it(`${name}: is read as it was written`, () => {
      fc.assert(
        fc.property(values, (value) => {
          const payload = encode(value);
          const copy = payload.slice();
          assert.deepEqual(decode(payload), structuredClone(value));
          assert.deepEqual(payload, copy);
        }),
        { numRuns: 50 },
      );
    });

    it(`${name}: is read wherever it stands in memory`, () => {
      const [value] = fc.sample(values, { numRuns: 1, seed: 1 });
      const payload = encode(value);
      const buffer = new Uint8Array(payload.length + 20).fill(0xff);
      buffer.set(payload, 10);
      const view = buffer.subarray(10, 10 + payload.length);
      assert.deepEqual(decode(view), structuredClone(value));
    });

    if (open === true) continue;
    it(`${name}: is refused if it is cut off, or goes on`, () => {
      for (const value of fc.sample(values, { numRuns: 10, seed: 2 })) {
        const payload = encode(value);
        for (let length = 0; length < payload.length; length++) {
          // Without even a number there is no message.
          const isNothing = length === 0 && payload.length === 1;
          if (!isNothing) assert.throws(() => decode(payload.slice(0, length)), ProtocolError);
        }
        const longer = new Writer().raw(payload).uint8(0).finish();
        assert.throws(() => decode(longer), ProtocolError);
      }
    });
  }

  it("of one field or none are as RFC 4253 and RFC 4254 write them", () => {
    const { CHANNEL_EOF } = Msg;
    assert.deepEqual(encodeIgnore(hex("aabb")), hex("02 00000002 aabb"));
    assert.deepEqual(encodeUnimplemented(2 ** 32 - 1), hex("03 ffffffff"));
    assert.deepEqual(encodeChannelMessage(CHANNEL_EOF, 7), hex("60 00000007"));
    assert.deepEqual(encodeWindowAdjust(7, 2 ** 32 - 1), hex("5d 00000007 ffffffff"));
    assert.deepEqual(encodeDataHead(7, 0, 3), hex("5e 00000007 00000003"));
    assert.deepEqual(encodeDataHead(7, 1, 3), hex("5f 00000007 00000001 00000003"));
    assert.deepEqual(encodeRequestSuccess(hex("0016")), hex("51 0016"));
  });

  it("may lack what some peers leave out", () => {
    assert.deepEqual(decodeDisconnect(hex("01 0000000b 00000003 627965")), {
      code: 11,
      description: "bye",
    });
    assert.deepEqual(decodeChannelOpenFailure(hex("5c 00000001 00000003")), {
      recipientChannel: 1,
      reason: 3,
      description: "",
    });
  });

  it("count no further than they may, whatever room they ask for", () => {
    for (const count of [101, 2 ** 31, 2 ** 32 - 1]) {
      const challenge = new Writer().uint8(60).string("").string("").string("").uint32(count);
      assert.throws(() => decodeChallenge(challenge.finish()), /at most 100 are allowed/);
      const responses = new Writer().uint8(61).uint32(count).finish();
      assert.throws(() => decodeResponses(responses, 1), /responses to 1 prompts/);
    }
    const extensions = new Writer().uint8(7).uint32(257).finish();
    assert.throws(() => decodeExtInfo(extensions), /at most 256 are allowed/);
  });

  it("have the names of the RFCs, and numbers of their own", () => {
    assert.equal(messageName(90), "CHANNEL_OPEN (90)");
    assert.equal(
      messageName(60),
      "USERAUTH_PK_OK/USERAUTH_PASSWD_CHANGEREQ/USERAUTH_INFO_REQUEST (60)",
    );
    assert.equal(messageName(255), "message (255)");
  });
});
